package connection

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"warren/protocol"
	"warren/protocol/amqp091"
)

// everything is bytes with all that the assembler knows.
func everything() []byte {
	s := (&script{frameMax: 40}).method(1, &amqp091.ChannelOpen{}).method(2, &amqp091.ChannelOpen{})
	s.publish(1, "a", "k1", "").publish(1, "b", "k2", strings.Repeat("x", 100)).publish(1, "a", "k3", "tiny")
	s.method(1, &amqp091.BasicAck{DeliveryTag: 7, Multiple: true}).start(1) // channel 2 in between
	s.method(2, &amqp091.QueueDeclare{Queue: "q"}).content(1, "interleaved").publish(2, "a", "k4", "two")
	s.b = amqp091.AppendHeartbeat(s.b)
	s.method(1, &amqp091.BasicNack{DeliveryTag: 8, Requeue: true}).method(1, &amqp091.BasicReject{DeliveryTag: 9})
	s.method(2, &amqp091.ChannelClose{}).method(2, &amqp091.ChannelOpen{}).publish(2, "c", "k5", "again")
	s.start(1).header(1, 60, feedMax+1, protocol.Properties{})
	for range 4 {
		s.body(1, strings.Repeat("y", feedMax/4))
	}
	return s.body(1, "y").method(0, &amqp091.ConnectionClose{}).publish(1, "a", "k6", "late").b
}

// pieces reads bytes that come in pieces as a reader does: in a buffer that is used again for the next read.
func pieces(f *feed, b []byte, cuts ...int) {
	buffer := make([]byte, len(b))
	have, from := 0, 0
	for _, to := range append(cuts, len(b)) {
		have += copy(buffer[have:], b[from:to])
		from = to
		rest := slices.Clone(f.read(buffer[:have:have]))
		for i := range buffer[:have] {
			buffer[i] = 0xEE
		}
		have = copy(buffer, rest)
	}
}

func TestAnyCutMeansTheSame(t *testing.T) {
	// P-02, promise: what the bytes mean does not depend on how TCP cuts them.
	b := everything()
	whole := newFeed()
	whole.read(slices.Clone(b))
	want := whole.meaning()
	if whole.failed != nil {
		t.Fatal(whole.failed)
	}
	for cut := range len(b) + 1 {
		f := newFeed()
		pieces(f, b, cut)
		if got := f.meaning(); got != want {
			t.Fatalf("cut at %d:\n%s\nwant\n%s", cut, got, want)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		cuts := make([]int, 20)
		for i := range cuts {
			cuts[i] = r.IntN(len(b))
		}
		slices.Sort(cuts)
		f := newFeed()
		pieces(f, b, cuts...)
		if got := f.meaning(); got != want {
			t.Fatalf("cut at %v:\n%s\nwant\n%s", cuts, got, want)
		}
	}
}

func FuzzAssembler(f *testing.F) {
	// Promise: whatever comes from outside, the broker does not panic, the same bytes mean the same however they are cut, and a
	// message has the body that its header announced.
	f.Add(everything()[:600], []byte{1, 2, 3})
	f.Add(opened().publish(1, "x", "k", "body").b, []byte{200})
	f.Add(opened().start(1).header(1, 60, 3, protocol.Properties{Expiration: "60"}).body(1, "abc").b, []byte{7, 7})
	f.Add(opened().start(1).header(1, 60, 3, protocol.Properties{Headers: protocol.Table{"a": int32(1)}}).body(1, "").body(1, "abc").b, []byte{40})
	f.Fuzz(func(t *testing.T, b, cuts []byte) {
		whole := newFeed()
		whole.read(slices.Clone(b))
		var places []int
		at := 0
		for _, c := range cuts {
			if at += int(c); at > len(b) {
				break
			}
			places = append(places, at)
		}
		cut := newFeed()
		pieces(cut, b, places...)
		if got, want := cut.meaning(), whole.meaning(); got != want {
			t.Fatalf("cut at %v:\n%s\nwant\n%s", places, got, want)
		}
		checkBodies(t, b, whole)
	})
}

// checkBodies compares with what the frames say when they are read for their bodies alone.
func checkBodies(t *testing.T, b []byte, f *feed) {
	sent := map[uint16]*strings.Builder{}
	var all []string
	for {
		frame, n, err := amqp091.ParseFrame(b, 0)
		if err != nil || n == 0 {
			break
		}
		b = b[n:]
		switch frame.Type {
		case amqp091.FrameHeader:
			sent[frame.Channel] = &strings.Builder{}
			all = append(all, "")
		case amqp091.FrameBody:
			if s := sent[frame.Channel]; s != nil {
				s.Write(frame.Payload)
				all = append(all, s.String())
			}
		}
	}
	for _, body := range f.bodies {
		if !slices.Contains(all, body) {
			t.Fatalf("body %q was not sent", body)
		}
	}
}
