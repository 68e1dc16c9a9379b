// Package queue is the queue actor: it feeds the pure queue in package ready with what exchanges and sessions send, keeps
// its events in the queue's stream, and sends what it decides.
package queue

import (
	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/queue/ready"
	"warren/persistence"
	"warren/persistence/volatile"
	"warren/protocol"
	"warren/supervision"
)

// Options are what a queue needs of the node.
type Options struct {
	Slot     *Slot
	VHost    *actor.PID // told when the queue may go
	Streams  *volatile.Store
	Journal  *persistence.Log
	Sessions Sessions
	Ledger   Ledger
	// DeadLetters publishes what leaves the queue to be dead-lettered; nil where nobody does.
	DeadLetters *actor.PID
	// Resident is how many bytes of messages a durable queue keeps in memory once they are on disk.
	Resident int
	Log      zerolog.Logger
}

// Queue is the actor of one queue.
type Queue struct {
	Options
	incarnation uint64
	stream      *volatile.Stream[*ready.State, ready.Event]
	state       *ready.State
	windows     map[ready.Key]*window
	peers       map[uint64]*actor.PID
	outgoing    []outgoing // of this turn, one a consumer
	accounted   int        // bytes the ledger knows of
	sweepAt     int        // links that make the next sweep
	closing     bool       // deletable: takes nothing more

	journaled       uint64 // newest record that was sent to the journal
	sinceCheckpoint volume // appended since the last checkpoint
	checkpointSize  int    // living records in it
	bytesAtSave     int    // held when records were last sent
	held            []held // answers that wait for the disk
	paging          paging
}

const sweepFrom = 64

// New returns the actor for one incarnation.
func New(o Options, incarnation uint64) *Queue {
	return &Queue{Options: o, incarnation: incarnation, windows: map[ready.Key]*window{}, peers: map[uint64]*actor.PID{}, sweepAt: sweepFrom}
}

func streamName(s *Slot) string { return "queue/" + s.VHost + "/" + string(s.Name) }

// Receive is the queue's table of contents.
func (q *Queue) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		q.recover(ctx)
	case *Enqueue:
		q.enqueue(ctx, m)
	case *Commands:
		q.commands(ctx, m)
	case *Credit:
		q.credit(ctx, m)
	case *Resume:
		q.resume(ctx, m)
	case *Delete:
		q.delete(ctx, m)
	case *persistence.Durable:
		q.durable(ctx, m)
	case *persistence.Fetched:
		q.fetched(ctx, m)
	}
	if q.state != nil && q.state.Durable() {
		q.save(ctx)
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
	for _, bad := range got.Quarantined {
		q.Log.Error().Str("queue", string(q.Slot.Name)).Type("event", bad.Event).Any("reason", bad.Reason).Msg("event quarantined: its replay panics")
	}
	q.state = got.State
	q.load()
	q.accounted = int(q.Slot.Bytes.Load())
	q.Slot.incarnation.Store(q.incarnation)
	q.Slot.crashed.Store(false)
	for id := range q.state.Sessions() {
		if q.peer(id) == nil {
			q.endSession(ctx, id, nil)
		}
	}
	q.consumersChanged(ctx) // the word that the last one went may be lost
	// No consumer has a window yet: its session resumes first, and gets what it missed before anything new.
	up := &Up{Queue: q.Slot, Incarnation: q.incarnation}
	q.Slot.followers.Each(func(p *actor.PID) { ctx.Send(p, up) })
	q.publishStats()
}

// Terminate is called when the actor stops. A deleted queue takes its stream along; one that crashed too often keeps it.
func (q *Queue) Terminate(ctx actor.Context, _ supervision.Reason) {
	if q.Slot.Gone() {
		q.Slot.Forget(q.Streams, q.Ledger)
		if q.Slot.Stored != "" {
			ctx.Send(q.Journal.PID, &persistence.Forget{Stream: q.Slot.Stored})
		}
	}
}

// Forget drops what a deleted queue held. Its actor is in its last turn, or ended before the queue was deleted.
func (s *Slot) Forget(streams *volatile.Store, ledger Ledger) {
	ledger.Resident(-int(s.Bytes.Swap(0)))
	streams.Drop(streamName(s))
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
			q.peers[session] = p
		}
	}
	return p
}

