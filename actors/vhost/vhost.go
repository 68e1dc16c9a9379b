// Package vhost is the actor that owns the definitions of one vhost: it decides every declaration, deletion and binding,
// keeps them as one stream, puts routing tables in force, and has queues and exchanges started and stopped.
package vhost

import (
	"errors"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/auth"
	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/persistence"
	"warren/persistence/volatile"
	eventv1 "warren/proto/event/v1"
	"warren/protocol"
	"warren/supervision"
)

// Options are what a vhost needs of the node.
type Options struct {
	Directory *Directory
	Access    *auth.Access
	System    *supervision.System
	Streams   *volatile.Store
	Journal   *persistence.Log
	Sessions  exchange.Sessions
	// Owners are the connections that exclusive queues may belong to.
	Owners interface{ Alive(connection uint64) bool }
	Ledger queue.Ledger
	// Memory is nil where it is never short.
	Memory Memory
	// Resident is the limit of the same name of its queues.
	Resident int
	Poison   supervision.Poison
	Log      zerolog.Logger
	// DeadLetters publishes what its queues have to dead-letter.
	DeadLetters *actor.PID
	// Queues and Exchanges are the paths of the supervisors under which they run.
	Queues, Exchanges string
}

// VHost is the actor.
type VHost struct {
	Options
	queues      *queue.Node
	incarnation uint64
	stream      *volatile.Stream[*Definitions, *eventv1.DefinitionBatch]
	defs        *Definitions
	writer      *persistence.Writer
	events      int                                     // since the last snapshot
	waiting     map[string][]Request                    // by what is being started: who is answered then
	stopping    map[string][]func(actor.Context)        // by what is being stopped: what goes on then
	deleting    map[*queue.Slot]map[uint64]*DeleteQueue // by queue and session: what the queue was asked
	greeting    map[*exchange.Slot][]greeting           // bindings that wait for what an exchange remembers
	greets      uint64                                  // number of the newest Greet
	suspicious  bool                                    // a turn of a former incarnation has panicked over a request
}

// New returns the actor for one incarnation.
func New(o Options, incarnation uint64) *VHost {
	return &VHost{Options: o, queues: o.forQueues(), incarnation: incarnation, waiting: map[string][]Request{}, stopping: map[string][]func(actor.Context){},
		deleting: map[*queue.Slot]map[uint64]*DeleteQueue{}, greeting: map[*exchange.Slot][]greeting{}}
}

// up and down come from the supervisors of queues and exchanges, when a child has started or is gone. Those that an
// incarnation before this one waited for are of no concern: its children ended with it.
type (
	up struct {
		incarnation uint64
		key         string
		err         error
		undo        func(*removal) // the declaration of what did not start
	}
	down struct {
		incarnation uint64
		key         string
	}
)

// Receive is the vhost's table of contents.
func (v *VHost) Receive(ctx actor.Context) {
	if r, is := ctx.Message().(requester); is && (v.refusedBefore(ctx, r.request()) || v.deadly(ctx, r)) {
		return
	}
	switch m := ctx.Message().(type) {
	case *actor.Started:
		v.recover(ctx)
	case *DeclareExchange:
		v.declareExchange(ctx, m)
	case *DeleteExchange:
		v.carryOut(ctx, m.Request, v.defs.deleteExchange(v.Directory.Name, m))
	case *DeclareQueue:
		v.declareQueue(ctx, m)
	case *DeleteQueue:
		v.deleteQueue(ctx, m)
	case *Bind:
		v.bind(ctx, m)
	case *Unbind:
		v.carryOut(ctx, m.Request, v.defs.unbindDecision(v.Directory.Name, m))
	case *queue.Unused:
		ctx.Send(m.Queue.PID(), &queue.Delete{To: m.Queue, IfUnused: true})
	case *queue.Deletable:
		v.queueDeletable(ctx, m)
	case *queue.Refused:
		v.queueRefused(ctx, m)
	case *queue.Up:
		v.queueUp(ctx, m)
	case *queue.Crashed:
		v.queueCrashed(ctx, m)
	case *exchange.Greeted:
		v.greeted(ctx, m)
	case *exchange.Up:
		v.greetAgain(ctx, m.Exchange)
	case *persistence.Durable:
		v.writer.Durable(ctx, m)
	case *OwnerGone:
		v.ownerGone(ctx, m)
	case *PoliciesChanged:
		v.govern(ctx)
	case *supervised:
		v.supervised(ctx, m)
	case *up:
		v.up(ctx, m)
	case *down:
		v.down(ctx, m)
	}
}

