package vhost

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/auth"
	"warren/actors/queue"
	"warren/actors/queue/ready"
	"warren/persistence"
	"warren/persistence/volatile"
	"warren/supervision"
)

// scene is a vhost with its queues and exchanges under supervision, as in the tree, and one actor that stands for all
// sessions and puts down what it hears.
type scene struct {
	*supervision.System
	t       *testing.T
	dir     *Directory
	streams *volatile.Store
	access  *auth.Access
	heard   chan any
	ledger  *ledger
	id      uint64
	ended   [10]atomic.Bool           // connections
	own     atomic.Pointer[actor.PID] // of session 10, an exchange that publishes itself
}

// ledger is written by queues, one at a time in these tests.
type ledger struct{ bytes chan int }

func (l *ledger) Resident(delta int) { l.bytes <- <-l.bytes + delta }

func (l *ledger) read() int {
	n := <-l.bytes
	l.bytes <- n
	return n
}

// resident is what the ledger has beside the definitions.
func (s *scene) resident() int { return s.ledger.read() - int(s.dir.accounted.Load()) }

const (
	definitionsPath = "top/vhost/definitions"
	queuesPath      = "top/vhost/queues"
	exchangesPath   = "top/vhost/exchanges"
	sessionPath     = "top/session"
	journalPath     = "top/journal"
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

func newScene(t *testing.T) *scene {
	s := &scene{
		System: supervision.NewSystem(zerolog.Nop()), t: t, streams: volatile.NewStore(), heard: make(chan any, 1000),
		ledger: &ledger{make(chan int, 1)}, access: auth.NewAccess(nil),
	}
	s.ledger.bytes <- 0
	s.dir = NewDirectory("/", "/", s.PID(definitionsPath))
	o := s.options()
	limit := supervision.Limit{Restarts: 10, Within: 10 * time.Second}
	session := actor.ReceiveFunc(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case actor.SystemMessage, actor.AutoReceiveMessage:
		default:
			s.heard <- m
		}
	})
	err := s.Start("top", supervision.Spec{Limit: limit, Children: []supervision.ChildSpec{
		{ID: "session", New: func(uint64) actor.Actor { return session }},
		{ID: "journal", New: func(uint64) actor.Actor { return disk{} }},
		{ID: "vhost", Supervisor: &supervision.Spec{Strategy: supervision.RestForOne, Limit: limit, Children: []supervision.ChildSpec{
			{ID: "definitions", New: func(incarnation uint64) actor.Actor { return New(o, incarnation) }},
			{ID: "queues", Supervisor: &supervision.Spec{Limit: limit, Dynamic: o.QueueSpecs}},
			{ID: "exchanges", Supervisor: &supervision.Spec{Limit: limit, Dynamic: o.ExchangeSpecs}},
		}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

func (s *scene) options() Options {
	return Options{
		Directory: s.dir, Access: s.access, System: s.System, Streams: s.streams, Sessions: s, Owners: s, Ledger: s.ledger, Log: zerolog.Nop(),
		Journal: &persistence.Log{PID: s.PID(journalPath)}, Queues: queuesPath, Exchanges: exchangesPath,
	}
}

// Lookup is for sessions 1 to 9, which are all the same actor.
func (s *scene) Lookup(session uint64) *actor.PID {
	if session == 10 {
		return s.own.Load()
	}
	if session == 0 || session > 9 {
		return nil
	}
	return s.PID(sessionPath)
}

// Alive is for the connections of the sessions, which have their numbers.
func (s *scene) Alive(connection uint64) bool { return !s.ended[connection].Load() }

func (s *scene) NewID() uint64                { return 10 }
func (s *scene) Add(_ uint64, pid *actor.PID) { s.own.Store(pid) }
func (s *scene) Remove(uint64)                { s.own.Store(nil) }

func (s *scene) request(session uint64) Request {
	s.id++
	return Request{Session: session, ID: s.id, Connection: session}
}

func (s *scene) tell(m any) { s.Send(s.PID(definitionsPath), m) }

// hear returns the next message of a kind to the sessions.
func hear[T any](s *scene) T {
	s.t.Helper()
	for {
		select {
		case m := <-s.heard:
			if m, ok := m.(T); ok {
				return m
			}
		case <-time.After(10 * time.Second):
			s.t.Fatalf("never heard a %T", *new(T))
		}
	}
}

// ask sends a command and returns its answer.
func (s *scene) ask(m any) *Answer {
	s.t.Helper()
	s.tell(m)
	for {
		if a := hear[*Answer](s); a.ID == s.id {
			return a
		}
	}
}

func (s *scene) declare(m DeclareQueue) *queue.Slot {
	s.t.Helper()
	if m.Session == 0 {
		m.Request = s.request(1)
	}
	if a := s.ask(&m); a.Err != nil {
		s.t.Fatal(a.Err)
	}
	return s.dir.Queue(queue.Name(m.Name))
}

// consume makes session 1 a consumer of a queue.
func (s *scene) consume(q *queue.Slot, first uint64, ops ...queue.Op) {
	s.t.Helper()
	s.Send(q.PID(), &queue.Commands{To: q, Session: 1, First: first, Ops: ops})
	hear[*queue.Done](s)
}

// claimed has somebody else write a queue's stream, so that its actor cannot start.
func (s *scene) claimed(name string) {
	if _, err := volatile.Open(s.streams, "queue/%2F/"+name, ready.New).Claim(1 << 62); err != nil {
		s.t.Fatal(err)
	}
}
