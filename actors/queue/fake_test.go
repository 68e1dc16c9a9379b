package queue

import (
	"cmp"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/queue/ready"
	"warren/actors/queue/settings"
	"warren/persistence/volatile"
	"warren/protocol"
)

// turn is what an actor sees of one turn, and what it sent in it. The queue runs in the test's goroutine: there is nothing to
// wait for.
type turn struct {
	actor.Context
	self    *actor.PID
	system  *actor.ActorSystem // for timers, which find nobody
	message any
	sent    []letter
}

type letter struct {
	to      *actor.PID
	message any
}

func (c *turn) Self() *actor.PID                { return c.self }
func (c *turn) ActorSystem() *actor.ActorSystem { return c.system }
func (c *turn) Message() any                    { return c.message }
func (c *turn) Send(to *actor.PID, what any)    { c.sent = append(c.sent, letter{to, what}) }

// stand is one queue with what surrounds it. Sessions 1 to 9 live.
type stand struct {
	t        testing.TB
	q        *Queue
	slot     *Slot
	streams  *volatile.Store
	sessions map[uint64]*actor.PID
	vhost    *actor.PID
	resident int
	ctx      *turn
	seq      map[uint64]uint64 // of commands, by session
}

func (s *stand) Lookup(session uint64) *actor.PID { return s.sessions[session] }
func (s *stand) Resident(delta int)               { s.resident += delta }

var home = &Home{VHost: "/", Address: func(n Name) *actor.PID { return &actor.PID{Id: string(n)} }}

func newStand(t testing.TB) *stand {
	s := &stand{
		t: t, streams: volatile.NewStore(), sessions: map[uint64]*actor.PID{}, vhost: &actor.PID{Id: "vhost"}, seq: map[uint64]uint64{},
		slot: &Slot{Home: home, ID: 1, Name: "q", Declared: &settings.Settings{}},
	}
	for id := range uint64(9) {
		s.sessions[id+1] = &actor.PID{Id: string(rune('1' + id))}
	}
	s.start(1)
	return s
}

// start begins an incarnation of the queue, over the stream of the one before.
func (s *stand) start(incarnation uint64) []letter {
	s.q = New(Options{Slot: s.slot, Node: &Node{VHost: s.vhost, Streams: s.streams, Sessions: s, Ledger: s, Log: zerolog.Nop()}}, incarnation)
	s.ctx = &turn{self: s.slot.PID()}
	return s.tell(&actor.Started{})
}

// tell gives the queue one message and returns what it sends.
func (s *stand) tell(message any) []letter {
	switch m := message.(type) { // what does not say otherwise is for this queue
	case *Commands:
		m.To = cmp.Or(m.To, s.slot)
	case *Credit:
		m.To = cmp.Or(m.To, s.slot)
	case *Resume:
		m.To = cmp.Or(m.To, s.slot)
	case *Delete:
		m.To = cmp.Or(m.To, s.slot)
	}
	s.ctx.message, s.ctx.sent = message, nil
	s.q.Receive(s.ctx)
	return s.ctx.sent
}

// publish brings messages of session 1, numbered from seq; each body is one byte long and names the message.
func (s *stand) publish(seq uint64, n int) []letter {
	return s.tell(&Enqueue{Link: link, Incarnation: s.slot.Incarnation(), Exchange: "x", Messages: numbered(seq, n)})
}

var link = ready.Link{Session: 1, Exchange: 7}

func numbered(seq uint64, n int) []protocol.Message {
	out := make([]protocol.Message, n)
	for i := range out {
		out[i] = protocol.Message{Seq: seq + uint64(i), Body: []byte{byte(seq) + byte(i)}}
	}
	return out
}

// command gives the queue the next commands of a session.
func (s *stand) command(session uint64, ops ...Op) []letter {
	first := s.seq[session] + 1
	s.seq[session] += uint64(len(ops))
	return s.tell(&Commands{Session: session, First: first, Ops: ops})
}

// only returns the messages of one kind.
func only[T any](letters []letter) (out []T) {
	for _, l := range letters {
		if m, ok := l.message.(T); ok {
			out = append(out, m)
		}
	}
	return out
}

// one returns the only message of a kind.
func one[T any](t testing.TB, letters []letter) T {
	t.Helper()
	got := only[T](letters)
	if len(got) != 1 {
		t.Fatalf("%d of %T in %v", len(got), *new(T), letters)
	}
	return got[0]
}

// bodies are what a consumer is sent, as numbers; those that it is told are redelivered are negative.
func bodies(letters []letter, consumer uint32) (out []int) {
	for _, d := range only[*Deliveries](letters) {
		if d.Consumer != consumer {
			continue
		}
		for _, p := range d.Parts {
			for i := range p.Messages {
				n := int(p.Messages[i].Body[0])
				if p.Redelivered {
					n = -n
				}
				out = append(out, n)
			}
		}
	}
	return out
}
