package session

import (
	"maps"
	"slices"

	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/actors/queue/ready"
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
	marks map[*queue.Slot]mark // of queues that runs wait for
	// orphan is set when the exchange was deleted: the link ends with its last run.
	orphan bool
}

// settled hears of messages that nothing waits for any more: they are as safe as they ask to be, or lost with a queue.
type settled func(messages []protocol.Message, lost bool)

// mark is how far a queue has got on a link. Both sequences are cumulative.
type mark struct{ accepted, confirmed uint64 }

// run is messages with one route, or with none yet.
type run struct {
	prev                uint64 // sequence of the message before the first
	messages            []protocol.Message
	route               *exchange.Route
	accepted, confirmed int  // that many from the front
	lost                bool // a queue of the route was given up before it had all of them
}

// leadsTo says whether a queue is on the route.
func (r *run) leadsTo(q *queue.Slot) bool {
	return r.route != nil && slices.Contains(r.route.Queues, q)
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
func (l *Ledger) route(x *exchange.Slot, routes []exchange.RoutedTo, unroutable func([]protocol.Message), then settled) {
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
			if n < len(p.runs[at].messages) {
				p.split(at, n)
			}
			p.runs[at].route = r.Route
			if p.runs[at].lost = r.Lost; len(r.Route.Queues) == 0 && !r.Lost {
				unroutable(p.runs[at].messages)
			}
			at++
		}
	}
	l.settle(p, then)
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
func (l *Ledger) accept(exchangeID uint64, q *queue.Slot, m mark, then settled) {
	p := l.links[exchangeID]
	if p == nil {
		return
	}
	if old := p.marks[q]; m.accepted > old.accepted || m.confirmed > old.confirmed {
		p.marks[q] = m
		l.settle(p, then)
	}
}

// gone enters that a queue was deleted, or given up and its messages lost: nothing waits for it any more, whatever the other
// queues on its routes still have to say.
func (l *Ledger) gone(q *queue.Slot, lost bool, then settled) {
	for _, id := range slices.Sorted(maps.Keys(l.links)) { // in one order, since every copy of the state must say the same
		p := l.links[id]
		m := p.marks[q]
		delete(p.marks, q)
		var from, to *exchange.Route // the runs of a route stay together
		for i := range p.runs {
			r := &p.runs[i]
			if !r.leadsTo(q) {
				continue
			}
			if r.route != from {
				from, to = r.route, without(r.route, q)
			}
			r.route = to
			r.lost = r.lost || lost && r.messages[len(r.messages)-1].Seq > m.confirmed
		}
		l.settle(p, then)
	}
}

// without is a route that leads to all of its queues but one. Routes belong to the exchange and are not changed.
func without(r *exchange.Route, q *queue.Slot) *exchange.Route {
	at := slices.Index(r.Queues, q)
	return &exchange.Route{Queues: slices.Concat(r.Queues[:at], r.Queues[at+1:])}
}

// orphan enters that an exchange was deleted: what it had not routed goes nowhere, and nothing more comes behind.
func (l *Ledger) orphan(x *exchange.Slot, unroutable func([]protocol.Message), then settled) {
	if p := l.links[x.ID]; p != nil {
		p.orphan = true
		l.route(x, []exchange.RoutedTo{{Last: p.last, Route: &exchange.Route{}}}, unroutable, then)
	}
}

// marksKept is how large a map of marks may have become to be used again: one that was large stays so.
const marksKept = 64

// settle moves every run forward by what all of its queues have, and forgets the runs that are through. A run waits for
// none before it, so that a slow queue does not hold up the confirms of others.
func (l *Ledger) settle(p *publishLink, then settled) {
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
			then(r.messages[r.confirmed:safe], r.lost)
			r.confirmed = safe
		}
		if r.accepted == len(r.messages) && r.confirmed == len(r.messages) && done == i {
			done++
		}
	}
	clear(p.runs[:done])
	p.runs = p.runs[done:]
	if len(p.runs) > 0 {
		return
	}
	p.runs = nil
	// Nothing waits for any of them; the next mark says more.
	if len(p.marks) > marksKept {
		p.marks = map[*queue.Slot]mark{}
	} else {
		clear(p.marks)
	}
	if p.orphan {
		delete(l.links, p.slot.ID)
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

// settled is the sequence up to which nothing is waited for.
func (p *publishLink) settled() uint64 {
	if len(p.runs) == 0 {
		return p.last
	}
	return p.runs[0].messages[0].Seq - 1
}

// refuse enters that a queue has not taken messages, which it says with every word on the link until it knows that this session has
// heard it: they are lost there (contract Q-15, reject-publish).
func (l *Ledger) refuse(exchangeID uint64, q *queue.Slot, refused []ready.Interval) {
	p := l.links[exchangeID]
	if p == nil {
		return
	}
	for _, in := range refused {
		for i := 0; i < len(p.runs); i++ {
			r := &p.runs[i]
			if !r.leadsTo(q) || r.lost || r.confirmed == len(r.messages) || r.messages[len(r.messages)-1].Seq < in.First {
				continue
			}
			if r.messages[0].Seq >= in.First+in.N {
				break
			}
			if n := below(r.messages, in.First); n > 0 {
				p.split(i, n)
				continue // with the rest of it
			}
			if n := below(r.messages, in.First+in.N); n < len(r.messages) {
				p.split(i, n)
			}
			p.runs[i].lost = true
		}
	}
}

// below is how many messages have a sequence below seq.
func below(messages []protocol.Message, seq uint64) int {
	if seq == 0 {
		return 0
	}
	return upTo(messages, seq-1)
}

// split makes two runs of one, of which the first has n messages.
func (p *publishLink) split(at, n int) {
	p.runs = slices.Insert(p.runs, at+1, p.runs[at])
	a, b := &p.runs[at], &p.runs[at+1]
	a.messages, b.messages = a.messages[:n:n], b.messages[n:]
	b.prev = a.messages[n-1].Seq
	b.accepted, b.confirmed = max(0, a.accepted-n), max(0, a.confirmed-n)
	a.accepted, a.confirmed = min(a.accepted, n), min(a.confirmed, n)
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
		d := *p
		d.runs, d.marks = slices.Clone(p.runs), maps.Clone(p.marks)
		c.links[id] = &d
	}
	return c
}