func (q *Queue) enqueue(ctx actor.Context, m *Enqueue) {
	if m.Incarnation != q.incarnation || q.closing {
		return // its session sends it again, to this incarnation
	}
	if q.state.LastSeq(m.Link) == 0 && q.peer(m.Link.Session) == nil {
		return // a late copy: a session ends only when all it published is in its queues, and its link was swept since
	}
	if fresh := q.state.Fresh(m.Link, m.Messages); len(fresh) > 0 {
		if !q.passing(fresh) {
			fresh = protocol.CopyOut(fresh)
		}
		q.happen(&ready.Enqueued{Link: m.Link, Content: ready.Content{Exchange: m.Exchange, Messages: fresh}})
		q.Slot.Published.Add(int64(len(fresh)))
	}
	q.accepted(ctx, m.Link)
	if q.state.Links() > q.sweepAt {
		q.sweep()
	}
	q.pump(ctx)
}

// aliasFrom is how many bytes of messages are worth to alias the buffer they were read into while they wait for their
// acknowledgement; a buffer has up to 256 KiB.
const aliasFrom = 32 << 10

// passing says whether messages would all leave in this turn. Those may go on aliasing the buffer they were read into; what
// stays must own its bytes.
func (q *Queue) passing(messages []protocol.Message) bool {
	if q.state.Ready() > 0 || len(q.state.Consumers()) == 0 {
		return false
	}
	n, bytes := len(messages), 0
	for i := range messages {
		bytes += messages[i].Size()
	}
	for _, c := range q.state.Candidates() {
		if !c.NoAck && bytes < aliasFrom {
			return false // a few small messages must not keep a large buffer until they are acknowledged
		}
		// A consumer counts whose window holds the bytes of all of them, however they are shared out.
		if w := q.windows[c.Key]; w != nil && w.bytes+bytes <= windowBytes {
			n -= w.room(c)
		}
		if n <= 0 {
			return true
		}
	}
	return false
}

// sweep drops the links of sessions that are over: nobody sends anything again on them.
func (q *Queue) sweep() {
	var over []ready.Link
	q.state.EachLink(func(l ready.Link, _ uint64) {
		if q.Sessions.Lookup(l.Session) == nil {
			over = append(over, l)
			delete(q.peers, l.Session)
		}
	})
	if len(over) > 0 {
		q.happen(&ready.LinksDropped{Links: over})
	}
	q.sweepAt = max(sweepFrom, 2*q.state.Links())
}

func (q *Queue) credit(ctx actor.Context, m *Credit) {
	w, c := q.windows[m.Key], q.state.Consumer(m.Key)
	if c == nil || m.Written > c.Sent {
		return
	}
	if w != nil {
		w.credit(m.Written)
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
	}
}

// resume sends again what a session has not got.
func (q *Queue) resume(ctx actor.Context, m *Resume) {
	q.forgetDeferred(m.Session)
	for _, c := range q.state.OfSession(m.Session) {
		got := m.Received[c.Key.Consumer]
		if c.NoAck { // the Credit that settles it may be lost; what the session has got, its client gets
			q.settle(c.Key, 0, got, ready.Acked)
		}
		if !c.Cancelled {
			q.windows[c.Key] = &window{written: got}
		}
		for _, run := range c.OutstandingAfter(got) {
			q.deliver(c.Key, run)
		}
	}
	q.pump(ctx)
}

func (q *Queue) endSession(ctx actor.Context, session uint64, received map[uint32]uint64) {
	for _, c := range q.state.OfSession(session) {
		delete(q.windows, c.Key)
	}
	q.forgetDeferred(session)
	q.happen(&ready.SessionEnded{Session: session, Received: received})
	delete(q.peers, session)
	q.consumersChanged(ctx)
	q.pump(ctx)
}

// consumersChanged publishes the consumers, and offers an auto-delete queue for deletion when the last one went. The vhost
// may hear that twice.
func (q *Queue) consumersChanged(ctx actor.Context) {
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
	case q.closing:
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
