package settings

import (
	"fmt"
	"strings"
	"testing"

	"warren/protocol"
)

func TestServerNamed(t *testing.T) {
	// Contract P-62: what a name begins with that the broker makes up, and who may have one.
	for _, row := range []struct {
		args protocol.Table
		want string
	}{
		{nil, "amq.gen"},
		{protocol.Table{"x-name-prefix": int32(1)}, "amq.gen"},
		{protocol.Table{"x-name-prefix": "mine"}, "mine"},
		{protocol.Table{"x-name-prefix": strings.Repeat("p", 64)}, strings.Repeat("p", 64)},
		{protocol.Table{"x-name-prefix": strings.Repeat("p", 65)}, "406 Queue name prefix '" + strings.Repeat("p", 65) + "' exceeds the 64-byte limit"},
		{protocol.Table{"x-queue-type": "quorum"}, "406 Cannot declare a server-named queue for type rabbit_quorum_queue"},
		{protocol.Table{"x-queue-type": "stream"}, "406 Cannot declare a server-named queue for type rabbit_stream_queue"},
	} {
		got, err := ServerNamed(row.args)
		if err != nil {
			got = fmt.Sprint(err.Code, " ", err.Text)
		}
		if got != row.want {
			t.Errorf("%v: %s, want %s", row.args, got, row.want)
		}
	}
}
