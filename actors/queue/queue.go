// Package queue is the queue actor: it feeds the pure queue in package ready with what exchanges and sessions send, keeps
// its events in the queue's stream, and sends what it decides.
package queue

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/queue/ready"
	"warren/actors/queue/settings"
	"warren/actors/rate"
	"warren/persistence"
	"warren/persistence/cold"
	"warren/persistence/volatile"
	"warren/protocol"
	"warren/supervision"
)

// Options are what a queue is made with.
type Options struct {
	*Node
	Slot *Slot
}

// Node is what all queues of a vhost need of it and of the node.
type Node struct {
	VHost    *actor.PID // told when the queue may go
	Streams  *volatile.Store
	Journal  *persistence.Log
	Cold     *cold.Store // for what of the index nobody looks at for long; nil where there is none
	Sessions Sessions
	Ledger   Ledger
	// DeadLetters publishes what leaves the queue to be dead-lettered; nil where nobody does.
	DeadLetters *actor.PID
	// Rates are where limits of rates are; nil where there are none.
	Rates *rate.Registry
	// Send reaches actors from outside.
	Send func(*actor.PID, any)
	// Resident is how many bytes of messages the queue keeps in memory when they can be on disk; 0 for 4 MiB.
	Resident int
	// Sizes are how much of its index goes to disk together.
	Sizes ready.Sizes
	// Pressed says that little is to be kept in memory, and Short, which implies it, that nothing is that nobody is about to get;
	// nil for never.
	Pressed, Short func() bool
	Poison         supervision.Poison
	Log            zerolog.Logger
	Now            func() time.Time // nil for the clock
}

// Queue is the actor of one queue.
type Queue struct {
	Options
	incarnation uint64
	stream      *volatile.Stream[*ready.State, ready.Event]
	state       *ready.State
	resident    int                   // Node.Resident, as far as it is this queue's
	windows     map[ready.Key]*window // nil before the first consumer
	peers       map[uint64]*actor.PID // nil before the first session
	outgoing    []outgoing            // of this turn, one a consumer
	accounted   int                   // bytes the ledger knows of
	sweepAt     int                   // links that make the next sweep
	settings    *settings.Settings    // in force
	age         ready.Age             // how long messages may wait by them
	doing       uint64                // command that this turn is at; 0 for none
	doingOf     uint64                // and its session
	*disk                             // nil for a queue that keeps nothing there
	paging      paging

	turnTime    int64  // of this turn, once somebody asked
	armed       int64  // when the next message expires that the queue hears of; 0 for none
	usedAt      int64  // last use of a queue that expires
	expiryRound uint64 // goes up when the time without use is another one, or none

	queueArmed bool
	announced  bool // that there are dead letters
	closing    bool // deletable: takes nothing more
	suspicious bool // a turn of a former incarnation has panicked over a batch

	rates  *rate.Scope  // of the vhost
	waiter *rate.Waiter // nil before its limit was first found closed
}

// heldResident is how many times over a queue that holds messages back may have in memory what others may.
const heldResident = 16

const sweepFrom = 64

// New returns the actor for one incarnation.
func New(o Options, incarnation uint64) *Queue {
	q := &Queue{Options: o, incarnation: incarnation, resident: o.Resident, sweepAt: sweepFrom, rates: o.Rates.VHost(o.Slot.VHost)}
	if q.resident == 0 {
		q.resident = 4 << 20
	}
	if o.Slot.Settings().Holds.Set {
		q.resident *= heldResident // each message has its own time: those that are next lie everywhere
	}
	return q
}

func (n *Node) pressed() bool { return n.Pressed != nil && n.Pressed() }
func (n *Node) short() bool   { return n.Short != nil && n.Short() }

func (n *Node) clock() time.Time {
	if n.Now != nil {
		return n.Now()
	}
	return time.Now()
}

func streamName(s *Slot) string { return "queue/" + supervision.Escape(s.VHost) + "/" + string(s.Name) }

