package connection

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"warren/actors/channel"
	"warren/protocol"
	"warren/protocol/amqp091"
)

func opened() *script { return (&script{}).method(1, &amqp091.ChannelOpen{}) }

// header is a content header frame.
func (s *script) header(ch, class uint16, size uint64, p protocol.Properties) *script {
	s.b = amqp091.AppendContentHeader(s.b, ch, class, size, p.Append(nil))
	return s
}

func (s *script) body(ch uint16, part string) *script {
	s.b = append(amqp091.AppendFrameHeader(s.b, amqp091.FrameBody, ch, len(part)), part...)
	s.b = append(s.b, amqp091.FrameEnd)
	return s
}

func (s *script) start(ch uint16) *script {
	s.b = amqp091.AppendPublish(s.b, ch, "x", "k", false)
	return s
}

func TestAssemblerRefuses(t *testing.T) {
	// Contract 1.1, 1.2, 1.4: what is wrong with a frame in its place, and with whose scope.
	for _, e := range []struct {
		name string
		s    *script
		want string // the connection's error; or of channel 1, with its number in front
	}{
		{"method on a channel that is not open", (&script{}).method(1, &amqp091.BasicQos{}), "CHANNEL_ERROR - expected 'channel.open'"},
		{"content on a channel that is not open", (&script{}).body(1, "x"), "UNEXPECTED_FRAME - expected method frame, got non method frame instead"},
		{"content without a method", opened().body(1, "x"), "UNEXPECTED_FRAME - expected method frame, got non method frame instead"},
		{"content on channel 0", (&script{}).body(0, "x"), "UNEXPECTED_FRAME - expected method frame, got non method frame instead"},
		{"method in place of a header", opened().start(1).method(1, &amqp091.BasicQos{}), "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead"},
		{"body in place of a header", opened().start(1).body(1, "x"), "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead"},
		{"header in place of a body", opened().start(1).header(1, 60, 1, protocol.Properties{}).header(1, 60, 1, protocol.Properties{}), "UNEXPECTED_FRAME - expected content body, got non content body frame instead"},
		{"header of another class", opened().start(1).header(1, 50, 1, protocol.Properties{}), "UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 instead"},
		{"body too long", opened().start(1).header(1, 60, 1, protocol.Properties{}).body(1, "xy"), "FRAME_ERROR - content of 2 bytes where 1 were announced"},
		{"immediate", opened().method(1, &amqp091.BasicPublish{Immediate: true}), "NOT_IMPLEMENTED - immediate=true"},
		{"a connection's method on a channel", opened().method(1, &amqp091.ConnectionClose{}), "COMMAND_INVALID - unimplemented method"},
		{"size beyond 512 MiB", opened().start(1).header(1, 60, 512<<20+1, protocol.Properties{}), "FRAME_ERROR - content of 536870913 bytes exceeds the maximum of 536870912"},
		{"size beyond max_message_size", opened().start(1).header(1, 60, feedMax+1, protocol.Properties{}), "1 PRECONDITION_FAILED - message size 4097 is larger than configured max size 4096"},
		{"another user's id", opened().start(1).header(1, 60, 0, protocol.Properties{UserID: "me"}), "1 PRECONDITION_FAILED - user_id property set to 'me' but authenticated user was 'guest'"},
	} {
		f := newFeed()
		f.read(e.s.b)
		got := ""
		for _, s := range f.said[1] {
			if text, is := strings.CutPrefix(s.what, "error "); is {
				got = "1 " + text
			}
		}
		if f.failed != nil {
			got = f.failed.ReplyText()
		}
		if got != e.want {
			t.Errorf("%s: %q, want %q", e.name, got, e.want)
		}
	}
}

