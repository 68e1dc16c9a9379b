// Package exchange is the exchange actor and its routing tables: a batch of one session comes in, is routed, and goes on
// as one batch for each queue.
package exchange

import (
	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/queue"
	"warren/actors/queue/ready"
	"warren/persistence/volatile"
	"warren/protocol"
	"warren/supervision"
)

// Options are what an exchange needs of the node.
type Options struct {
	Slot      *Slot
	Directory Directory
	Sessions  Sessions
	Streams   *volatile.Store
	Ledger    queue.Ledger
	Poison    supervision.Poison
	Log       zerolog.Logger
}

// Sessions are those that live, among which an exchange can be one.
type Sessions interface {
	queue.Sessions
	NewID() uint64
	Add(id uint64, pid *actor.PID)
	Remove(id uint64)
}

// Exchange is the actor of one exchange. Its table lives in the slot, as the vhost's stream says; what it keeps itself, the
// links, it gets back from the sessions: each of them resumes when a new incarnation shows up.
type Exchange struct {
	Options
	incarnation uint64
	router      *router
	links       map[uint64]*link
	follows     map[*queue.Slot]struct{} // every queue that a link leads or led to
	epoch       uint64
	batches     []queueBatch        // scratch of one turn
	index       map[*queue.Slot]int // where the newest batch to a queue is, of the first indexed ones
	indexed     int
	sweepAt     int
	recent      *recent            // of an x-recent-history alone
	suspicious  bool               // a turn of a former incarnation has panicked over a batch
	again       []protocol.Message // of the turn, that are routed as they were before
}

// link is one session's way through this exchange.
type link struct {
	session uint64
	pid     *actor.PID
	last    uint64 // sequence of the newest message routed
	settled uint64 // sequence up to which the session waits for nothing
	epoch   uint64 // of the Reset that waits for its Resume; 0 when open
	targets map[*queue.Slot]uint64
}

type queueBatch struct {
	to       *queue.Slot
	messages []protocol.Message
	shared   bool        // messages is a part of what came in, and must not be appended to
	kept     *queue.Kept // what its queue and others keep of it
	closed   bool        // it is for the disk as it is, and what follows is a batch of its own
}

const sweepFrom = 64

// New returns the actor for one incarnation.
func New(o Options, incarnation uint64) *Exchange {
	return &Exchange{Options: o, incarnation: incarnation, links: map[uint64]*link{}, follows: map[*queue.Slot]struct{}{}, index: map[*queue.Slot]int{}, sweepAt: sweepFrom}
}

// Receive is the exchange's table of contents.
func (x *Exchange) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		x.recover(ctx)
	case *Publish:
		x.publish(ctx, m)
	case *Resume:
		x.resume(m)
	case *Republish:
		x.republish(ctx, m)
	case *queue.Up:
		x.queueUp(ctx, m)
	case *queue.Gone:
		x.queueGone(ctx, m.Queue, m)
	case *queue.Crashed:
		x.queueGone(ctx, m.Queue, m)
	default:
		if x.recent != nil { // else it was for a namesake that is deleted
			x.recent.receive(ctx)
		}
	}
}

func (x *Exchange) recover(ctx actor.Context) {
	x.router = newRouter(x.Slot, x.Directory)
	x.router.resolver.missing = func(of *Slot) { // contract X-17
		x.Log.Warn().Str("exchange", string(of.Name)).Str("alternate", string(of.AlternateInForce())).Msg("alternate exchange does not exist: what reaches nothing is unroutable")
	}
	x.suspicious = x.Slot.poison.Any()
	x.Slot.claim(x.incarnation)
	if x.Slot.Type == RecentHistory {
		x.recoverRecent(ctx)
	}
	up := &Up{Exchange: x.Slot, Incarnation: x.incarnation}
	x.Slot.followers.Each(func(p *actor.PID) { ctx.Send(p, up) })
}

// Terminate is called when the actor stops. One that is deleted leaves nobody a follower that is never there again.
func (x *Exchange) Terminate(ctx actor.Context, _ supervision.Reason) {
	if x.Slot.Gone() {
		for q := range x.follows {
			q.Unfollow(ctx.Self())
		}
		x.Slot.Forget(x.Streams, x.Sessions, x.Ledger)
	}
}

