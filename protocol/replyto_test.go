package protocol

import (
	"bytes"
	"reflect"
	"testing"
)

func TestReplaceReplyTo(t *testing.T) {
	// Contract P-38: the reply-to becomes another, whatever stands around it.
	for _, p := range []Properties{
		{ReplyTo: "amq.rabbitmq.reply-to"},
		{Present: PropReplyTo | PropContentType | PropExpiration},
		{ContentType: "text/plain", ContentEncoding: "gzip", Headers: Table{"a": int32(1), "b": Table{"c": "d"}}, DeliveryMode: 2, Priority: 7,
			CorrelationID: "17", ReplyTo: "x", Expiration: "5", MessageID: "m", Timestamp: 12, Type: "t", UserID: "guest", AppID: "app", ClusterID: "c"},
	} {
		raw := p.Append(nil)
		before := bytes.Clone(raw)
		got, err := ParseProperties(ReplaceReplyTo(raw, "another"))
		want, _ := ParseProperties(raw)
		want.ReplyTo = "another"
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v became %+v, %v", p, got, err)
		}
		if !bytes.Equal(raw, before) {
			t.Errorf("%+v: the original changed", p)
		}
	}
}