// Receive is the queue's table of contents.
func (q *Queue) Receive(ctx actor.Context) {
	q.turnTime = 0
	q.paging.limit = 0
	switch m := ctx.Message().(type) {
	case *actor.Started:
		q.recover(ctx)
	case *Enqueue:
		q.paging.idle = false
		q.enqueue(ctx, m)
	case *Commands:
		q.paging.idle, q.paging.quiet = false, false
		q.commands(ctx, m)
	case *Credit:
		q.paging.quiet = false
		q.credit(ctx, m)
	case *Resume:
		q.resume(ctx, m)
	case *Delete:
		q.delete(ctx, m)
	case *Govern:
		q.govern(ctx, m)
	case *expireHead:
		q.headExpired(ctx, m)
	case *expireQueue:
		q.queueExpired(ctx, m)
	case *Allowed:
		q.pump(ctx)
	case *biasOver:
		if way := q.paging.way; way != nil { // nil: it was the round of the incarnation before
			way.bias.end(q.now)
		}
	case *LetGo:
		q.letGo(m)
	case *persistence.Durable:
		if m.Stream == q.Slot.Stored {
			q.durable(ctx, m)
		} else {
			q.stowed(m.Upto)
		}
	case *persistence.Stalled:
		if q.disk != nil { // nil: the spool takes nothing
			q.answerHeld(ctx, len(q.held))
		}
	case *persistence.Fetched:
		q.fetched(ctx, m)
	}
	if q.state == nil {
		return
	}
	q.takeUp(ctx)
	if q.state.Durable() {
		q.save(ctx)
	}
	if q.Journal != nil {
		q.page(ctx)
	}
}

// recover folds the stream, ends what ended meanwhile, and tells everybody who depends on this queue.
func (q *Queue) recover(ctx actor.Context) {
	q.stream = volatile.Open(q.Streams, streamName(q.Slot), ready.New)
	got, err := q.stream.Claim(q.incarnation)
	if err != nil {
		panic(err)
	}
	q.state = got.State
	q.load(ctx)
	q.heed()
	q.accounted = int(q.Slot.own.Load())
	q.state.Hold()
	q.offTheWay()
	q.Slot.claim(q.incarnation, ctx.Self())
	q.suspicious = q.Slot.suspicious()
	givenUp := q.Slot.crashed.Swap(false) // every session has been told so, and has forgotten the queue
	for id := range q.state.Sessions() {
		if givenUp || q.peer(id) == nil {
			q.endSession(ctx, id, nil)
		}
	}
	q.consumersChanged(ctx) // the word that the last one went may be lost
	// No consumer has a window yet: its session resumes first, and gets what it missed before anything new.
	up := &Up{Queue: q.Slot, Incarnation: q.incarnation}
	q.Slot.followers.Each(func(p *actor.PID) { ctx.Send(p, up) })
	q.used(ctx)
	q.pump(ctx) // nothing goes out yet, but what expires or is dead has to be seen to
}

// Terminate is called when the actor stops. A deleted queue takes its stream along; one that crashed too often keeps it.
func (q *Queue) Terminate(ctx actor.Context, why supervision.Reason) {
	q.leaveLimits()
	q.offTheWay()
	gone := q.Slot.Gone()
	if gone {
		if q.state != nil {
			q.state.LetGo()
		}
		q.Slot.Forget(q.Streams, q.Ledger)
		if q.Slot.Stored != "" {
			ctx.Send(q.Journal.PID, &persistence.Forget{Stream: q.Slot.Stored})
		}
	}
	if q.state != nil && (gone || why == supervision.Shutdown) { // with its vhost, or with the process
		if made, _ := q.state.Spool(); made > 0 {
			ctx.Send(q.Journal.PID, &persistence.Forget{Stream: q.spoolName()})
		}
	}
}

// Forget drops what a deleted queue held. Its actor is in its last turn, or ended before the queue was deleted.
func (s *Slot) Forget(streams *volatile.Store, ledger Ledger) {
	s.LeaveAccount(ledger)
	streams.Drop(streamName(s))
}

// LeaveAccount takes what the queue holds by itself out of the node's ledger. What it shares, the others still hold, or nobody does.
func (s *Slot) LeaveAccount(ledger Ledger) {
	s.Bytes.Store(0)
	ledger.Resident(-int(s.own.Swap(0)))
}

// happen makes an event part of the queue: in the stream first, so that no panic can part the two.
func (q *Queue) happen(e ready.Event) {
	if err := q.stream.Append(q.incarnation, e); err != nil {
		panic(err)
	}
	q.state.Apply(e)
}

func (q *Queue) peer(session uint64) *actor.PID {
	p := q.peers[session]
	if p == nil {
		if p = q.Sessions.Lookup(session); p != nil {
			if q.peers == nil {
				q.peers = map[uint64]*actor.PID{}
			}
			q.peers[session] = p
		}
	}
	return p
}