func TestAssemblerReadsOverWhatItRefused(t *testing.T) {
	// P-25: a message that is too large is a channel's error; the connection stays in step and its other channels go on.
	s := opened().method(2, &amqp091.ChannelOpen{}).start(1).header(1, 60, feedMax+5, protocol.Properties{})
	s.publish(2, "y", "k", "other").body(1, strings.Repeat("a", feedMax)).body(1, "12345").start(1).content(1, "next")
	f := newFeed()
	if rest := f.read(s.b); len(rest) != 0 || f.failed != nil {
		t.Fatalf("%d bytes left, %v", len(rest), f.failed)
	}
	if !slices.Equal(f.bodies, []string{"next", "other"}) && !slices.Equal(f.bodies, []string{"other", "next"}) {
		t.Fatalf("bodies %q", f.bodies)
	}
}

func TestAssemblerChannelNumbers(t *testing.T) {
	// P-22, P-23: a number may be used again at once behind channel.close; there are never more than channel_max open.
	s := &script{}
	for n := uint16(1); n <= 8; n++ {
		s.method(n, &amqp091.ChannelOpen{})
	}
	s.method(3, &amqp091.ChannelClose{}).method(3, &amqp091.ChannelOpen{}).publish(3, "x", "k", "b").method(3, &amqp091.ChannelCloseOk{})
	s.method(3, &amqp091.ChannelCloseOk{}).method(9, &amqp091.ChannelOpen{})
	for _, whole := range []bool{true, false} {
		f := newFeed()
		if whole {
			f.read(s.b)
		} else {
			var rest []byte
			for _, b := range s.b {
				rest = f.read(append(rest, b))
			}
		}
		if f.opened != 10 || f.failed != nil || len(f.channels) != 8 {
			t.Fatalf("%d opened, %d there, %v", f.opened, len(f.channels), f.failed)
		}
		f.read((&script{}).method(10, &amqp091.ChannelOpen{}).b)
		if want := "number of channels opened (8) has reached the negotiated channel_max (8)"; f.failed == nil || f.failed.Text != want {
			t.Fatalf("%v, want %q", f.failed, want)
		}
	}
}

func TestAssemblerEndsEveryChannelOnce(t *testing.T) {
	// P-13: behind connection.close nothing is done but what was in front of it, and every channel hears of the end.
	s := opened().method(2, &amqp091.ChannelOpen{}).publish(1, "x", "k", "in").method(0, &amqp091.ConnectionClose{})
	s.publish(1, "x", "k", "out").method(3, &amqp091.ChannelOpen{}).method(0, &amqp091.ConnectionBlocked{}).method(0, &amqp091.ConnectionCloseOk{})
	f := newFeed()
	f.read(s.b)
	want := "channel 0\n*amqp091.ConnectionClose\n*amqp091.ConnectionCloseOk\nchannel 1\n*amqp091.ChannelOpen\n" +
		"publish 1 x/k 8000027474 2+\"in\"\nclosed\nchannel 2\n*amqp091.ChannelOpen\nclosed\n"
	if got := f.meaning(); got != want {
		t.Fatalf("%s\nwant\n%s", got, want)
	}
}

func TestAssemblerTakesNoMarks(t *testing.T) {
	// Contract Q-12: only the broker says that a message has died. The two flag bits where it does are ignored in a client's header.
	s := opened().start(1).header(1, 60, 1, protocol.Properties{Headers: protocol.Table{"x-death": []any{}}})
	flags := len(s.b) - 1 - 4 - len("x-death") - 1 - 1 - 4 - 2
	if s.b[flags] != 0x20 {
		t.Fatalf("no property flags at %d of %x", flags, s.b)
	}
	s.b[flags+1] |= 3
	f := newFeed()
	f.read(s.body(1, "x").b)
	if f.failed != nil || len(f.kept) != 1 || f.kept[0].Properties[1] != 0 {
		t.Fatalf("%v, %+v", f.failed, f.kept)
	}
}

