package session

import (
	"fmt"
	"slices"
	"testing"

	"warren/actors/exchange"
	"warren/actors/queue/ready"
	"warren/protocol"
)

func confirming() *State { return state(&ModeSet{Mode: Confirmed}) }

func expect(t *testing.T, s *State, want ...string) {
	t.Helper()
	if got := said(s); !slices.Equal(got, want) {
		t.Fatalf("said %q, want %q", got, want)
	}
}

func TestLedgerSplitsARun(t *testing.T) {
	// Promise: routes come for runs of sequences, and a batch may have several (DESIGN section 4, routes and confirms).
	s, x, q := confirming(), newExchange(1), newQueues(2)
	s.Apply(&Published{Exchange: x, Messages: messages(1, 10)})
	s.Apply(&exchange.Routed{Exchange: x, Routes: []exchange.RoutedTo{{Last: 3, Route: route(q[0])}, {Last: 4, Route: route()}, {Last: 8, Route: route(q[1])}}})
	expect(t, s, "[ack 4]")
	s.Apply(accepted(x, q[1], 8))
	expect(t, s, "[ack 5][ack 6][ack 7][ack 8]")
	s.Apply(accepted(x, q[0], 3))
	expect(t, s, "[ack <=8]")
	if s.Drained() || s.ledger.unaccepted != 2 {
		t.Fatalf("%d unaccepted, want the 2 that have no route", s.ledger.unaccepted)
	}
	s.Apply(routed(x, 10, route(q[0])))
	s.Apply(accepted(x, q[0], 9))
	expect(t, s, "[ack 9]")
	s.Apply(accepted(x, q[0], 10))
	expect(t, s, "[ack 10]")
	if !s.Drained() || s.UnacceptedBytes() != 0 {
		t.Fatalf("not drained, %d bytes", s.UnacceptedBytes())
	}
}

func TestLedgerKeepsTheFirstRoute(t *testing.T) {
	// Promise: a resend goes to the recorded route set, so a second route for the same message counts for nothing (DESIGN section 4).
	s, x, q := confirming(), newExchange(1), newQueues(2)
	s.Apply(&Published{Exchange: x, Messages: messages(1, 2)})
	s.Apply(routed(x, 1, route(q[0])))
	s.Apply(routed(x, 2, route(q[1])))
	s.Apply(accepted(x, q[0], 1))
	s.Apply(accepted(x, q[1], 2))
	expect(t, s, "[ack 1]", "[ack 2]")
}

func TestLedgerWaitsForEveryQueue(t *testing.T) {
	// P-40: a message is confirmed when every matched queue has it, whatever the order they say so, and once.
	s, x, q := confirming(), newExchange(1), newQueues(3)
	s.Apply(&Published{Exchange: x, Messages: messages(1, 4)})
	s.Apply(routed(x, 4, route(q...)))
	s.Apply(accepted(x, q[2], 4))
	s.Apply(accepted(x, q[0], 2))
	expect(t, s)
	s.Apply(accepted(x, q[1], 3))
	expect(t, s, "[ack <=2]")
	s.Apply(accepted(x, q[0], 1)) // an old one, late
	s.Apply(accepted(x, q[0], 2))
	expect(t, s)
	s.Apply(accepted(x, q[0], 4))
	expect(t, s, "[ack 3]")
	s.Apply(accepted(x, q[1], 4))
	expect(t, s, "[ack 4]")
}

func TestLedgerConfirmsBehindAccepting(t *testing.T) {
	// Promise: methods wait for accepted, confirms for safe; the two marks are apart (DESIGN section 4, order on a channel).
	s, x, q := confirming(), newExchange(1), newQueue(1)
	s.Apply(&Published{Exchange: x, Messages: messages(1, 4)})
	s.Apply(routed(x, 4, route(q)))
	m := accepted(x, q, 4)
	m.Confirmed = 1
	s.Apply(m)
	expect(t, s, "[ack 1]")
	if !s.Drained() || s.Unconfirmed() != 3 {
		t.Fatalf("drained %v, %d unconfirmed", s.Drained(), s.Unconfirmed())
	}
	s.Apply(accepted(x, q, 4))
	expect(t, s, "[ack <=4]")
}

