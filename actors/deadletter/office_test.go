package deadletter

import (
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/auth"
	"warren/actors/session"
	"warren/actors/vhost"
	"warren/persistence"
	"warren/persistence/volatile"
	"warren/protocol"
	"warren/supervision"
)

// office runs real actors, a vhost, its exchanges, its queues and the publisher, without a goroutine: every actor has a desk with
// its mail in order, and who does the next turn is drawn by lot.
type office struct {
	t         *testing.T
	lot       *rand.Rand
	desks     []*desk
	system    *supervision.System
	streams   *volatile.Store
	sessions  *session.Registry
	directory *vhost.Directory
	options   vhost.Options
	number    uint64 // of incarnations
	turns     int
	fuse      int          // sends until the one that panics; 0 for never
	bytes     atomic.Int64 // in queues
}

type desk struct {
	id    string
	make  func(incarnation uint64) actor.Actor
	actor actor.Actor
	mail  []any
}

const (
	definitions = "definitions"
	publisher   = "dead-letters"
	journal     = "journal"
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

// client is a session of the test: it remembers what it is told.
type client struct{ heard []any }

func (c *client) Receive(ctx actor.Context) { c.heard = append(c.heard, ctx.Message()) }

func newOffice(t *testing.T, seed uint64) *office {
	o := &office{t: t, lot: rand.New(rand.NewPCG(seed, 3)), system: supervision.NewSystem(zerolog.Nop()), streams: volatile.NewStore(), sessions: session.NewRegistry(1)}
	o.directory = vhost.NewDirectory("/", "/", o.system.PID(definitions))
	o.system.Actors().ProcessRegistry.Add(&door{o}, definitions)
	o.system.Actors().ProcessRegistry.Add(&door{o}, journal)
	o.options = vhost.Options{Directory: o.directory, System: o.system, Streams: o.streams, Sessions: o.sessions, Ledger: o, Access: auth.NewAccess(nil),
		Journal: &persistence.Log{PID: o.system.PID(journal)}, Resident: 1 << 20, Log: zerolog.Nop(), DeadLetters: o.system.PID(publisher), Queues: "queues", Exchanges: "exchanges"}
	o.seat(journal, func(uint64) actor.Actor { return disk{} })
	o.seat(definitions, func(i uint64) actor.Actor { return vhost.New(o.options, i) })
	for _, spec := range o.options.ExchangeSpecs() {
		o.seat("exchanges/"+spec.ID, spec.New)
	}
	o.seat(publisher, func(i uint64) actor.Actor {
		now := func() time.Time { return time.Unix(1000, 0) }
		return New(Options{VHost: o.directory, Sessions: o.sessions, Streams: o.streams, Now: now, Log: zerolog.Nop()}, i)
	})
	o.run()
	return o
}

// door lets in what the system sends from outside of any actor.
type door struct{ *office }

func (d *door) SendUserMessage(pid *actor.PID, m any) { d.Send(pid, m) }
func (d *door) SendSystemMessage(*actor.PID, any)     {}
func (d *door) Stop(*actor.PID)                       {}

func (o *office) Resident(delta int) { o.bytes.Add(int64(delta)) }

// client seats a session of the test's own.
func (o *office) client(id string) (*client, uint64) {
	c, session := &client{}, o.sessions.NewID()
	o.seat(id, func(uint64) actor.Actor { return c })
	o.sessions.Add(session, o.system.PID(id))
	return c, session
}

func (o *office) queue(name string, arguments protocol.Table) {
	o.Send(o.directory.PID, &vhost.DeclareQueue{Name: name, Arguments: arguments})
	o.run()
}

func (o *office) find(id string) *desk {
	for _, d := range o.desks {
		if d.id == id {
			return d
		}
	}
	return nil
}

// seat starts an actor.
func (o *office) seat(id string, make func(uint64) actor.Actor) {
	d := &desk{id: id, make: make}
	o.desks = append(o.desks, d)
	o.start(d)
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
	case *supervision.TerminateChild:
		for i, d := range o.desks {
			if d.id == to.Id+"/"+m.ID {
				o.desks = append(o.desks[:i:i], o.desks[i+1:]...)
				if a, ok := d.actor.(supervision.Terminator); ok {
					a.Terminate(&turn{office: o, desk: d}, supervision.Gone)
				}
				break
			}
		}
		m.Done(nil)
	default:
		if d := o.find(to.Id); d != nil {
			d.mail = append(d.mail, m)
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
	o.turns++
	d := busy[o.lot.IntN(len(busy))]
	m := d.mail[0]
	d.mail = d.mail[1:]
	o.turn(d, m)
	return true
}

// run does turns until nobody has mail.
func (o *office) run() {
	for n := 0; o.step(); n++ {
		if n > 100_000 {
			o.t.Fatal("the office does not come to rest")
		}
	}
}

// ids are those of the desks whose id has this in front.
func (o *office) ids(front string) []string {
	var out []string
	for _, d := range o.desks {
		if strings.HasPrefix(d.id, front) {
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

// blown is the panic of a fuse.
type blown struct{}

func (o *office) turn(d *desk, m any) {
	defer func() {
		switch why := recover(); why.(type) {
		case nil:
		case blown:
			o.start(d)
		default:
			panic(why)
		}
	}()
	d.actor.Receive(&turn{office: o, desk: d, m: m})
}

func (c *turn) Message() any     { return c.m }
func (c *turn) Self() *actor.PID { return c.office.system.PID(c.desk.id) }

// Send may be the last that this incarnation does.
func (c *turn) Send(to *actor.PID, m any) {
	if c.office.fuse > 0 && c.desk.id == publisher {
		if c.office.fuse--; c.office.fuse == 0 {
			panic(blown{})
		}
	}
	c.office.Send(to, m)
}