// recover folds the stream and brings the directory in line with it. The supervisors of queues and exchanges start behind
// the vhost and take what to start from the directory.
func (v *VHost) recover(ctx actor.Context) {
	v.stream = volatile.Open(v.Streams, storedName(v.Directory.Key), newDefinitions)
	got, err := v.stream.Claim(v.incarnation)
	if err != nil {
		panic(err)
	}
	v.Directory.pen.take(v.incarnation)
	v.defs = got.State
	v.suspicious = v.Directory.poison.Any()
	v.store(ctx)
	if v.defs.Exchanges.Len() == 0 {
		v.first(ctx)
	} else { // what was on its way to the journal may be lost
		v.writer.Snapshot(v.defs.snapshot())
	}
	v.forgetOwners(ctx)
	v.Directory.account(v.Ledger, v.defs.bytes)
	v.Directory.reconcile(v, ctx)
	v.govern(ctx)
	var orphans []uint64
	v.write(func() { orphans = v.Directory.rise() })
	for _, connection := range orphans {
		v.ownerGone(ctx, &OwnerGone{Connection: connection})
	}
	v.Directory.followers.Each(func(p *actor.PID) { ctx.Send(p, &Up{}) })
}

// happen makes events part of the vhost, as one atomic batch: in the stream first, then in the definitions, then in the
// slots that everybody reads.
func (v *VHost) happen(user string, events []*eventv1.Definition) {
	now := time.Now().UnixNano()
	for _, e := range events {
		e.TimeUnixNano, e.User = now, user
		if q, ok := e.Event.(*eventv1.Definition_QueueDeclared); ok {
			q.QueueDeclared.Id = uint64(now)
		}
	}
	away := v.defs.takesAway(events)
	v.enter(&eventv1.DefinitionBatch{Definitions: events})
	v.save(away, events)
}

func (v *VHost) enter(batch *eventv1.DefinitionBatch) {
	if err := v.stream.Append(v.incarnation, batch); err != nil {
		panic(err)
	}
	v.defs.Apply(batch)
	if len(batch.Definitions) > foldFrom {
		v.stream.Fold(v.incarnation)
	}
	v.Directory.account(v.Ledger, v.defs.bytes)
}

// foldFrom is how many events of one command are too many to wait in the stream for the next ones.
const foldFrom = 256

// first is the first start of the vhost in this process: with what is on disk, or with what every vhost has.
func (v *VHost) first(ctx actor.Context) {
	batch := v.load()
	if len(batch.Definitions) > 0 {
		v.enter(batch)
		v.forgetOrphans(ctx)
	}
	// All of them at the very first start; later those whose record was lost, when the loss was accepted.
	missing := slices.DeleteFunc(predeclared(), func(d *eventv1.Definition) bool {
		return v.defs.Exchanges.Get(d.GetExchangeDeclared().Name) != nil
	})
	if len(missing) > 0 {
		v.happen("", missing)
	}
}

// carryOut does what was decided and answers the session.
func (v *VHost) carryOut(ctx actor.Context, r Request, d decision) {
	if d.err == nil && len(d.events) > 0 {
		v.happen(r.User, d.events)
		v.put(ctx, d.events)
	}
	v.answer(ctx, r, &Answer{ID: r.ID, Err: d.err})
}

func (v *VHost) answer(ctx actor.Context, r Request, a *Answer) {
	if a.Err != nil {
		v.write(func() { v.Directory.refused.Note(r.Session, a.ID, a.Err, v.Sessions) })
	}
	v.writer.WhenSafe(ctx, func(ctx actor.Context) {
		if p := v.Sessions.Lookup(r.Session); p != nil {
			ctx.Send(p, a)
		}
	})
}