func TestAssemblerOwnsWhatSpansReads(t *testing.T) {
	// Promise: content that spans reads does not hold the read buffer; it is the same when that is written over (DESIGN section 7).
	s := (&script{frameMax: 64}).method(1, &amqp091.ChannelOpen{}).publish(1, "exchange", "routing.key", strings.Repeat("body", 40))
	for cut := 1; cut < len(s.b); cut++ {
		f := newFeed()
		first := slices.Clone(s.b[:cut])
		rest := slices.Clone(f.read(first))
		if len(f.bodies) > 0 {
			break // all of it was in the first part
		}
		copy(first, bytes.Repeat([]byte{0xAA}, len(first)))
		f.read(append(rest, s.b[cut:]...))
		m := f.kept[0]
		if string(m.Body) != strings.Repeat("body", 40) || m.RoutingKey != "routing.key" || f.said[1][1].group != "x exchange" ||
			!bytes.Equal(m.Properties, []byte{0x80, 0, 6, 't', 't', 't', 't', 't', 't'}) {
			t.Fatalf("cut at %d: %+v", cut, m)
		}
	}
}

func TestAssemblerUsesAWholeBodyWhereItWasRead(t *testing.T) {
	// Promise: no copy and no allocation for the body of a message that came with one read (DESIGN section 4, bytes).
	s := opened().publish(1, "x", "k", "the body")
	f := newFeed()
	f.read(s.b)
	if at := bytes.Index(s.b, []byte("the body")); &f.kept[0].Body[0] != &s.b[at] {
		t.Fatal("the body was copied")
	}
}

func TestAssemblerLargeContent(t *testing.T) {
	// P-25: 16 MiB, the default limit, in frames of 128 KiB and reads of any size; nothing is reserved for bytes that a header
	// only announces.
	body := strings.Repeat("0123456789abcdef", 1<<20)
	s := (&script{frameMax: 131072}).method(1, &amqp091.ChannelOpen{}).publish(1, "x", "k", body)
	f := newFeed()
	f.limits.maxMessage = 16 << 20
	var rest []byte
	for b := s.b; len(b) > 0; {
		n := min(len(b), 200_000)
		rest = slices.Clone(f.read(append(rest, b[:n]...)))
		b = b[n:]
	}
	if len(f.bodies) != 1 || f.bodies[0] != body {
		t.Fatalf("%d bodies, %v", len(f.bodies), f.failed)
	}
	if m := f.kept[0]; cap(m.Body) != len(m.Body) {
		t.Errorf("%d bytes reserved for %d", cap(m.Body), len(m.Body))
	}
	f = newFeed()
	f.limits.maxMessage = 0
	f.read(opened().start(1).header(1, 60, 500<<20, protocol.Properties{}).body(1, "x").b)
	if got := cap(f.channels[1].content.message.Body); got > firstReserve+1 {
		t.Errorf("a header made us reserve %d bytes", got)
	}
}

func TestAssemblerGroups(t *testing.T) {
	// Promise: what one read held for a channel is one batch: one step for each exchange between two methods, at most 256
	// messages, and one for settlements (DESIGN section 4, batch by socket read).
	s := opened()
	for range 300 {
		s.publish(1, "a", "k", "1").publish(1, "b", "k", "2").method(1, &amqp091.BasicAck{DeliveryTag: 1})
	}
	s.method(1, &amqp091.BasicQos{}).publish(1, "a", "k", "3")
	f := newFeed()
	var sizes []int
	for b := s.b; len(b) > 0; {
		frame, n, err := amqp091.ParseFrame(b, 0)
		if err != nil {
			t.Fatal(err)
		}
		b = b[n:]
		if err := f.frame(frame); err != nil {
			t.Fatal(err)
		}
	}
	f.take(func(_ *inbound, steps []channel.Step) {
		for _, s := range steps {
			sizes = append(sizes, len(s.Messages)+len(s.Acks))
		}
	})
	if want := []int{0, 256, 256, 300, 44, 44, 0, 1}; !slices.Equal(sizes, want) {
		t.Fatalf("steps of %v, want %v", sizes, want)
	}
}