func (x *Exchange) link(session uint64) *link {
	l := x.links[session]
	if l == nil {
		pid := x.Sessions.Lookup(session)
		if pid == nil {
			return nil
		}
		if len(x.links) >= x.sweepAt {
			x.sweep()
		}
		l = &link{session: session, pid: pid, targets: map[*queue.Slot]uint64{}}
		x.links[session] = l
	}
	return l
}

// sweep drops the links of sessions that are over. Queues that are gone stay until queueGone has told the others.
func (x *Exchange) sweep() {
	for id := range x.links {
		if x.Sessions.Lookup(id) == nil {
			delete(x.links, id)
		}
	}
	x.sweepAt = max(sweepFrom, 2*len(x.links))
}

func (x *Exchange) publish(ctx actor.Context, m *Publish) {
	if m.Incarnation != x.incarnation {
		return // its session sends it again, to this incarnation
	}
	l := x.link(m.Session)
	if l == nil || m.Prev != l.last {
		return // the session is over, or it resumes later
	}
	x.router.refresh()
	x.router.resolver.session = m.Session
	routed := &Routed{Exchange: x.Slot, Incarnation: x.incarnation, Prev: m.Prev}
	if x.suspicious {
		x.publishSuspicious(ctx, m, routed)
	} else {
		x.routeAll(ctx, m, m.Messages, routed)
	}
	l.last, l.settled = m.Messages[len(m.Messages)-1].Seq, max(l.settled, m.Settled)
	x.Slot.Published.Add(int64(len(m.Messages)))
	ctx.Send(l.pid, routed)
	x.forward(ctx, l)
	if x.suspicious {
		x.survived(m.Session, m.Messages)
	}
}

// routeAll routes messages of a batch, and remembers them where that is what the exchange does.
func (x *Exchange) routeAll(ctx actor.Context, m *Publish, messages []protocol.Message, routed *Routed) {
	if x.Poison != "" {
		x.taste(messages)
	}
	if x.recent != nil {
		x.recent.greet(ctx)
		x.recent.remember(ready.Link{Session: m.Session, Exchange: x.Slot.ID}, messages)
	}
	for rest := messages; len(rest) > 0; {
		to := x.router.route(&rest[0])
		n := 1
		for n < len(rest) && x.router.route(&rest[n]) == to {
			n++
		}
		routed.Routes = append(routed.Routes, RoutedTo{Last: rest[n-1].Seq, Route: to})
		run := rest[:n:n]
		x.collect(to, run)
		for _, through := range to.Through {
			ctx.Send(through.PID, &Passed{Through: through, From: ready.Link{Session: m.Session, Exchange: x.Slot.ID}, Messages: protocol.CopyOut(run)})
		}
		rest = rest[n:]
	}
}

// keepTogether is how many bytes are worth to go to several queues as one batch, also when their other batches differ: from there on
// RabbitMQ has a message in one file for all queues as well (queue_index_embed_msgs_below, contract D-06).
const keepTogether = 4096

// collect adds messages to the batches of this turn.
func (x *Exchange) collect(to *Route, messages []protocol.Message) {
	var kept *queue.Kept
	closed := false
	if len(to.Queues) > 1 {
		kept, closed = new(queue.Kept), bytesReach(messages, keepTogether)
	}
	before := len(x.batches) // a route has every queue once
	for _, q := range to.Queues {
		b := x.open(q, before)
		if b == nil || closed {
			x.batches = append(x.batches, queueBatch{to: q, messages: messages, shared: true, kept: kept, closed: closed})
			continue
		}
		if b.shared { // copy on the first append: a batch that goes to one queue whole is never copied
			b.messages, b.shared, b.kept = append(make([]protocol.Message, 0, 2*(len(b.messages)+len(messages))), b.messages...), false, nil
		}
		b.messages = append(b.messages, messages...)
	}
}

// open is the batch among the first ones that messages to a queue may be added to, nil if there is none.
func (x *Exchange) open(q *queue.Slot, first int) *queueBatch {
	if at := x.newest(q, first); at >= 0 && !x.batches[at].closed {
		return &x.batches[at]
	}
	return nil
}

// scanMost is how many batches are looked at one by one: beyond it an index is quicker.
const scanMost = 16