// put brings slots, tables and children in line with events that have happened.
func (v *VHost) put(ctx actor.Context, events []*eventv1.Definition) {
	dir := v.Directory
	var tables rebinding
	for _, def := range events {
		switch e := def.Event.(type) {
		case *eventv1.Definition_Bound:
			if from := dir.Exchange(exchange.Name(e.Bound.Source)); from != nil {
				c := tables.of(from)
				c.made = append(c.made, dir.binding(e.Bound))
			}
			continue
		case *eventv1.Definition_Unbound:
			u := e.Unbound
			if from := dir.Exchange(exchange.Name(u.Source)); from != nil {
				c := tables.of(from)
				c.gone = append(c.gone, dir.binding(&eventv1.Bound{Source: u.Source, DestinationKind: u.DestinationKind,
					Destination: u.Destination, RoutingKey: u.RoutingKey, Arguments: u.Arguments}))
			}
			continue
		}
		tables.publish(v) // no table leads to what is gone
		switch e := def.Event.(type) {
		case *eventv1.Definition_ExchangeDeclared:
			v.write(func() { dir.addExchange(v, e.ExchangeDeclared) })
		case *eventv1.Definition_ExchangeDeleted:
			if s := dir.Exchange(exchange.Name(e.ExchangeDeleted.Name)); s != nil {
				v.write(func() {
					dir.exchanges.Delete(string(s.Name))
					dir.version.Add(1)
					dir.leaving.exchange(s)
					s.Bury(func(p *actor.PID, m any) { ctx.Send(p, m) })
				})
				v.stop(ctx, v.Exchanges, string(s.Name), exchangeKey)
				v.afterStop(ctx, exchangeKey(string(s.Name)), func(actor.Context) { v.write(func() { dir.leaving.exchangeLeft(s, v) }) })
				v.greeted(ctx, &exchange.Greeted{Exchange: s, Number: v.greets})
			}
		case *eventv1.Definition_QueueDeclared:
			v.write(func() { dir.addQueue(v, e.QueueDeclared) })
		case *eventv1.Definition_QueueDeleted:
			if s := dir.Queue(queue.Name(e.QueueDeleted.Name)); s != nil {
				v.write(func() {
					dir.queues.Delete(string(s.Name))
					dir.version.Add(1)
					dir.leaving.queue(s)
					s.Bury(func(p *actor.PID, m any) { ctx.Send(p, m) })
				})
				v.stop(ctx, v.Queues, string(s.Name), queueKey)
				v.afterStop(ctx, queueKey(string(s.Name)), func(actor.Context) { v.write(func() { dir.leaving.queueLeft(s, v) }) })
				v.queueDeleted(ctx, s)
			}
		}
	}
	tables.publish(v)
	v.write(func() { dir.version.Add(1) })
}

func (v *VHost) declareExchange(ctx actor.Context, m *DeclareExchange) {
	key, hold := exchangeKey(m.Name), queue.HoldFor(m.Name)
	if m.Type == exchange.Delayed && v.stopping[queueKey(hold)] != nil {
		v.afterStop(ctx, queueKey(hold), func(ctx actor.Context) { v.declareExchange(ctx, m) })
		return
	}
	v.afterStop(ctx, key, func(ctx actor.Context) {
		d := v.defs.declareExchange(v.Directory.Name, m)
		if len(d.events) > 0 {
			d.err = v.shortOfMemory("exchange", m.Name, m.Request)
		}
		if d.err != nil || !v.begin(key, m.Request, d) {
			v.carryOut(ctx, m.Request, decision{err: d.err})
			return
		}
		if len(d.events) > 0 {
			v.happen(m.User, d.events)
			v.put(ctx, d.events)
			if s := v.Directory.Queue(queue.Name(hold)); s != nil {
				v.startQueue(ctx, s)
			}
			v.startExchange(ctx, v.Directory.Exchange(exchange.Name(m.Name)))
		}
	})
}