func TestLedgerForgetsAQueueThatIsGone(t *testing.T) {
	// P-40: a queue deleted before it confirmed counts as confirmed; the others on the route are waited for as before.
	s, x, q := confirming(), newExchange(1), newQueues(2)
	s.Apply(&Published{Exchange: x, Messages: messages(1, 2)})
	s.Apply(routed(x, 2, route(q...)))
	s.Apply(accepted(x, q[1], 1))
	s.Apply(goneQueue(q[0]))
	expect(t, s, "[ack 1]")
	s.Apply(goneQueue(q[0])) // the exchange passes it on too
	s.Apply(accepted(x, q[1], 2))
	expect(t, s, "[ack 2]")
	if _, known := s.ledger.links[x.ID].ways[q[0]]; !s.Drained() || known {
		t.Fatalf("drained %v, known %v", s.Drained(), known)
	}
}

func TestLedgerRejectsWhatACrashedQueueHad(t *testing.T) {
	// P-40: a queue that is given up nacks; what it had confirmed before, and what others hold, is still waited for.
	s, x, q := confirming(), newExchange(1), newQueues(2)
	s.Apply(&Published{Exchange: x, Messages: messages(1, 1)})
	s.Apply(&Published{Exchange: x, Messages: messages(2, 2)})
	s.Apply(routed(x, 2, route(q...)))
	s.Apply(accepted(x, q[0], 1))
	s.Apply(crashedQueue(q[0]))
	expect(t, s)
	s.Apply(accepted(x, q[1], 2))
	expect(t, s, "[ack 1]", "[nack 2]")
}

func TestUnroutableIsReturnedBeforeItsConfirm(t *testing.T) {
	// P-33, P-35: basic.return before the confirm; without mandatory only the confirm.
	s, x := confirming(), newExchange(1)
	ms := messages(1, 2)
	ms[1].Flags |= protocol.FlagMandatory
	s.Apply(&Published{Exchange: x, Messages: ms})
	s.Apply(routed(x, 2, route()))
	expect(t, s, "return 2", "[ack <=2]")
}

func TestExchangeGoneLeavesTheRoutedAlone(t *testing.T) {
	// Promise: what a deleted exchange had not routed goes nowhere, what it had goes on; then its link is forgotten.
	s, x, q := confirming(), newExchange(1), newQueue(1)
	ms := messages(1, 3)
	ms[2].Flags |= protocol.FlagMandatory
	s.Apply(&Published{Exchange: x, Messages: ms})
	s.Apply(routed(x, 1, route(q)))
	s.Apply(&exchange.Gone{Exchange: x})
	expect(t, s, "return 3", "[ack 2][ack 3]")
	s.Apply(accepted(x, q, 1))
	expect(t, s, "[ack <=3]")
	if len(s.ledger.links) != 0 || !s.Drained() {
		t.Fatalf("link kept: %v", s.ledger.links)
	}
}

func TestLinksAreApart(t *testing.T) {
	// Promise: two exchanges into one queue interleave; each link has its own marks (DESIGN section 4, links).
	s, a, b, q := confirming(), newExchange(1), newExchange(2), newQueue(1)
	s.Apply(&Published{Exchange: a, Messages: messages(1, 1)})
	s.Apply(&Published{Exchange: b, Messages: messages(2, 2)})
	s.Apply(&Published{Exchange: a, Messages: messages(3, 3)})
	s.Apply(routed(a, 3, route(q)))
	s.Apply(routed(b, 2, route(q)))
	s.Apply(accepted(a, q, 3))
	expect(t, s, "[ack 1]", "[ack 3]")
	s.Apply(accepted(b, q, 2))
	expect(t, s, "[ack <=3]")
}