func (q *Queue) credit(ctx actor.Context, m *Credit) {
	w, c := q.windows[m.Key], q.state.Consumer(m.Key)
	if m.To != q.Slot || c == nil || m.Written > c.Sent {
		return
	}
	if w != nil && !c.DeadLetters {
		messages, bytes := w.credit(m.Written)
		if way := q.paging.way; way != nil { // nil: there was no round yet
			way.bias.took(messages, bytes)
		}
	}
	if c.NoAck { // what has left for the client is settled
		q.settle(m.Key, 0, m.Written, ready.Acked)
	}
	q.pump(ctx)
}

// settle settles what a consumer holds of first..last.
func (q *Queue) settle(k ready.Key, first, last uint64, how ready.Outcome) {
	if e := q.state.Settle(k, first, last, how); e != nil {
		q.happen(e)
		q.wasSettled(k)
	}
}

// resume sends again what a session has not got.
func (q *Queue) resume(ctx actor.Context, m *Resume) {
	if m.To != q.Slot {
		return
	}
	q.forgetDeferred(m.Session)
	for _, c := range q.state.OfSession(m.Session) {
		got, known := m.Received[c.Key.Consumer]
		if !known && c.Cancelled { // the session has had all of it, and has forgotten the consumer
			q.openWindow(c.Key, "", c.Sent)
			continue
		}
		q.openWindow(c.Key, c.User, got)
		if c.NoAck { // the Credit that settles it may be lost; what the session has got, its client gets
			q.settle(c.Key, 0, got, ready.Acked)
		}
		for _, run := range c.OutstandingAfter(got) {
			q.deliver(c.Key, run)
		}
	}
	q.pump(ctx)
}

func (q *Queue) endSession(ctx actor.Context, session uint64, received map[uint32]uint64) {
	had := len(q.state.Consumers())
	for _, c := range q.state.OfSession(session) {
		q.dropWindow(c.Key)
	}
	q.forgetDeferred(session)
	q.happen(&ready.SessionEnded{Session: session, Received: received})
	if q.suspicious {
		q.Slot.remember().poison.Forget(commandsOf(session))
		q.suspicious = q.Slot.suspicious()
	}
	delete(q.peers, session)
	if len(q.state.Consumers()) < had {
		q.used(ctx)
	}
	q.consumersChanged(ctx)
	q.pump(ctx)
}

// consumersChanged publishes the consumers, and offers an auto-delete queue for deletion when the last one went. The vhost
// may hear that twice.
func (q *Queue) consumersChanged(ctx actor.Context) {
	if len(q.state.Consumers()) == 0 && q.Slot.consumers.Load() == nil && !q.state.HadConsumer {
		return // there never was one
	}
	list := make([]ConsumerInfo, 0, len(q.state.Consumers()))
	for _, c := range q.state.Consumers() {
		list = append(list, ConsumerInfo{
			Session: c.Key.Session, Tag: c.Tag, NoAck: c.NoAck, Exclusive: c.Exclusive, Prefetch: c.Prefetch, Arguments: c.Arguments,
			Single: c.Single, Active: q.state.Active(c),
		})
	}
	q.Slot.consumers.Store(&list)
	if q.Slot.AutoDelete && q.state.HadConsumer && len(list) == 0 && !q.closing {
		ctx.Send(q.VHost, &Unused{Queue: q.Slot})
	}
}

func (q *Queue) delete(ctx actor.Context, m *Delete) {
	var err *protocol.Error
	switch {
	case q.closing || m.To != q.Slot:
		return
	case m.IfUnused && len(q.state.Consumers()) > 0:
		err = protocol.PreconditionFailed("queue '%s' in vhost '%s' in use", q.Slot.Name, q.Slot.VHost)
	case m.IfEmpty && q.state.Ready() > 0:
		err = protocol.PreconditionFailed("queue '%s' in vhost '%s' not empty", q.Slot.Name, q.Slot.VHost)
	}
	if err == nil {
		q.closing = true
		ctx.Send(q.VHost, &Deletable{Queue: q.Slot, Messages: q.state.Ready(), Session: m.Session, Request: m.Request})
		return
	}
	ctx.Send(q.VHost, &Refused{Queue: q.Slot, Session: m.Session, Request: m.Request, Err: err})
}
