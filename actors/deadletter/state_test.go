package deadletter

import (
	"fmt"
	"reflect"
	"testing"

	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/actors/queue/ready"
	"warren/actors/queue/settings"
	"warren/actors/session"
	"warren/protocol"
)

func source(id uint64, dlx string) *queue.Slot {
	s := settings.Settings{DeadLetterExchange: settings.Option[string]{Value: dlx, Set: true}}
	return &queue.Slot{ID: id, Name: queue.Name(fmt.Sprint("q", id)), Declared: &s}
}

// dead are n messages that a queue delivers from a sequence on.
func dead(q *queue.Slot, consumer uint32, seq uint64, n int) *queue.Deliveries {
	part := queue.Delivery{Seq: seq, Exchange: "in", Reason: ready.Expired}
	for range n {
		part.Messages = append(part.Messages, protocol.Message{RoutingKey: "k", Properties: []byte{0, 0}})
	}
	return &queue.Deliveries{Queue: q, Consumer: consumer, Parts: []queue.Delivery{part}}
}

func apply(s *State, events ...any) *State {
	for _, e := range events {
		s.Apply(e)
	}
	return s
}

func TestNextTakesOneQueueAtATime(t *testing.T) {
	// what came of several queues goes to the exchange of each, in order; a tag belongs to one flight or is dropped.
	a, b := source(1, "x"), source(2, "y")
	x, y := &exchange.Slot{ID: 10, Name: "x"}, &exchange.Slot{ID: 11, Name: "y"}
	find := func(name exchange.Name) *exchange.Slot {
		return map[exchange.Name]*exchange.Slot{"x": x, "y": y}[name]
	}
	lost := 0
	next := func(s *State) *Posted {
		e := s.next(find, 5, func(*session.Delivered, error) { lost++ })
		s.Apply(e)
		return e
	}
	s := apply(newState(), &Attached{Queue: a}, &Attached{Queue: b}, dead(a, one, 1, 2), dead(a, one, 3, 1), dead(b, one+1, 1, 2), dead(a, one, 4, 1))
	for i, want := range []struct {
		taken    int
		exchange *exchange.Slot
		flights  []flight
	}{
		{2, x, []flight{{1, 1, 3, a}}},
		{1, y, []flight{{4, 4, 2, b}}},
		{1, x, []flight{{6, 6, 1, a}}},
	} {
		e := next(s)
		if e.Taken != want.taken || e.Exchange != want.exchange || !reflect.DeepEqual(e.Flights, want.flights) || len(e.Dropped) > 0 {
			t.Fatalf("step %d: %+v", i, e)
		}
		for n, m := range e.Messages {
			if m.Seq != want.flights[0].seq+uint64(n) || !m.Flags.Has(protocol.FlagDead) {
				t.Fatalf("step %d: message %+v", i, m)
			}
		}
	}
	if len(s.taken) > 0 || len(s.flights) != 3 {
		t.Fatalf("%d taken, %v", len(s.taken), s.flights)
	}

	broken := dead(a, one, 5, 3)
	broken.Parts[0].Messages[1].Properties = []byte{0x80, 0}
	s.Apply(broken)
	e := next(s)
	if want := []flight{{7, 7, 1, a}, {8, 9, 1, a}}; lost != 1 || !reflect.DeepEqual(e.Flights, want) || fmt.Sprint(e.Dropped) != fmt.Sprint(tags(8, 8)) {
		t.Fatalf("of a broken message %v: %+v, %+v", lost, e.Flights, e.Dropped)
	}
	a.Declared.DeadLetterExchange.Value = "gone"
	s.Apply(dead(a, one, 8, 4))
	if e := next(s); e.Exchange != nil || len(e.Messages)+len(e.Flights) > 0 || fmt.Sprint(e.Dropped) != fmt.Sprint(tags(10, 13)) {
		t.Fatalf("without an exchange: %+v", e)
	}
	if n := s.Unacked.Count(); n != 8 { // of 13 that came, one was broken and four had nowhere to go
		t.Fatalf("%d unsettled", n)
	}
}

// one is the number of the first consumer.
const one = queue.FirstConsumer

