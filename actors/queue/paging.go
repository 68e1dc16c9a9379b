package queue

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/actors/queue/record"
	"warren/persistence"
)

// limit is how many bytes of messages the queue keeps in memory when they can be on disk: less while memory is short, or when it
// had nothing to do for long. It is the same for a whole turn.
func (q *Queue) limit() int {
	p := &q.paging
	if p.limit == 0 {
		switch p.limit = q.resident; {
		case q.short() && (p.quiet || len(q.state.Consumers()) == 0):
			p.limit = nothing
		case p.idle || q.pressed():
			p.limit = min(q.resident, Little)
		}
	}
	return p.limit
}

// Little is what a queue keeps in memory that has to do with little, and nothing what one does of which nobody takes anything while
// memory is short: many queues have little each, and publishers wait until all of them together are below the low mark.
const (
	Little  = 256 << 10
	nothing = 1
)

// letGo is for a queue that has no other reason to look.
func (q *Queue) letGo(m *LetGo) {
	q.paging.again = 0
	q.paging.idle, q.paging.quiet = q.paging.idle || m.Idle, true
	q.paging.limit = 0
	if w := q.paging.way; w != nil && m.Idle {
		w.ahead = 0
	}
}

// Of what a durable queue may keep in memory, a quarter is for the next to go when it pages. Those who take from a long queue find it
// ahead of them: at least a sixteenth of the limit is fetched at a time, and twice as much whenever that was not soon enough, up to
// half. What was fetched ahead is not let go of again.
func (q *Queue) headBytes() int {
	if q.limit() == nothing {
		return 0
	}
	return max(q.limit()/4, min(q.paging.ahead(), q.aheadMost()))
}
func (q *Queue) aheadLeast() int { return max(1, q.limit()/16) }
func (q *Queue) aheadMost() int  { return max(1, q.limit()/2) }

// paging is how a queue stands between memory and disk. It is not state: the next incarnation looks at what is missing.
type paging struct {
	limit    int  // of this turn, once somebody asked
	again    int  // resident bytes at which paging out is worth another look
	opened   int  // parts of the index that had become large again when it was last made small
	starved  bool // somebody could have had messages in this turn that are not in memory
	mourning bool // likewise who publishes dead letters
	blind    bool // what is at a head, and may have expired, is not in memory
	idle     bool // nothing came and nothing went for long
	quiet    bool // nobody took anything since it was last told to let go
	way      *way // nil before there is anything on it: most queues never page
}

// way is what goes on between the two.
type way struct {
	wanted   []ready.Wanted // asked of the journal, by record; none when nothing is on its way
	fetches  int            // answers that are to come
	tag      uint64         // of that
	ahead    int            // bytes to fetch at a time
	deferred []*Commands    // wait for messages from disk
	spooled  uint64         // newest record that was sent to the spool
	released int            // settled records of it that the journal knows of
	bias     bias           // towards consumers, that slows publishers
	owed     []ready.Link   // publishers that do not hear yet how far the queue has got
}

// begin is for whoever has something to enter on the way.
func (p *paging) begin() *way {
	if p.way == nil {
		p.way = &way{}
	}
	return p.way
}

// ahead is how many bytes are fetched at a time.
func (p *paging) ahead() int {
	if p.way == nil {
		return 0
	}
	return p.way.ahead
}

// page ends a turn of a durable queue: what is too much leaves memory, and what is next comes back.
func (q *Queue) page(ctx actor.Context) {
	p := &q.paging
	switch resident := q.state.Resident(); {
	case resident <= q.limit():
		p.again = 0
	case resident > p.again:
		q.pageOut()
	}
	if q.state.Paged() && (p.way == nil || len(p.way.wanted) == 0) {
		q.readAhead(ctx)
	}
	if q.state.Opened() >= p.opened+openMost { // also where nothing comes that would have to leave memory
		q.shrink()
	}
	p.starved, p.mourning, p.blind = false, false, false
	q.spool(ctx)
	if w := p.way; w != nil && len(w.owed) > 0 && !q.overfull() && !(w.bias.running && q.outrun()) {
		for _, l := range w.owed {
			q.accepted(ctx, l)
		}
		w.owed = w.owed[:0]
	}
}