func (v *VHost) declareQueue(ctx actor.Context, m *DeclareQueue) {
	key := queueKey(m.Name)
	v.afterStop(ctx, key, func(ctx actor.Context) { // a namesake may still be on its way out
		d := v.defs.declareQueue(v.Directory.Name, v.withDefaultType(m))
		if len(d.events) > 0 {
			d.err = v.overLimit(m.Name)
			if d.err == nil && !m.ServerNamed {
				d.err = v.shortOfMemory("queue", m.Name, m.Request)
			}
		}
		if d.err != nil || !v.begin(key, m.Request, d) {
			v.answer(ctx, m.Request, &Answer{ID: m.ID, Err: d.err, Queue: v.Directory.Queue(queue.Name(m.Name)), Existed: true})
			return
		}
		if len(d.events) > 0 {
			v.happen(m.User, d.events)
			v.put(ctx, d.events)
			v.startQueue(ctx, v.Directory.Queue(queue.Name(m.Name)))
		}
	})
}

// begin notes who waits for the start of an entity. It says no when there is nothing to wait for: it runs already.
func (v *VHost) begin(key string, r Request, d decision) bool {
	if len(d.events) == 0 && v.waiting[key] == nil {
		return false
	}
	v.waiting[key] = append(v.waiting[key], r)
	return true
}

func (v *VHost) start(ctx actor.Context, supervisor, key string, spec supervision.ChildSpec, undo func(*removal)) {
	self := ctx.Self()
	ctx.Send(v.System.PID(supervisor), &supervision.StartChild{Spec: spec, Done: func(_ *actor.PID, err error) {
		if errors.Is(err, supervision.ErrAlreadyStarted) || errors.Is(err, supervision.ErrTerminated) {
			err = nil // the supervisor found it in the directory when it started; or it was declared, and deleted before it ran
		}
		v.System.Send(self, &up{v.incarnation, key, err, undo})
	}})
}

// up answers those who waited for an entity to start.
func (v *VHost) up(ctx actor.Context, m *up) {
	if m.incarnation != v.incarnation || errors.Is(m.err, supervision.ErrShuttingDown) {
		return // the supervisor that comes behind the one that is ending starts it, or this actor ends as well
	}
	for _, r := range v.waiting[m.key] {
		a := &Answer{ID: r.ID}
		if m.err != nil {
			a.Err = protocol.InternalError("%s in vhost '%s' did not start: %v", m.key, v.Directory.Name, m.err)
		}
		v.answer(ctx, r, a)
	}
	delete(v.waiting, m.key)
	if m.err == nil {
		return
	}
	r := v.defs.removal() // nobody lives there
	if m.undo(r); len(r.events) > 0 {
		v.happen("", r.events)
		v.put(ctx, r.events)
	}
}

// stop has an entity's actor terminated; its name is free again when it is gone.
func (v *VHost) stop(ctx actor.Context, supervisor, name string, key func(string) string) {
	v.stopping[key(name)] = append(v.stopping[key(name)], func(actor.Context) {})
	v.terminate(ctx, supervisor, name, key(name))
}

func (v *VHost) terminate(ctx actor.Context, supervisor, name, key string) {
	self := ctx.Self()
	ctx.Send(v.System.PID(supervisor), &supervision.TerminateChild{ID: supervision.Escape(name), Done: func(err error) {
		if !errors.Is(err, supervision.ErrShuttingDown) { // else it may run yet, until the supervisor is gone
			v.System.Send(self, &down{v.incarnation, key})
		}
	}})
}

// queueKey and exchangeKey tell the two kinds of names apart.
func queueKey(name string) string    { return "queue " + name }
func exchangeKey(name string) string { return "exchange " + name }

func (v *VHost) down(ctx actor.Context, m *down) {
	if m.incarnation != v.incarnation {
		return
	}
	then := v.stopping[m.key]
	delete(v.stopping, m.key)
	for _, f := range then {
		f(ctx)
	}
}

// afterStop calls f when nothing of that key is on its way out any more.
func (v *VHost) afterStop(ctx actor.Context, key string, f func(actor.Context)) {
	if v.stopping[key] == nil {
		f(ctx)
		return
	}
	v.stopping[key] = append(v.stopping[key], f)
}
