package vhost

import (
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/actors/queue/settings"
	eventv1 "warren/proto/event/v1"
	"warren/supervision"
)

// QueueSpec is how a queue runs. Transient, since a queue that is deleted ends normally. Its own limit, since a queue that
// keeps crashing is its own business: it is given up, its data kept, and its neighbours go on.
func QueueSpec(n *queue.Node, d *Directory, s *queue.Slot) supervision.ChildSpec {
	return supervision.ChildSpec{
		ID:       supervision.Escape(string(s.Name)),
		Kind:     "queue",
		Restart:  supervision.Transient,
		Shutdown: 5 * time.Second,
		GiveUp:   &queueRestarts,
		OnGiveUp: func(any) { d.giveUp(s, n.Send) },
		New:      func(incarnation uint64) actor.Actor { return queue.New(queue.Options{Node: n, Slot: s}, incarnation) },
	}
}

var queueRestarts = supervision.Limit{Restarts: 5, Within: 10 * time.Second}

// forQueues is what all queues have in common, and is made once for all of them.
func (o Options) forQueues() *queue.Node {
	n := &queue.Node{
		VHost: o.Directory.PID, Streams: o.Streams, Journal: o.Journal, Sessions: o.Sessions, Ledger: o.Ledger, Resident: o.Resident,
		DeadLetters: o.DeadLetters, Rates: o.Access.Rates, Send: o.System.Send, Poison: o.Poison, Log: o.Log,
	}
	if o.Journal != nil {
		n.Cold = o.Journal.Cold()
	}
	if o.Memory != nil {
		n.Pressed, n.Short = o.Memory.Pressed, o.Memory.Short
	}
	return n
}

// ExchangeSpec is how an exchange runs: permanent, for as long as it is declared.
func (o Options) ExchangeSpec(s *exchange.Slot) supervision.ChildSpec {
	return supervision.ChildSpec{
		ID:       supervision.Escape(string(s.Name)),
		Kind:     "exchange",
		Restart:  supervision.Permanent,
		Shutdown: 5 * time.Second,
		New: func(incarnation uint64) actor.Actor {
			return exchange.New(exchange.Options{
				Slot: s, Directory: o.Directory, Sessions: o.Sessions, Streams: o.Streams, Ledger: o.Ledger, Poison: o.Poison, Log: o.Log,
			}, incarnation)
		},
	}
}

// QueueSpecs are the queues to start with their supervisor.
func (o Options) QueueSpecs() []supervision.ChildSpec {
	o.System.Send(o.Directory.PID, &supervised{o.Queues}) // before the directory is read: what comes into it later is asked for
	var out []supervision.ChildSpec
	n := o.forQueues()
	for _, s := range o.Directory.AllQueues() {
		out = append(out, QueueSpec(n, o.Directory, s))
	}
	return out
}

// ExchangeSpecs are the exchanges to start with their supervisor.
func (o Options) ExchangeSpecs() []supervision.ChildSpec {
	o.System.Send(o.Directory.PID, &supervised{o.Exchanges})
	var out []supervision.ChildSpec
	for _, s := range o.Directory.Exchanges() {
		out = append(out, o.ExchangeSpec(s))
	}
	return out
}

func (d *Directory) addExchange(v *VHost, e *eventv1.ExchangeDeclared) *exchange.Slot {
	arguments := decode(e.Arguments)
	alternate, _ := arguments["alternate-exchange"].(string)
	s := &exchange.Slot{
		ID: d.ids.Add(1), VHost: d.Name, Name: exchange.Name(e.Name), Type: e.Type, Durable: e.Durable, AutoDelete: e.AutoDelete,
		Internal: e.Internal, Arguments: arguments, Alternate: exchange.Name(alternate), Holds: d.hold(e),
		PID: v.System.PID(v.Exchanges + "/" + supervision.Escape(e.Name)), Seed: rand.Uint64(),
	}
	s.Publish(exchange.NewTable(e.Type, arguments))
	governExchange(s, v.Access.Now().Policies(d.Name))
	d.exchanges.Put(s)
	return s
}

// hold is the queue in which an exchange holds messages back, if it does.
func (d *Directory) hold(e *eventv1.ExchangeDeclared) *queue.Slot {
	if e.Type != exchange.Delayed {
		return nil
	}
	return d.Queue(queue.Name(queue.HoldFor(e.Name)))
}

