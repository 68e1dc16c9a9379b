package session

import (
	"maps"
	"math"
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

// publishLink is the messages of one exchange that are under way.
type publishLink struct {
	slot   *exchange.Slot
	last   uint64               // sequence of the newest message
	runs   fifo[*run]           // in the order they were published
	routed int                  // that many from the front have a route
	ways   map[*queue.Slot]*way // to queues that runs wait for, or waited for a moment ago
	spare  []*run               // to be used again
	// orphan is set when the exchange was deleted: the link ends with its last run.
	orphan bool
}

// settled hears of messages that nothing waits for any more: they are as safe as they ask to be, or lost with a queue.
type settled func(messages []protocol.Message, lost bool)

// run is messages with one route, or with none yet.
type run struct {
	prev                uint64 // sequence of the message before the first
	messages            []protocol.Message
	route               *exchange.Route
	accepted, confirmed int  // that many from the front
	lost                bool // a queue of the route was given up before it had all of them

	// Queues of the route that do not have all of them, and that do not have all of them safe: so that the word of one queue is not a
	// reason to look at the others.
	unaccepted, unconfirmed int
	parted                  bool // some queue has had a part of them
}

// seqs are the sequences of the first message and the last.
func (r *run) seqs() (first, last uint64) {
	return r.messages[0].Seq, r.messages[len(r.messages)-1].Seq
}

// through says that nothing waits for any of the run any more.
func (r *run) through() bool { return r.accepted == len(r.messages) && r.confirmed == len(r.messages) }

// leadsTo says whether a queue is on the route.
func (r *run) leadsTo(q *queue.Slot) bool {
	return r.route != nil && slices.Contains(r.route.Queues, q)
}

func (l *Ledger) link(x *exchange.Slot) *publishLink {
	p := l.links[x.ID]
	if p == nil {
		p = &publishLink{slot: x, ways: map[*queue.Slot]*way{}}
		if l.links == nil {
			l.links = map[uint64]*publishLink{}
		}
		l.links[x.ID] = p
	}
	return p
}

// publish enters messages, which must be newer than all before them.
func (l *Ledger) publish(x *exchange.Slot, messages []protocol.Message) {
	p := l.link(x)
	r := p.run()
	r.prev, r.messages = p.last, messages
	p.runs.push(r)
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

// route enters where messages behind prev went, as far as it is news, yields those that went nowhere, and then, since nothing more
// becomes of those, what is safe by it. Where word of others in front of them was lost, with the session's last incarnation, it says
// nothing: all of them are published again.
func (l *Ledger) route(x *exchange.Slot, prev uint64, routes []exchange.RoutedTo, unroutable func([]protocol.Message), then settled) {
	p := l.links[x.ID]
	if p == nil {
		return
	}
	if p.routedUpTo() < prev {
		return
	}
	from := p.routed
	for _, to := range routes {
		for p.routed < p.runs.len() {
			r := p.runs.at(p.routed)
			if r.messages[0].Seq > to.Last {
				break
			}
			if n := upTo(r.messages, to.Last); n < len(r.messages) {
				p.split(p.routed, n)
			}
			p.routed++
			r.route = to.Route
			if r.lost = to.Lost; len(r.route.Queues) == 0 && !r.lost {
				unroutable(r.messages)
			}
		}
	}
	for _, r := range p.runs.all()[from:p.routed] {
		p.enter(r)
		l.settle(p, r, then)
	}
	l.trim(p)
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
	w := p.way(q)
	if m.accepted <= w.accepted && m.confirmed <= w.confirmed {
		return
	}
	w.accepted, w.confirmed = max(w.accepted, m.accepted), max(w.confirmed, m.confirmed)
	for ; w.has < w.runs.len(); w.has++ {
		r := w.runs.at(w.has)
		if first, last := r.seqs(); w.accepted < last {
			r.parted = r.parted || first <= w.accepted
			l.settle(p, r, then)
			break
		}
		r.unaccepted--
		l.settle(p, r, then)
	}
	for ; w.safe < w.runs.len(); w.safe++ {
		r := w.runs.at(w.safe)
		if first, last := r.seqs(); w.confirmed < last {
			r.parted = r.parted || first <= w.confirmed
			l.settle(p, r, then)
			break
		}
		r.unconfirmed--
		l.settle(p, r, then)
	}
	p.leave(q, w)
	l.trim(p)
}

// slowest is a queue that does not have the oldest message on some link; nil when there is none.
func (l *Ledger) slowest() *queue.Slot {
	for _, p := range l.links {
		for _, r := range p.runs.all() {
			if r.route == nil || r.unaccepted == 0 {
				continue
			}
			_, last := r.seqs()
			for _, q := range r.route.Queues {
				if w := p.ways[q]; w != nil && w.accepted < last {
					return q
				}
			}
		}
	}
	return nil
}

// gone enters that a queue was deleted, or given up and its messages lost: nothing waits for it any more, whatever the other
// queues on its routes still have to say.
func (l *Ledger) gone(q *queue.Slot, lost bool, then settled) {
	for _, id := range slices.Sorted(maps.Keys(l.links)) { // in one order, since every copy of the state must say the same
		p := l.links[id]
		m := mark{math.MaxUint64, math.MaxUint64} // of a queue that no run waits for
		if w := p.ways[q]; w != nil {
			m = w.mark
		}
		delete(p.ways, q)
		var from, to *exchange.Route // the runs of a route stay together
		for _, r := range p.runs.all() {
			if !r.leadsTo(q) {
				continue
			}
			if r.route != from {
				from, to = r.route, without(r.route, q)
			}
			r.route = to
			_, last := r.seqs()
			if m.accepted < last {
				r.unaccepted--
			}
			if m.confirmed < last {
				r.unconfirmed--
				r.lost = r.lost || lost
			}
			l.settle(p, r, then)
		}
		l.trim(p)
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
		l.route(x, 0, []exchange.RoutedTo{{Last: p.last, Route: &exchange.Route{}}}, unroutable, then)
	}
}

// settle moves a run forward by what all of its queues have. It waits for none before it, so that a slow queue does not hold up the
// confirms of others.
func (l *Ledger) settle(p *publishLink, r *run, then settled) {
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
}

// trim forgets the runs in front that are through.
func (l *Ledger) trim(p *publishLink) {
	for p.routed > 0 && p.runs.at(0).through() {
		p.reuse(p.runs.pop())
		p.routed--
	}
	if p.orphan && p.runs.len() == 0 {
		delete(l.links, p.slot.ID)
	}
}

// reach is how many messages of a run all queues of its route have, and how many all have safe.
func (p *publishLink) reach(r *run) (accepted, confirmed int) {
	accepted, confirmed = len(r.messages), len(r.messages)
	switch {
	case r.unaccepted == 0 && r.unconfirmed == 0:
		return accepted, confirmed
	case !r.parted: // all or nothing
		if r.unaccepted > 0 {
			accepted = r.accepted
		}
		if r.unconfirmed > 0 {
			confirmed = r.confirmed
		}
		return accepted, confirmed
	}
	for _, q := range r.route.Queues {
		if w := p.ways[q]; w != nil { // one that no run waits for has all of it
			accepted = min(accepted, upTo(r.messages, w.accepted))
			confirmed = min(confirmed, upTo(r.messages, w.confirmed))
		}
	}
	return max(accepted, r.accepted), max(confirmed, r.confirmed)
}

// settled is the sequence up to which nothing is waited for.
func (p *publishLink) settled() uint64 {
	if p.runs.len() == 0 {
		return p.last
	}
	return p.runs.at(0).messages[0].Seq - 1
}

// refuse enters that a queue has not taken messages, which it says with every word on the link until it knows that this session has
// heard it: they are lost there (contract Q-15, reject-publish).
func (l *Ledger) refuse(exchangeID uint64, q *queue.Slot, refused []ready.Interval) {
	p := l.links[exchangeID]
	if p == nil {
		return
	}
	for _, in := range refused {
		p.part(in, func(r *run) bool { return r.leadsTo(q) && !r.lost }, func(r *run) { r.lost = true })
	}
}

// part makes runs of their own of the messages in an interval, of those runs with a route that are not safe and that it concerns, and has f
// change them.
func (p *publishLink) part(in ready.Interval, concerns func(*run) bool, f func(*run)) {
	for i := 0; i < p.routed; i++ {
		r := p.runs.at(i)
		first, last := r.seqs()
		if r.confirmed == len(r.messages) || last < in.First || !concerns(r) {
			continue
		}
		if first >= in.First+in.N {
			break
		}
		if n := below(r.messages, in.First); n > 0 {
			p.split(i, n)
			continue // with the rest of it
		}
		if n := below(r.messages, in.First+in.N); n < len(r.messages) {
			p.split(i, n)
		}
		f(r)
	}
}

// setAside enters that messages which have a route go nowhere any more: they are lost wherever they are not, and nothing waits for them.
// What a queue still says of them changes nothing.
func (l *Ledger) setAside(x *exchange.Slot, sequences []ready.Interval, then settled) {
	p := l.links[x.ID]
	if p == nil {
		return
	}
	for _, in := range sequences {
		p.part(in, func(*run) bool { return true }, func(r *run) {
			r.lost = true
			l.unaccepted -= len(r.messages) - r.accepted
			l.bytes -= size(r.messages[r.accepted:])
			r.accepted = len(r.messages)
			then(r.messages[r.confirmed:], true)
			r.confirmed = len(r.messages)
		})
	}
	l.trim(p)
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
	a, b := p.runs.at(at), p.run()
	p.runs.insert(at+1, b)
	*b = *a
	a.messages, b.messages = a.messages[:n:n], b.messages[n:]
	b.prev = a.messages[n-1].Seq
	b.accepted, b.confirmed = max(0, a.accepted-n), max(0, a.confirmed-n)
	a.accepted, a.confirmed = min(a.accepted, n), min(a.confirmed, n)
	if a.route == nil {
		return
	}
	p.routed++
	for _, q := range a.route.Queues {
		if w := p.ways[q]; w != nil {
			w.split(a, b)
		}
	}
}

// outstanding yields what must be sent again behind a restart, in order: runs with a route, then runs without.
func (p *publishLink) outstanding() (routed, unrouted []*run) {
	all := p.runs.all()
	return all[:p.routed], all[p.routed:]
}

// routedUpTo is the sequence of the newest message with a route.
func (p *publishLink) routedUpTo() uint64 {
	if p.routed < p.runs.len() {
		return p.runs.at(p.routed).prev
	}
	return p.last
}

// spareRuns is how many runs a link keeps to be used again.
const spareRuns = 64

func (p *publishLink) run() *run {
	n := len(p.spare)
	if n == 0 {
		return &run{}
	}
	r := p.spare[n-1]
	p.spare = p.spare[:n-1]
	return r
}

// reuse keeps a run that no way holds.
func (p *publishLink) reuse(r *run) {
	if r.unaccepted == 0 && r.unconfirmed == 0 && len(p.spare) < spareRuns {
		*r = run{}
		p.spare = append(p.spare, r)
	}
}

func (l Ledger) clone() Ledger {
	c := Ledger{unaccepted: l.unaccepted, bytes: l.bytes}
	if len(l.links) > 0 {
		c.links = make(map[uint64]*publishLink, len(l.links))
	}
	for id, p := range l.links {
		d := *p
		copies := make(map[*run]*run, p.runs.len())
		d.runs, d.spare, d.ways = copyRuns(p.runs, copies), nil, make(map[*queue.Slot]*way, len(p.ways))
		for q, w := range p.ways {
			v := *w
			v.runs = copyRuns(w.runs, copies)
			d.ways[q] = &v
		}
		c.links[id] = &d
	}
	return c
}

// copyRuns copies each run once, however many hold it.
func copyRuns(runs fifo[*run], copies map[*run]*run) (out fifo[*run]) {
	for _, r := range runs.all() {
		d := copies[r]
		if d == nil {
			d = new(run)
			*d = *r
			copies[r] = d
		}
		out.push(d)
	}
	return out
}