func TestConfirmSelectCountsFromThere(t *testing.T) {
	// P-40: tags start at 1 with confirm.select; what was published before has none, and the rest of its run has.
	s, x, q := state(), newExchange(1), newQueue(1)
	s.Apply(&Published{Exchange: x, Messages: messages(1, 2)})
	s.Apply(&ModeSet{Mode: Confirmed})
	s.Apply(&Published{Exchange: x, Messages: messages(3, 4)})
	s.Apply(routed(x, 4, route(q)))
	s.Apply(accepted(x, q, 4))
	expect(t, s, "[ack <=2]")
	if s.Unconfirmed() != 0 {
		t.Fatalf("%d unconfirmed", s.Unconfirmed())
	}
}

// Contract Q-15: what a queue refuses is lost there, and nothing else of its run; hearing it again changes nothing.
func TestLedgerRefuse(t *testing.T) {
	l := Ledger{}
	x, qs := newExchange(1), newQueues(2)
	q, other := qs[0], qs[1]
	l.publish(x, messages(1, 8))
	l.route(x, 0, []exchange.RoutedTo{{Last: 8, Route: route(q, other)}}, nil, nobody)
	var got []string
	then := func(messages []protocol.Message, lost bool) {
		for i := range messages {
			got = append(got, fmt.Sprint(messages[i].Seq, lost))
		}
	}
	for range 2 {
		l.refuse(1, q, []ready.Interval{{First: 3, N: 2}, {First: 8, N: 4}})
		l.accept(1, q, mark{8, 8}, then)
	}
	if len(got) > 0 {
		t.Errorf("the other queue has not spoken: %v", got)
	}
	l.accept(1, other, mark{8, 8}, then)
	if want := "[1 false 2 false 3 true 4 true 5 false 6 false 7 false 8 true]"; fmt.Sprint(got) != want {
		t.Errorf("got %v", got)
	}
	if l.unaccepted != 0 || l.bytes != 0 {
		t.Errorf("left: %+v", l)
	}
}

func nobody([]protocol.Message, bool) {}

func TestLedgerSetsAside(t *testing.T) {
	// Issue 5, point 2: what has a route and is set aside by its exchange is nacked, once, and waits for no queue any more; what is around it
	// does.
	s, x, q := confirming(), newExchange(1), newQueues(2)
	s.Apply(&Published{Exchange: x, Messages: messages(1, 6)})
	s.Apply(routed(x, 5, route(q...)))
	s.Apply(accepted(x, q[0], 2))
	for range 2 { // it may come twice
		s.Apply(&exchange.SetAside{Exchange: x, Sequences: []ready.Interval{{First: 2, N: 2}, {First: 6, N: 1}}})
	}
	expect(t, s, "[nack 2][nack 3]")
	s.Apply(accepted(x, q[0], 5))
	s.Apply(accepted(x, q[1], 5))
	expect(t, s, "[ack <=3]", "[ack <=5]")
	if s.Drained() {
		t.Error("the one without a route is lost")
	}
	s.Apply(&exchange.SetAside{Exchange: newExchange(2), Sequences: []ready.Interval{{First: 1, N: 1}}}) // of a link that is over
}

func TestLedgerTakesNoRoutesBehindAGap(t *testing.T) {
	// Design 0002: a session that restarted may have lost where its messages went, and still hears where those behind went, which it
	// had published before. They must not pass for the routes of all: 3 and 4 would count as safe with q1, and be lost with it.
	s, x, q := confirming(), newExchange(1), newQueues(2)
	s.Apply(&Published{Exchange: x, Messages: messages(1, 6)})
	s.Apply(routed(x, 2, route(q[0])))
	s.Apply(&exchange.Routed{Exchange: x, Prev: 4, Routes: []exchange.RoutedTo{{Last: 6, Route: route(q[1])}}})
	s.Apply(accepted(x, q[1], 6))
	expect(t, s)
	if got := s.ledger.links[x.ID].routedUpTo(); got != 2 {
		t.Fatalf("routed up to %d", got)
	}
	s.Apply(&exchange.Routed{Exchange: x, Prev: 2, Routes: []exchange.RoutedTo{{Last: 4, Route: route(q[0])}, {Last: 6, Route: route(q[1])}}})
	expect(t, s, "[ack 5][ack 6]")
	s.Apply(accepted(x, q[0], 4))
	expect(t, s, "[ack <=2]", "[ack <=6]")
}
