package flow

import (
	"strings"
	"testing"

	"warren/test/broker"
	"warren/test/raw"
)

// P-20, P-21, P-22: soft errors close the channel they are on, with code, text and method, and nothing else; its number is free
// again behind close-ok.
func TestSoftErrors(t *testing.T) {
	b := broker.Shared(t)
	id := func(class, method uint16) raw.ID { return raw.ID{Class: class, Method: method} }
	name := strings.Repeat("n", 255)
	const none = "NOT_FOUND - no queue 'none' in vhost '/'"
	for _, row := range []struct {
		what string
		id   raw.ID
		args raw.Fields
		code uint16
		text string
	}{
		{"P-20 404 no queue to consume", raw.BasicConsume, raw.Fields{}.Short(0).ShortStr("none").ShortStr("").Octet(0).Table(), 404, none},
		{"P-20 404 no queue to get from", raw.BasicGet, raw.Fields{}.Short(0).ShortStr("none").Octet(0), 404, none},
		{"P-53 404 passive declare", raw.QueueDeclare, raw.Fields{}.Short(0).ShortStr("none").Octet(1).Table(), 404, none},
		{"P-59 404 no queue to purge", id(50, 30), raw.Fields{}.Short(0).ShortStr("none").Octet(0), 404, none},
		{"P-20 404 no exchange", raw.ExchangeDeclare, raw.Fields{}.Short(0).ShortStr("none").ShortStr("direct").Octet(1).Table(), 404, "NOT_FOUND - no exchange 'none' in vhost '/'"},
		{"P-57 404 no current queue", raw.BasicGet, raw.Fields{}.Short(0).ShortStr("").Octet(0), 404, "NOT_FOUND - no previously declared queue"},
		{"P-20 403 reserved name", raw.QueueDeclare, raw.Fields{}.Short(0).ShortStr("amq.mine").Octet(0).Table(), 403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'"},
		{"P-20 406 unknown delivery tag", raw.BasicAck, raw.Fields{}.LongLong(7).Octet(0), 406, "PRECONDITION_FAILED - unknown delivery tag 7"},
		{"P-48 406 unknown delivery tag in a reject", id(60, 90), raw.Fields{}.LongLong(7).Octet(0), 406, "PRECONDITION_FAILED - unknown delivery tag 7"},
		{"P-48 406 unknown delivery tag in a nack", id(60, 120), raw.Fields{}.LongLong(7).Octet(0), 406, "PRECONDITION_FAILED - unknown delivery tag 7"},
		{"P-39 406 commit without select", id(90, 20), nil, 406, "PRECONDITION_FAILED - channel is not transactional"},
		{"P-39 406 rollback without select", id(90, 30), nil, 406, "PRECONDITION_FAILED - channel is not transactional"},
		{"P-21 the text is cut at 255 bytes", raw.BasicGet, raw.Fields{}.Short(0).ShortStr(name).Octet(0), 404, ("NOT_FOUND - no queue '" + name)[:252] + "..."},
	} {
		t.Run(row.what, func(t *testing.T) {
			c := raw.Open(t, b.Addr)
			c.OpenChannel(1)
			c.OpenChannel(2)
			q := c.DeclareQueue(2, "")
			c.Method(1, row.id, row.args)
			want := raw.Close{Channel: 1, Code: row.code, Text: row.text, Failing: row.id}
			if got := c.ExpectClose(); got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			// P-22: what still comes for the channel is dropped, its number opens again, and the other one never noticed.
			c.Send(raw.Message(1, "", q, []byte("dropped")))
			c.Method(1, raw.ChannelCloseOk, nil)
			c.OpenChannel(1)
			c.Send(raw.Message(1, "", q, []byte("1")))
			c.Call(1, raw.BasicGet, raw.Fields{}.Short(0).ShortStr(q).Octet(1), raw.BasicGetOk)
			c.Read()
			c.Read()
			c.Call(2, raw.BasicGet, raw.Fields{}.Short(0).ShortStr(q).Octet(1), raw.BasicGetEmpty)
			c.Goodbye()
		})
	}
}

func TestChannelMethods(t *testing.T) {
	b := broker.Shared(t)
	t.Run("P-29 access.request", func(t *testing.T) {
		c := raw.Open(t, b.Addr)
		c.OpenChannel(1)
		ok := c.Call(1, raw.ID{Class: 30, Method: 10}, raw.Fields{}.ShortStr("/data").Octet(31), raw.ID{Class: 30, Method: 11})
		if ticket := ok.Short(); ticket != 1 {
			t.Fatalf("ticket %d", ticket)
		}
	})
	t.Run("P-28 channel.flow", func(t *testing.T) {
		c := raw.Open(t, b.Addr)
		c.OpenChannel(1)
		ok := c.Call(1, raw.ChannelFlow, raw.Fields{}.Octet(1), raw.ChannelFlowOk)
		if active := ok.Octet(); active != 1 {
			t.Fatalf("active %d", active)
		}
	})
	t.Run("P-23 channel.close on a channel that was never opened", func(t *testing.T) {
		c := raw.Open(t, b.Addr)
		c.Method(5, raw.ChannelClose, raw.Fields{}.Short(200).ShortStr("bye").Short(0).Short(0))
		want := raw.Close{Code: 504, Text: "CHANNEL_ERROR - expected 'channel.open'", Failing: raw.ChannelClose}
		if got := c.ExpectClose(); got != want {
			t.Fatalf("got %+v", got)
		}
	})
	t.Run("P-22 a number is used again and again", func(t *testing.T) {
		c := raw.Open(t, b.Addr)
		for range 50 {
			c.OpenChannel(9)
			c.Call(9, raw.ChannelClose, raw.Fields{}.Short(200).ShortStr("bye").Short(0).Short(0), raw.ChannelCloseOk)
		}
	})
	t.Run("P-23 the highest number", func(t *testing.T) {
		c := raw.Open(t, b.Addr)
		c.OpenChannel(2047)
	})
	t.Run("P-26 line ends are taken out of names", func(t *testing.T) {
		c := raw.Open(t, b.Addr)
		c.OpenChannel(1)
		if got := c.DeclareQueue(1, "p26\r\nname"); got != "p26name" {
			t.Fatalf("declared %q", got)
		}
	})
	t.Run("P-26 a name of 255 bytes", func(t *testing.T) {
		c := raw.Open(t, b.Addr)
		c.OpenChannel(1)
		long := strings.Repeat("ü", 127) + "x"
		if got := c.DeclareQueue(1, long); got != long {
			t.Fatalf("declared %q", got)
		}
	})
}