// overfull says that messages come faster than the disk takes them, which has some of them to write. Their publishers are not told that they are accepted, and so are
// slowed by their own windows, until it has caught up. While memory is pressed that is so from the first message on: what is written is in
// memory twice, and of many queues each has only little of it.
func (q *Queue) overfull() bool {
	if q.Journal == nil || max(q.state.Resident(), q.state.Writing()) <= overfull*q.resident && !q.pressed() {
		return false
	}
	return len(q.state.Spooling()) > 0 || slices.ContainsFunc(q.state.Pending(), func(r ready.Record) bool { return r.Kind == ready.RecordEnqueued })
}

// overfull is how many times over its limit a queue's memory is when publishers are slowed: by the disk, or by consumers (bias).
const overfull = 4

func (q *Queue) owe(l ready.Link) {
	if w := q.paging.begin(); !slices.Contains(w.owed, l) {
		w.owed = append(w.owed, l)
	}
}

// spoolFrom is how much stays in memory of what is nowhere on disk: to write it costs more than to let go of what is there anyway, and
// consumers that are a little behind catch up soon.
func (q *Queue) spoolFrom() int {
	if q.paging.idle || q.pressed() {
		return q.limit()
	}
	return spoolLater * q.resident
}

const spoolLater = 16

func (q *Queue) pageOut() {
	left := func(k ready.Key) uint64 {
		if w := q.windows[k]; w != nil {
			return w.written
		}
		return 0
	}
	out := q.state.Pageable(q.headBytes(), left)
	if len(out) == 0 {
		return
	}
	q.happen(&ready.PagedOut{Intervals: out})
	if q.state.Resident() > q.spoolFrom() && len(q.state.Spooling()) < spoolAhead && (!q.pressed() || q.Journal.Spooling.Load() < spoolMost) {
		if in := q.state.Homeless(out, max(q.limit(), spoolLeast)); len(in) > 0 {
			q.happen(&ready.Spooled{Intervals: in}) // what is nowhere on disk has to go there first, a piece at a time
		}
	}
	q.shrink()
	q.stream.Fold(q.incarnation) // the stream's own state lets go of it, too
	q.paging.again = q.state.Resident() + q.limit()/4
	q.publishStats()
}

func (q *Queue) readAhead(ctx actor.Context) {
	p := q.paging.begin()
	p.wanted = q.wanted()
	slices.SortFunc(p.wanted, byRecord)
	if p.wanted = slices.Compact(p.wanted); len(p.wanted) == 0 {
		return
	}
	p.tag++
	for _, spool := range []bool{false, true} {
		m := &persistence.Fetch{Stream: q.stored(), From: ctx.Self(), Tag: q.fetchTag()}
		if spool {
			m.Stream = q.spoolName()
		}
		for _, w := range p.wanted {
			if w.Spool == spool {
				m.Records = append(m.Records, w.Record)
			}
		}
		if len(m.Records) > 0 {
			p.fetches++
			ctx.Send(q.Journal.PID, m)
		}
	}
}

// byRecord is the order of what is fetched.
func byRecord(a, b ready.Wanted) int {
	return cmp.Or(cmp.Compare(a.Record, b.Record), cmp.Compare(a.First, b.First))
}