func tags(first, last uint64) []session.TagRange {
	return []session.TagRange{{First: first, Last: last, Outcome: ready.Acked}}
}

func TestLand(t *testing.T) {
	// A confirm settles what its sequences were made of, whatever the order; what is not under way any more is no news.
	a, b := source(1, "x"), source(2, "x")
	flights := func() []flight { return []flight{{1, 1, 4, a}, {5, 9, 3, b}, {8, 20, 1, a}} }
	for _, c := range []struct {
		first, last uint64
		settled     string
		left        []flight
		queues      int
	}{
		{1, 8, "1-4 9-11 20-20", nil, 2},
		{1, 4, "1-4", []flight{{5, 9, 3, b}, {8, 20, 1, a}}, 1},
		{2, 3, "2-3", []flight{{1, 1, 1, a}, {4, 4, 1, a}, {5, 9, 3, b}, {8, 20, 1, a}}, 1},
		{4, 5, "4-4 9-9", []flight{{1, 1, 3, a}, {6, 10, 2, b}, {8, 20, 1, a}}, 2},
		{8, 8, "20-20", []flight{{1, 1, 4, a}, {5, 9, 3, b}}, 1},
		{9, 12, "", flights(), 0},
	} {
		s := newState()
		s.flights = flights()
		done := &session.Settled{}
		s.land(c.first, c.last, done)
		got := ""
		for _, r := range done.Ranges {
			got += fmt.Sprintf(" %d-%d", r.First, r.Last)
		}
		if len(s.flights) == 0 {
			s.flights = nil
		}
		if len(got) > 0 {
			got = got[1:]
		}
		if got != c.settled || !reflect.DeepEqual(s.flights, c.left) || len(s.settled) != c.queues {
			t.Errorf("%d..%d settles %q of %d queues, leaves %v", c.first, c.last, got, len(s.settled), s.flights)
		}
		s.land(c.first, c.last, done)
		if !reflect.DeepEqual(append([]flight(nil), s.flights...), c.left) {
			t.Errorf("%d..%d again leaves %v", c.first, c.last, s.flights)
		}
	}
}

func TestOutcomes(t *testing.T) {
	// a dead letter that is safe, goes nowhere, or is lost with its target is settled; it is published at most once.
	for what, ends := range map[string]func(x *exchange.Slot, to *queue.Slot) []any{
		"confirmed": func(x *exchange.Slot, to *queue.Slot) []any {
			return []any{&queue.Accepted{Queue: to, Exchange: x.ID, Accepted: 3, Confirmed: 3}}
		},
		"target given up": func(_ *exchange.Slot, to *queue.Slot) []any { return []any{&queue.Crashed{Queue: to}} },
		"target deleted":  func(_ *exchange.Slot, to *queue.Slot) []any { return []any{&queue.Gone{Queue: to}} },
		"one behind other": func(x *exchange.Slot, to *queue.Slot) []any {
			return []any{&queue.Accepted{Queue: to, Exchange: x.ID, Accepted: 3, Confirmed: 2}, &queue.Crashed{Queue: to}}
		},
	} {
		a, x, to := source(1, "x"), &exchange.Slot{ID: 10, Name: "x"}, &queue.Slot{ID: 2, Name: "to"}
		s := apply(newState(), &Attached{Queue: a}, &queue.Done{Queue: a, Upto: 1}, dead(a, one, 1, 3))
		s.Apply(s.next(func(exchange.Name) *exchange.Slot { return x }, 1, nil))
		s.Apply(&exchange.Routed{Exchange: x, Routes: []exchange.RoutedTo{{Last: 3, Route: &exchange.Route{Queues: []*queue.Slot{to}}}}})
		if s.Unacked.Count() != 3 || s.Commanding() {
			t.Fatalf("%s: settled before its time", what)
		}
		base := s.Clone() // another copy, to which the same happens
		for _, e := range ends(x, to) {
			s.Apply(e)
			base.Apply(e)
		}
		for _, s := range []*State{s, base} {
			if s.Unacked.Count() != 0 || !s.Commanding() || len(s.flights) != 0 || !s.Safe() {
				t.Errorf("%s: %d unsettled, %v", what, s.Unacked.Count(), s.flights)
			}
		}
	}
}
