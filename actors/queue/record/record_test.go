package record

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"warren/actors/queue/ready"
	eventv1 "warren/proto/event/v1"
	"warren/protocol"
)

// The promise of proto/event/v1: what is written by hand is what the generated code writes, byte for byte.
func TestEncodingIsTheGeneratedOne(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		first, exchange := r.Uint64N(1<<40), text(r, 20)
		messages := randomMessages(r)
		want := &eventv1.MessagesEnqueued{First: first, Exchange: exchange}
		for i, m := range messages {
			if m.Flags.Has(protocol.FlagPersistent) {
				want.Messages = append(want.Messages, &eventv1.StoredMessage{
					Offset: uint32(i), RoutingKey: []byte(m.RoutingKey), Properties: m.Properties, Body: m.Body,
				})
			}
		}
		same(t, AppendEnqueued(nil, first, exchange, messages), want)

		ranges, pb := randomRanges(r)
		same(t, AppendRanges(nil, ranges), &eventv1.MessagesSettled{Ranges: pb})
		same(t, AppendRanges(nil, ranges), &eventv1.MessagesDelivered{Ranges: pb})
		s := Summary{Next: r.Uint64N(1 << 30), Lowest: r.Uint64N(1 << 20), Settled: ranges, Delivered: ranges}
		same(t, AppendCheckpoint(nil, s), &eventv1.QueueCheckpoint{Next: s.Next, Lowest: s.Lowest, Settled: pb, Delivered: pb})
	}
}

func same(t *testing.T, got []byte, want proto.Message) {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, b) {
		t.Fatalf("%T: got %x, want %x", want, got, b)
	}
}

// What was written is read again: the persistent messages with their indexes, and nothing else.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		first, exchange := r.Uint64N(1<<40), text(r, 20)
		messages := randomMessages(r)
		var at int
		err := ParseEnqueued(AppendEnqueued(nil, first, exchange, messages), func(x string, index uint64, m protocol.Message) {
			for !messages[at].Flags.Has(protocol.FlagPersistent) {
				at++
			}
			want := messages[at]
			if x != exchange || index != first+uint64(at) || m.RoutingKey != want.RoutingKey || !bytes.Equal(m.Body, want.Body) ||
				!bytes.Equal(m.Properties, want.Properties) || m.Flags != want.Flags || m.Priority != want.Priority {
				t.Fatalf("message %d: got %+v, want %+v", at, m, want)
			}
			at++
		})
		if err != nil {
			t.Fatal(err)
		}
		if rest := persistent(messages[min(at, len(messages)):]); rest != 0 {
			t.Fatalf("%d messages were not read", rest)
		}
	}
}

// Whatever parses bytes from a file must not panic, and what it takes it takes again.
func FuzzParse(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 8 {
		f.Add(AppendEnqueued(nil, 7, "x", randomMessages(r)))
		ranges, _ := randomRanges(r)
		f.Add(AppendCheckpoint(nil, Summary{Next: 9, Lowest: 2, Settled: ranges}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = ParseEnqueued(b, func(string, uint64, protocol.Message) {})
		if s, err := ParseCheckpoint(b); err == nil {
			again, err := ParseCheckpoint(AppendCheckpoint(nil, s))
			if err != nil || again.Next != s.Next || again.Lowest != s.Lowest || len(again.Settled) != len(s.Settled) {
				t.Fatalf("%+v became %+v, %v", s, again, err)
			}
		}
		_, _ = ParseRanges(b)
	})
}

// persistent is the number of messages that a record would hold.
func persistent(messages []protocol.Message) int {
	n := 0
	for i := range messages {
		if messages[i].Flags.Has(protocol.FlagPersistent) {
			n++
		}
	}
	return n
}

func randomMessages(r *rand.Rand) []protocol.Message {
	out := make([]protocol.Message, 1+r.IntN(6))
	for i := range out {
		p := protocol.Properties{DeliveryMode: protocol.DeliveryTransient}
		if r.IntN(3) > 0 {
			p.DeliveryMode = protocol.DeliveryPersistent
			out[i].Flags |= protocol.FlagPersistent
		}
		if r.IntN(3) == 0 {
			p.Headers = protocol.Table{"k": int64(r.IntN(100))}
			out[i].Flags |= protocol.FlagHeaders
		}
		if out[i].Priority = uint8(r.IntN(4)); out[i].Priority > 0 {
			p.Priority = out[i].Priority
		}
		out[i].RoutingKey, out[i].Properties = text(r, 30), p.Append(nil)
		if n := r.IntN(300); n > 0 {
			out[i].Body = []byte(text(r, n))
		}
	}
	return out
}

func text(r *rand.Rand, n int) string {
	b := make([]byte, r.IntN(n+1))
	for i := range b {
		b[i] = byte('a' + r.IntN(26))
	}
	return string(b)
}

func randomRanges(r *rand.Rand) ([]ready.Interval, []*eventv1.IndexRange) {
	var out []ready.Interval
	var pb []*eventv1.IndexRange
	for range r.IntN(5) {
		in := ready.Interval{First: r.Uint64N(1 << 33), N: 1 + r.Uint64N(1000)}
		out, pb = append(out, in), append(pb, &eventv1.IndexRange{First: in.First, Count: in.N})
	}
	return out, pb
}
