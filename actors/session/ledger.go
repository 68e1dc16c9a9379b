package session

import (
	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/protocol"
)

// Ledger holds what a session has published and not every queue on its route has: to send it again after a crash on the
// way, to confirm it, and to know when a method that looks at a queue may go on.
type Ledger struct {
	links map[uint64]*publishLink // by the exchange's id
	// unaccepted messages; at 0 everything published is where it goes.
	unaccepted int
	bytes      int // that they hold
}

// publishLink is the messages of one exchange that are under way: those with a route in front, those without behind.
type publishLink struct {
	slot  *exchange.Slot
	last  uint64 // sequence of the newest message
	runs  []run
	marks map[*queue.Slot]mark
}

// mark is how far a queue has got on a link. Both sequences are cumulative.
type mark struct{ accepted, confirmed uint64 }

// run is messages with one route, or with none yet.
type run struct {
	prev                uint64 // sequence of the message before the first
	messages            []protocol.Message
	route               *exchange.Route
	accepted, confirmed int // that many from the front
}

func newLedger() Ledger { return Ledger{links: map[uint64]*publishLink{}} }

func (l *Ledger) link(x *exchange.Slot) *publishLink {
	p := l.links[x.ID]
	if p == nil {
		p = &publishLink{slot: x, marks: map[*queue.Slot]mark{}}
		l.links[x.ID] = p
	}
	return p
}

// publish enters messages, which must be newer than all before them.
func (l *Ledger) publish(x *exchange.Slot, messages []protocol.Message) {
	p := l.link(x)
	p.runs = append(p.runs, run{prev: p.last, messages: messages})
	p.last = messages[len(messages)-1].Seq
	l.unaccepted += len(messages)
	l.bytes += size(messages)
}

func size(messages []protocol.Message) (n int) {
	for i := range messages {
		n += messages[i].Size()
	}
	return n
}

// route enters where messages went, as far as it is news, yields those that went nowhere, and then, since nothing more
// becomes of those, what is safe by it.
func (l *Ledger) route(x *exchange.Slot, routes []exchange.RoutedTo, unroutable, confirmed func([]protocol.Message)) {
	p := l.links[x.ID]
	if p == nil {
		return
	}
	at := 0
	for at < len(p.runs) && p.runs[at].route != nil {
		at++
	}
	for _, r := range routes {
		for at < len(p.runs) && p.runs[at].messages[0].Seq <= r.Last {
			n := upTo(p.runs[at].messages, r.Last)
			if whole := p.runs[at]; n < len(whole.messages) {
				p.runs = append(p.runs, run{})
				copy(p.runs[at+1:], p.runs[at:])
				p.runs[at] = run{prev: whole.prev, messages: whole.messages[:n:n]}
				p.runs[at+1] = run{prev: whole.messages[n-1].Seq, messages: whole.messages[n:]}
			}
			p.runs[at].route = r.Route
			if len(r.Route.Queues) == 0 {
				unroutable(p.runs[at].messages)
			}
			at++
		}
	}
	l.settle(p, confirmed)
}

// upTo is how many messages have a sequence of at most last.
func upTo(messages []protocol.Message, last uint64) int {
	n := len(messages)
	if messages[n-1].Seq <= last {
		return n
	}
	lo := 0
	for lo < n { // first message above last
		if mid := (lo + n) / 2; messages[mid].Seq <= last {
			lo = mid + 1
		} else {
			n = mid
		}
	}
	return lo
}

// accept enters how far a queue has got on the link of the exchange with this id, and settles what that completes.
func (l *Ledger) accept(exchangeID uint64, q *queue.Slot, m mark, confirmed func([]protocol.Message)) {
	p := l.links[exchangeID]
	if p == nil {
		return
	}
	if old := p.marks[q]; m.accepted > old.accepted || m.confirmed > old.confirmed {
		p.marks[q] = m
		l.settle(p, confirmed)
	}
}

// gone enters that a queue was deleted: nothing waits for it any more.
func (l *Ledger) gone(q *queue.Slot, confirmed func([]protocol.Message)) {
	for _, p := range l.links {
		p.marks[q] = mark{p.last, p.last}
		l.settle(p, confirmed)
		delete(p.marks, q)
	}
}

// settle moves every run forward by what all of its queues have, and forgets the runs that are through. A run waits for
// none before it, so that a slow queue does not hold up the confirms of others.
func (l *Ledger) settle(p *publishLink, confirmed func([]protocol.Message)) {
	done := 0
	for i := range p.runs {
		r := &p.runs[i]
		if r.route == nil {
			break
		}
		accepted, safe := p.reach(r)
		if accepted > r.accepted {
			l.unaccepted -= accepted - r.accepted
			l.bytes -= size(r.messages[r.accepted:accepted])
			r.accepted = accepted
		}
		if safe > r.confirmed {
			confirmed(r.messages[r.confirmed:safe])
			r.confirmed = safe
		}
		if r.accepted == len(r.messages) && r.confirmed == len(r.messages) && done == i {
			done++
		}
	}
	clear(p.runs[:done])
	p.runs = p.runs[done:]
	if len(p.runs) == 0 {
		p.runs = nil
	}
}

// reach is how many messages of a run all queues of its route have, and how many all have safe.
func (p *publishLink) reach(r *run) (accepted, confirmed int) {
	accepted, confirmed = len(r.messages), len(r.messages)
	for _, q := range r.route.Queues {
		m := p.marks[q]
		if r.accepted < accepted {
			accepted = min(accepted, upTo(r.messages, m.accepted))
		}
		if r.confirmed < confirmed {
			confirmed = min(confirmed, upTo(r.messages, m.confirmed))
		}
	}
	return max(accepted, r.accepted), max(confirmed, r.confirmed)
}

// outstanding yields what must be sent again behind a restart, in order: runs with a route, then runs without.
func (p *publishLink) outstanding() (routed, unrouted []run) {
	at := 0
	for at < len(p.runs) && p.runs[at].route != nil {
		at++
	}
	return p.runs[:at], p.runs[at:]
}

// routedUpTo is the sequence of the newest message with a route.
func (p *publishLink) routedUpTo() uint64 {
	if _, unrouted := p.outstanding(); len(unrouted) > 0 {
		return unrouted[0].prev
	}
	return p.last
}

func (l Ledger) clone() Ledger {
	c := Ledger{links: make(map[uint64]*publishLink, len(l.links)), unaccepted: l.unaccepted, bytes: l.bytes}
	for id, p := range l.links {
		d := &publishLink{slot: p.slot, last: p.last, runs: append([]run(nil), p.runs...), marks: make(map[*queue.Slot]mark, len(p.marks))}
		for q, m := range p.marks {
			d.marks[q] = m
		}
		c.links[id] = d
	}
	return c
}