// newest is where the newest batch to a queue is among the first ones, -1 if there is none.
func (x *Exchange) newest(q *queue.Slot, first int) int {
	if first <= scanMost {
		for i := first - 1; i >= 0; i-- {
			if x.batches[i].to == q {
				return i
			}
		}
		return -1
	}
	for ; x.indexed < first; x.indexed++ {
		x.index[x.batches[x.indexed].to] = x.indexed
	}
	if at, there := x.index[q]; there {
		return at
	}
	return -1
}

func bytesReach(messages []protocol.Message, limit int) bool {
	for i := range messages {
		if limit -= len(messages[i].Body); limit <= 0 {
			return true
		}
	}
	return false
}

// forward sends the batches of this turn on, unless the link waits for its session to resume: then the session sends all
// of them again.
func (x *Exchange) forward(ctx actor.Context, l *link) {
	for i := range x.batches {
		b := &x.batches[i]
		incarnation, known := l.targets[b.to]
		if !known {
			if _, follows := x.follows[b.to]; !follows {
				x.follows[b.to] = struct{}{}
				b.to.Follow(ctx.Self())
			}
			incarnation = b.to.Incarnation()
			l.targets[b.to] = incarnation
		}
		switch {
		case l.epoch != 0:
		case b.to.Gone():
			delete(x.follows, b.to)
			delete(l.targets, b.to)
			ctx.Send(l.pid, &queue.Gone{Queue: b.to})
		case b.to.Crashed():
			ctx.Send(l.pid, &queue.Crashed{Queue: b.to})
		default:
			ctx.Send(b.to.PID(), &queue.Enqueue{
				Link:        ready.Link{Session: l.session, Exchange: x.Slot.ID},
				Incarnation: incarnation,
				Exchange:    string(x.Slot.Name),
				Settled:     l.settled,
				Messages:    b.messages,
				Kept:        b.kept,
			})
		}
		x.batches[i] = queueBatch{}
	}
	x.batches = x.batches[:0]
	if x.indexed > 0 {
		clear(x.index)
		x.indexed = 0
	}
}

// queueUp stops every link that leads to a queue which restarted, until its session has sent again what was on the way.
func (x *Exchange) queueUp(ctx actor.Context, m *queue.Up) {
	x.follows[m.Queue] = struct{}{} // since an incarnation before this one
	if x.recent != nil {
		x.recent.queueUp(ctx, m.Queue)
	}
	for _, l := range x.links {
		if at, known := l.targets[m.Queue]; known && at != m.Incarnation {
			l.targets[m.Queue] = m.Incarnation
			x.epoch++
			l.epoch = x.epoch
			ctx.Send(l.pid, &Reset{Exchange: x.Slot, Incarnation: x.incarnation, Epoch: l.epoch})
		}
	}
}

// queueGone passes the end of a queue, deleted or given up, on to the sessions that may wait for it, behind what they heard
// of their routes.
func (x *Exchange) queueGone(ctx actor.Context, q *queue.Slot, m any) {
	delete(x.follows, q)
	if x.recent != nil {
		x.recent.queueGone(ctx, q)
	}
	for _, l := range x.links {
		if _, known := l.targets[q]; known {
			delete(l.targets, q)
			ctx.Send(l.pid, m)
		}
	}
}

func (x *Exchange) resume(m *Resume) {
	if m.Incarnation != x.incarnation {
		return
	}
	l := x.link(m.Session)
	if l == nil {
		return
	}
	// A session that restarted has lost the Resets that were on their way to it. It sends everything again unasked, and
	// waits for the routes of that before it would answer another one.
	if l.epoch != m.Epoch && m.Epoch != 0 {
		return
	}
	l.epoch, l.last = 0, m.Prev
	for q := range l.targets {
		l.targets[q] = q.Incarnation()
	}
}

func (x *Exchange) republish(ctx actor.Context, m *Republish) {
	if m.Incarnation != x.incarnation {
		return
	}
	l := x.links[m.Session]
	if l == nil || l.epoch != 0 {
		return
	}
	for _, r := range m.Runs {
		x.again = r.Messages
		messages := r.Messages
		if x.suspicious {
			messages = x.spare(ctx, l, messages)
		}
		if x.Poison != "" {
			x.taste(messages)
		}
		if len(messages) > 0 {
			x.collect(r.Route, messages)
		}
	}
	x.again = nil
	x.forward(ctx, l)
	if x.suspicious {
		for _, r := range m.Runs {
			x.survived(m.Session, r.Messages)
		}
	}
}