// wanted is what to fetch. Who waits for something is never left without it: each kind has bytes of its own, of which no other kind
// takes anything, and what is at their head comes also where it is larger than all of them.
func (q *Queue) wanted() (out []ready.Wanted) {
	p, w := &q.paging, q.paging.way
	if p.mourning {
		out = append(out, q.state.DeadAhead(q.aheadLeast())...)
	}
	if p.blind {
		out = append(out, q.state.HeadsAhead()...)
	}
	near, all := q.state.InMemory()
	switch {
	case all:
		return out
	case q.limit() == nothing && !p.starved:
		return out // it would be let go of again
	case p.starved:
		w.ahead = min(max(2*w.ahead, q.aheadLeast()), q.aheadMost())
	case len(q.state.Consumers()) == 0:
		w.ahead = q.aheadLeast()
	}
	if p.starved || near < max(w.ahead, q.aheadLeast())/2 {
		out = append(out, q.state.Ahead(max(w.ahead, q.aheadLeast()))...)
	}
	return out
}

// fetchTag tells this incarnation's fetches from those of the one before.
func (q *Queue) fetchTag() uint64 { return q.incarnation<<32 | q.paging.way.tag }

// fetched takes in what the journal read. A batch that is damaged on disk is lost, which the journal has logged; a disk that fails
// is somebody else's to decide about.
func (q *Queue) fetched(ctx actor.Context, m *persistence.Fetched) {
	p := q.paging.way
	if p == nil || m.Tag != q.fetchTag() || len(p.wanted) == 0 {
		return
	}
	if m.Err != nil {
		panic(fmt.Errorf("queue: fetch messages: %w", m.Err))
	}
	spool := m.Stream == q.spoolName()
	var wanted []ready.Wanted
	for _, w := range p.wanted {
		if w.Spool == spool {
			wanted = append(wanted, w)
		}
	}
	if p.fetches--; p.fetches == 0 {
		p.wanted = nil
	}
	in := &ready.PagedIn{}
	for i := range m.Records {
		r := &m.Records[i]
		at, _ := slices.BinarySearchFunc(wanted, ready.Wanted{Record: r.Index}, byRecord)
		_, content, err := record.ParseEnqueued(r.Payload)
		if err != nil {
			panic(fmt.Errorf("queue: record %d: %w", r.Index, err))
		}
		content.Expiries = expiries(&content)
		in.Parts = append(in.Parts, ready.Part{Wanted: wanted[at], Content: &content})
	}
	if len(in.Parts) > 0 {
		q.happen(in)
	}
	for _, w := range wanted {
		if slices.Contains(m.Lost, w.Record) {
			if in, there := q.state.Extent(w.First); there {
				q.happen(&ready.Unreadable{Interval: in})
			}
		}
	}
	q.takeUp(ctx)
	q.pump(ctx)
}

// waits says that the next to go is not in memory, and sees to it that it comes.
func (q *Queue) waits() bool {
	in, _ := q.state.Next(1)
	if in.N == 0 {
		return false
	}
	if before, missing := q.state.Missing(in); !missing || before > 0 {
		return false
	}
	q.paging.starved = true
	return true
}

// put off has commands wait for what is on disk.
func (q *Queue) putOff(m *Commands) {
	w := q.paging.begin()
	w.deferred = append(w.deferred, m)
}

// takeUp goes on with what was put off, as soon as what is next is there: it may have been read, and what it waited for may as well have been
// purged or dropped, and then nothing would ever be read for it.
func (q *Queue) takeUp(ctx actor.Context) {
	w := q.paging.way
	for w != nil && len(w.deferred) > 0 && !q.waits() {
		deferred := w.deferred
		w.deferred = nil
		for _, c := range deferred {
			q.commands(ctx, c)
		}
	}
}

// forgetDeferred drops what a session will say again, or never.
func (q *Queue) forgetDeferred(session uint64) {
	if w := q.paging.way; w != nil {
		w.deferred = slices.DeleteFunc(w.deferred, func(m *Commands) bool { return m.Session == session })
	}
}

func (q *Queue) defers(session uint64) bool {
	w := q.paging.way
	return w != nil && slices.ContainsFunc(w.deferred, func(m *Commands) bool { return m.Session == session })
}
