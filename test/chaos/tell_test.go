package chaos

import (
	"fmt"
	"strings"
	"testing"

	"warren/test/broker"
)

// tellAll says, when the test has failed, what is needed to tell a wake-up that was lost from a broker that is only slow: where messages are,
// who holds them, what his window is, and whether anything still waits in a mailbox. Twice: what has moved in between is slow.
func tellAll(t *testing.T, b *broker.Broker) {
	if !t.Failed() {
		return
	}
	for range 2 {
		for _, list := range [][]string{
			{"list_queues", "name", "messages_ready", "messages_unacknowledged", "consumers"},
			{"list_channels", "connection", "number", "state", "prefetch_count", "messages_unacknowledged", "messages_unconfirmed", "messages_uncommitted"},
			{"list_consumers"},
		} {
			out, err := b.TryCtl(t, list...)
			t.Logf("%s: %v\n%s", list[0], err, out)
		}
		var waiting strings.Builder
		for _, a := range newShaker(t, b).tree(t) {
			if a.MailboxLength > 0 || a.State != "running" {
				fmt.Fprintf(&waiting, "%s: %s, %d messages wait\n", a.Path, a.State, a.MailboxLength)
			}
		}
		t.Logf("actors that do not run, or have mail:\n%s", waiting.String())
	}
}