func (d *Directory) addQueue(v *VHost, e *eventv1.QueueDeclared) {
	arguments := decode(e.Arguments)
	s := &queue.Slot{
		Home: d.home(v), ID: d.ids.Add(1), Name: queue.Name(e.Name), Durable: e.Durable, AutoDelete: e.AutoDelete,
		Owner: e.ExclusiveOwner, Arguments: arguments,
	}
	declared := settings.Of(arguments)
	if x, holds := queue.Holds(e.Name); holds {
		declared.Holds = settings.Option[string]{Value: x, Set: true}
	}
	s.Declared = d.alike.of(declared)
	if lastingQueue(e) {
		s.Stored = storedAs(d.Key, e)
	}
	governQueue(s, v.Access.Now().Policies(d.Name))
	d.queues.Put(s)
}

// home is where the vhost's queues live; one for all of them.
func (d *Directory) home(v *VHost) *queue.Home {
	if d.queuesHome == nil {
		system, path := v.System, v.Queues+"/"
		d.queuesHome = &queue.Home{
			VHost:   d.Name,
			Address: func(n queue.Name) *actor.PID { return system.PID(path + supervision.Escape(string(n))) },
		}
	}
	return d.queuesHome
}

// giveUp takes a queue that crashed too often out of all routes and tells those who wait for it.
func (d *Directory) giveUp(s *queue.Slot, send func(*actor.PID, any)) {
	s.GiveUp(send)
	d.version.Add(1)
}

// binding is what a table holds of an event.
func (d *Directory) binding(b *eventv1.Bound) exchange.Binding {
	binding := exchange.Binding{Key: string(b.RoutingKey), Arguments: decode(b.Arguments), Canonical: string(b.Arguments)}
	if b.DestinationKind == eventv1.DestinationKind_DESTINATION_KIND_QUEUE {
		binding.To.Queue = d.Queue(queue.Name(b.Destination))
	} else {
		binding.To.Exchange = d.Exchange(exchange.Name(b.Destination))
	}
	return binding
}

// rebinding collects the bindings that one batch of events makes or takes away, so that every table changes once.
type rebinding struct {
	sources []*exchange.Slot
	changes map[*exchange.Slot]*rebound
}

type rebound struct{ made, gone []exchange.Binding }

func (r *rebinding) of(source *exchange.Slot) *rebound {
	c := r.changes[source]
	if c == nil {
		if r.changes == nil {
			r.changes = map[*exchange.Slot]*rebound{}
		}
		c = &rebound{}
		r.changes[source] = c
		r.sources = append(r.sources, source)
	}
	return c
}

// publish puts the new tables in force. A batch never makes what it takes away.
func (r *rebinding) publish(v *VHost) {
	for _, x := range r.sources {
		c := r.changes[x]
		table := x.Table().Without(c.gone...).With(c.made...)
		v.write(func() { x.Publish(table) })
	}
	*r = rebinding{}
}

// reconcile makes the directory say what the definitions say: at the start of the broker from nothing, after a crash of the
// vhost from wherever it died. Slots that are still right stay the same, since others hold them.
func (d *Directory) reconcile(v *VHost, ctx actor.Context) {
	send := func(p *actor.PID, m any) { ctx.Send(p, m) }
	v.write(func() { d.leaving.allLeft(v) }) // their supervisors ended with the incarnation that had them stopped
	for _, s := range d.AllQueues() {
		if v.defs.Queues.Get(string(s.Name)) == nil {
			v.write(func() {
				d.queues.Delete(string(s.Name))
				s.Bury(send)
			})
			s.Forget(v.Streams, v.Ledger) // its actor ended before this one started, and did not know
		}
	}
	for _, s := range d.Exchanges() {
		if v.defs.Exchanges.Get(string(s.Name)) == nil {
			v.write(func() {
				d.exchanges.Delete(string(s.Name))
				s.Bury(send)
			})
			s.Forget(v.Streams, v.Sessions, v.Ledger)
		}
	}
	for e := range v.defs.Queues.All() {
		if d.Queue(queue.Name(e.Name)) == nil {
			v.write(func() { d.addQueue(v, e) })
		}
	}
	for e := range v.defs.Exchanges.All() {
		if d.Exchange(exchange.Name(e.Name)) == nil {
			v.write(func() { d.addExchange(v, e) })
		}
	}
	bindings := map[string][]exchange.Binding{}
	for k, b := range v.defs.Bindings {
		bindings[k.source] = append(bindings[k.source], d.binding(b))
	}
	for e := range v.defs.Exchanges.All() {
		x := d.Exchange(exchange.Name(e.Name))
		table := exchange.NewTable(e.Type, x.Arguments).With(bindings[e.Name]...)
		v.write(func() { x.Publish(table) })
	}
	v.write(func() { d.version.Add(1) })
}
