package record

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"warren/actors/queue/ready"
	eventv1 "warren/proto/event/v1"
	"warren/protocol"
)

// The promise of proto/event/v1: what is written by hand is what the generated code reads.
func TestEncodingIsTheGeneratedOne(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		first, c := r.Uint64N(1<<40), ready.Content{Exchange: text(r, 20), Messages: randomMessages(r), Arrived: r.Int64N(2) * r.Int64()}
		want := &eventv1.MessagesEnqueued{First: first, Exchange: c.Exchange, Count: uint32(len(c.Messages)), Arrived: uint64(c.Arrived)}
		for i, m := range c.Messages {
			if m.Flags.Has(protocol.FlagPersistent) {
				want.Bytes += uint64(m.Size())
				want.BodyBytes += uint64(len(m.Body))
				want.Messages = append(want.Messages, &eventv1.StoredMessage{
					Offset: uint32(i), RoutingKey: []byte(m.RoutingKey), Properties: m.Properties, Body: m.Body,
				})
			}
		}
		if len(want.Messages) < len(c.Messages) {
			for _, in := range persistent(c.Messages, 0) {
				want.Stored = append(want.Stored, &eventv1.IndexRange{First: in.First, Count: in.N})
			}
		}
		b, summary := AppendEnqueued(nil, first, &c)
		same(t, b, &eventv1.MessagesEnqueued{}, want)
		want.Exchange, want.Messages = "", nil
		same(t, b[:summary], &eventv1.MessagesEnqueued{}, want)

		ranges, pb := randomRanges(r)
		same(t, AppendRanges(nil, ranges), &eventv1.MessagesSettled{}, &eventv1.MessagesSettled{Ranges: pb})
		same(t, AppendRanges(nil, ranges), &eventv1.MessagesDelivered{}, &eventv1.MessagesDelivered{Ranges: pb})
		same(t, AppendDead(nil, ready.Expired, ranges), &eventv1.MessagesDied{}, &eventv1.MessagesDied{Ranges: pb, Reason: eventv1.DeathReason_DEATH_REASON_EXPIRED})
		s := ready.Summary{
			Next: []uint64{r.Uint64N(1 << 30), 1<<56 + r.Uint64N(9)}, Settled: ranges, Delivered: ranges,
			Dead: []ready.Dead{{Interval: ready.Interval{First: 3, N: 2}, Reason: ready.Rejected}, {Interval: ready.Interval{First: 9, N: 1}, Reason: ready.MaxLength}},
		}
		same(t, AppendCheckpoint(nil, s), &eventv1.QueueCheckpoint{}, &eventv1.QueueCheckpoint{
			Next: s.Next[0], NextAbove: s.Next[1:], Settled: pb, Delivered: pb,
			Died: []*eventv1.MessagesDied{
				{Ranges: []*eventv1.IndexRange{{First: 3, Count: 2}}, Reason: eventv1.DeathReason_DEATH_REASON_REJECTED},
				{Ranges: []*eventv1.IndexRange{{First: 9, Count: 1}}, Reason: eventv1.DeathReason_DEATH_REASON_MAXLEN},
			},
		})
	}
}

func same(t *testing.T, b []byte, got, want proto.Message) {
	t.Helper()
	if err := proto.Unmarshal(b, got); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

// What was written is read again: the persistent messages at their places, and nothing else; and the summary tells of them.
func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		first, c := r.Uint64N(1<<40), ready.Content{Exchange: text(r, 20), Messages: randomMessages(r)}
		b, summary := AppendEnqueued(nil, first, &c)
		gotFirst, got, err := ParseEnqueued(b)
		if err != nil || gotFirst != first || got.Exchange != c.Exchange {
			t.Fatal(gotFirst, got.Exchange, err)
		}
		stored := persistent(c.Messages, first)
		if fmt.Sprint(persistent(got.Messages, first)) != fmt.Sprint(stored) {
			t.Fatalf("got %v, want %v", got.Messages, c.Messages)
		}
		for i, m := range got.Messages {
			if want := c.Messages[i]; m.Flags.Has(protocol.FlagPersistent) && (m.RoutingKey != want.RoutingKey || !bytes.Equal(m.Body, want.Body) ||
				!bytes.Equal(m.Properties, want.Properties) || m.Flags != want.Flags || m.Priority != want.Priority) {
				t.Fatalf("message %d: got %+v, want %+v", i, m, want)
			}
		}
		if len(stored) == 0 {
			continue
		}
		for _, b := range [][]byte{b, b[:summary]} {
			if brief, err := ParseBrief(b); err != nil || brief.First != first || brief.Count != uint64(len(c.Messages)) || fmt.Sprint(brief.Stored) != fmt.Sprint(stored) {
				t.Fatalf("brief %+v %v, want %v", brief, err, stored)
			}
		}
	}
}

