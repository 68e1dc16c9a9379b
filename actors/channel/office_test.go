package channel

import (
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/auth"
	"warren/actors/session"
	"warren/actors/vhost"
	"warren/persistence"
	"warren/persistence/volatile"
	eventv1 "warren/proto/event/v1"
	"warren/supervision"
)

// office runs real actors, vhost, exchanges, queues and channels, without a goroutine: every actor has a desk with its mail
// in order, and who does the next turn is drawn by lot, or is the first that has mail.
type office struct {
	t         *testing.T
	lot       *rand.Rand // nil: no lot
	desks     []*desk
	system    *supervision.System
	streams   *volatile.Store
	sessions  *session.Registry
	directory *vhost.Directory
	access    *auth.Access
	number    uint64       // of incarnations
	resident  atomic.Int64 // bytes in queues
}

type desk struct {
	id    string
	make  func(incarnation uint64) actor.Actor
	actor actor.Actor
	mail  []any
	// stopping is set by an actor that stops itself, which it does behind its turn.
	stopping bool
}

const (
	definitions = "core/definitions"
	journal     = "core/journal"
)

// disk is a journal for which everything is safe at once.
type disk struct{}

func (disk) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *persistence.Append:
		ctx.Send(m.From, &persistence.Durable{Stream: m.Stream, Upto: m.Records[len(m.Records)-1].Index, Token: m.Token})
	case *persistence.Checkpoint:
		if m.Token != 0 {
			ctx.Send(m.From, &persistence.Durable{Stream: m.Stream, Upto: m.Upto, Token: m.Token})
		}
	}
}

func newOffice(t *testing.T, lot *rand.Rand) *office {
	o := &office{t: t, lot: lot, system: supervision.NewSystem(zerolog.Nop()), streams: volatile.NewStore(), sessions: session.NewRegistry(1)}
	o.allow(&eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_PermissionsSet{
		PermissionsSet: &eventv1.PermissionsSet{User: "guest", Vhost: "/", Configure: ".*", Write: ".*", Read: ".*"},
	}})
	o.directory = vhost.NewDirectory("/", "/", o.system.PID(definitions))
	o.system.Actors().ProcessRegistry.Add(&door{o}, definitions)
	o.system.Actors().ProcessRegistry.Add(&door{o}, journal)
	options := vhost.Options{Directory: o.directory, Access: o.access, System: o.system, Streams: o.streams, Sessions: o.sessions, Owners: everybody{}, Ledger: o,
		Journal: &persistence.Log{PID: o.system.PID(journal)}, Log: zerolog.Nop(), Queues: "core/queues", Exchanges: "core/exchanges"}
	o.seat(journal, func(uint64) actor.Actor { return disk{} })
	o.seat(definitions, func(i uint64) actor.Actor { return vhost.New(options, i) })
	for _, spec := range options.ExchangeSpecs() {
		o.seat("core/exchanges/"+spec.ID, spec.New)
	}
	o.run()
	return o
}

// allow puts an event of the node's definitions in force.
func (o *office) allow(e *eventv1.NodeDefinition) {
	if o.access == nil {
		o.access = auth.NewAccess(nil)
	}
	d := o.access.Now().Clone()
	d.Apply(&eventv1.NodeBatch{Definitions: []*eventv1.NodeDefinition{e}})
	o.access.Publish(d)
}

// everybody is alive.
type everybody struct{}

func (everybody) Alive(uint64) bool { return true }

// door lets in what the system sends from outside of any actor.
type door struct{ *office }

func (d *door) SendUserMessage(pid *actor.PID, m any)   { d.Send(pid, m) }
func (d *door) SendSystemMessage(pid *actor.PID, m any) {}
func (d *door) Stop(*actor.PID)                         {}

func (o *office) Resident(delta int) { o.resident.Add(int64(delta)) }

func (o *office) find(id string) *desk {
	for _, d := range o.desks {
		if d.id == id {
			return d
		}
	}
	return nil
}

// seat starts an actor.
func (o *office) seat(id string, make func(uint64) actor.Actor) *desk {
	d := &desk{id: id, make: make}
	o.desks = append(o.desks, d)
	o.start(d)
	return d
}

func (o *office) start(d *desk) {
	o.number++
	d.actor, d.mail = d.make(o.number), nil
	o.turn(d, &actor.Started{})
}

// crash replaces an actor; its mail is lost.
func (o *office) crash(id string) { o.start(o.find(id)) }

// Send puts a message on somebody's desk, or nowhere.
func (o *office) Send(to *actor.PID, m any) {
	switch m := m.(type) {
	case *supervision.StartChild:
		id := to.Id + "/" + m.Spec.ID
		o.seat(id, m.Spec.New)
		m.Done(o.system.PID(id), nil)
		return
	case *supervision.TerminateChild:
		o.stop(to.Id+"/"+m.ID, supervision.Gone)
		m.Done(nil)
		return
	}
	if d := o.find(to.Id); d != nil {
		d.mail = append(d.mail, m)
	}
}

func (o *office) stop(id string, why supervision.Reason) {
	for i, d := range o.desks {
		if d.id == id {
			o.desks = append(o.desks[:i:i], o.desks[i+1:]...)
			if a, ok := d.actor.(supervision.Terminator); ok {
				a.Terminate(&turn{office: o, desk: d}, why)
			}
			return
		}
	}
}

// step does one turn, and says whether there was one to do.
func (o *office) step() bool {
	var busy []*desk
	for _, d := range o.desks {
		if len(d.mail) > 0 {
			busy = append(busy, d)
		}
	}
	if len(busy) == 0 {
		return false
	}
	d := busy[0]
	if o.lot != nil {
		d = busy[o.lot.IntN(len(busy))]
	}
	m := d.mail[0]
	d.mail = d.mail[1:]
	o.turn(d, m)
	return true
}

// run does turns until nobody has mail.
func (o *office) run() {
	for n := 0; o.step(); n++ {
		if n > 1_000_000 {
			o.t.Fatal("the office does not come to rest")
		}
	}
}

// ids are those of the desks whose id has this in it.
func (o *office) ids(part string) []string {
	var out []string
	for _, d := range o.desks {
		if strings.Contains(d.id, part) {
			out = append(out, d.id)
		}
	}
	return out
}

// turn is the part of an actor's context that ours use.
type turn struct {
	actor.Context
	office *office
	desk   *desk
	m      any
}

func (o *office) turn(d *desk, m any) {
	d.actor.Receive(&turn{office: o, desk: d, m: m})
	if d.stopping {
		o.stop(d.id, supervision.Normal)
	}
}

func (c *turn) Message() any              { return c.m }
func (c *turn) Self() *actor.PID          { return c.office.system.PID(c.desk.id) }
func (c *turn) Send(to *actor.PID, m any) { c.office.Send(to, m) }
func (c *turn) Stop(*actor.PID)           { c.desk.stopping = true }