// Records from before there were summaries are still read.
func TestRecordWithoutSummary(t *testing.T) {
	b, err := proto.Marshal(&eventv1.MessagesEnqueued{First: 7, Exchange: "x", Messages: []*eventv1.StoredMessage{{Offset: 1, Body: []byte("a")}, {Offset: 4}}})
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		_, _ = ParseBrief(b[:i])
	}
	// Without property flags there are no properties to read.
	b, err = proto.Marshal(&eventv1.MessagesEnqueued{First: 7, Messages: []*eventv1.StoredMessage{
		{Offset: 1, Properties: persistentProperties, Body: []byte("a")}, {Offset: 4, Properties: persistentProperties},
	}})
	if err != nil {
		t.Fatal(err)
	}
	brief, err := ParseBrief(b)
	if err != nil || fmt.Sprint(brief.Stored) != "[{8 1} {11 1}]" || brief.First != 7 || brief.Count != 5 || brief.Bytes == 0 {
		t.Fatalf("%+v %v", brief, err)
	}
}

var persistentProperties = (&protocol.Properties{DeliveryMode: protocol.DeliveryPersistent}).Append(nil)

// What is spooled comes back whole, transient messages too.
func TestSpoolRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 500 {
		c := ready.Content{Exchange: text(r, 20), Messages: randomMessages(r), Arrived: r.Int64N(5)}
		first, got, err := ParseEnqueued(AppendSpooled(AppendSpooledSummary(nil, 9, &c), &c))
		if err != nil || first != 9 || got.Exchange != c.Exchange || got.Arrived != c.Arrived || len(got.Messages) != len(c.Messages) {
			t.Fatal(first, got, err)
		}
		for i, m := range got.Messages {
			if want := c.Messages[i]; m.RoutingKey != want.RoutingKey || !bytes.Equal(m.Body, want.Body) || m.Flags != want.Flags || m.Priority != want.Priority {
				t.Fatalf("message %d: got %+v, want %+v", i, m, want)
			}
		}
	}
}

// Whatever parses bytes from a file must not panic, and what it takes it takes again.
func FuzzParse(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 8 {
		enqueued, _ := AppendEnqueued(nil, 7, &ready.Content{Exchange: "x", Messages: randomMessages(r)})
		f.Add(enqueued)
		ranges, _ := randomRanges(r)
		f.Add(AppendCheckpoint(nil, ready.Summary{Next: []uint64{9, 1 << 56}, Settled: ranges}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _, _ = ParseEnqueued(b)
		_, _ = ParseBrief(b)
		if s, err := ParseCheckpoint(b); err == nil {
			again, err := ParseCheckpoint(AppendCheckpoint(nil, s))
			if err != nil || fmt.Sprint(again.Next, again.Delivered, set(again.Settled)) != fmt.Sprint(s.Next, s.Delivered, set(s.Settled)) {
				t.Fatalf("%+v became %+v, %v", s, again, err)
			}
		}
		_, _ = ParseRanges(b)
	})
}

func set(ranges []ready.Interval) []ready.Interval {
	var out ready.Set
	for _, in := range ranges {
		out.Put(in)
	}
	return out.Runs()
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
