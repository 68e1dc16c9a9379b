package session

import (
	"fmt"
	"math/rand/v2"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/protocol"
)

// wire is the part of an actor's context that a session uses. It writes down what is sent.
type wire struct {
	actor.Context
	letters []letter
}

type letter struct {
	to string
	m  any
}

func (w *wire) Send(to *actor.PID, m any) { w.letters = append(w.letters, letter{to.Id, m}) }

// take returns what was sent to somebody and forgets it.
func (w *wire) take(to *actor.PID) []any {
	var out []any
	rest := w.letters[:0]
	for _, l := range w.letters {
		if l.to == to.Id {
			out = append(out, l.m)
		} else {
			rest = append(rest, l)
		}
	}
	w.letters = rest
	return out
}

func pid(name string) *actor.PID { return actor.NewPID("local", name) }

func newExchange(id uint64) *exchange.Slot {
	name := fmt.Sprintf("x%d", id)
	return &exchange.Slot{ID: id, VHost: "/", Name: exchange.Name(name), PID: pid(name)}
}

var home = &queue.Home{VHost: "/", Address: func(n queue.Name) *actor.PID { return pid(string(n)) }}

func newQueue(id uint64) *queue.Slot {
	name := fmt.Sprintf("q%d", id)
	return &queue.Slot{Home: home, ID: id, Name: queue.Name(name)}
}

func newQueues(n int) []*queue.Slot {
	out := make([]*queue.Slot, n)
	for i := range out {
		out[i] = newQueue(uint64(i + 1))
	}
	return out
}

// messages with the sequences first..last, each with a body of one byte.
func messages(first, last uint64) []protocol.Message {
	var out []protocol.Message
	for seq := first; seq <= last; seq++ {
		out = append(out, protocol.Message{Seq: seq, RoutingKey: "k", Body: []byte{byte(seq)}})
	}
	return out
}

func route(queues ...*queue.Slot) *exchange.Route { return &exchange.Route{Queues: queues} }

func routed(x *exchange.Slot, last uint64, to *exchange.Route) *exchange.Routed {
	return &exchange.Routed{Exchange: x, Routes: []exchange.RoutedTo{{Last: last, Route: to}}}
}

func accepted(x *exchange.Slot, q *queue.Slot, upto uint64) *queue.Accepted {
	return &queue.Accepted{Queue: q, Exchange: x.ID, Accepted: upto, Confirmed: upto}
}

// state is one on which the events happened.
func state(events ...any) *State {
	s := NewState()
	for _, e := range events {
		s.Apply(e)
	}
	return &s
}

// said are the outputs of a state, as text, which are forgotten.
func said(s *State) []string {
	var out []string
	for _, o := range s.Outputs {
		out = append(out, sayOutput(o))
	}
	s.Outputs = nil
	return out
}

func sayOutput(o any) string {
	switch o := o.(type) {
	case *Acknowledged:
		line := ""
		for _, c := range o.Confirms {
			line += sayConfirm(c)
		}
		return line
	case *Returned:
		return fmt.Sprintf("return %d", o.Message.Seq)
	case *Delivered:
		return fmt.Sprintf("deliver %s %d+%d", o.Tag, o.FirstTag, len(o.Delivery.Messages))
	case *Got:
		return fmt.Sprintf("got %d", o.Tag)
	case *Cancelled:
		return "cancel " + o.Tag
	}
	return fmt.Sprintf("%T", o)
}

func sayConfirm(c Confirm) string {
	kind, many := "ack", ""
	if c.Nack {
		kind = "nack"
	}
	if c.Multiple {
		many = "<="
	}
	return fmt.Sprintf("[%s %s%d]", kind, many, c.Tag)
}

// dice are the same in every run with the same seed.
func dice(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 1)) }

func goneQueue(q *queue.Slot) *queue.Gone       { return &queue.Gone{Queue: q} }
func crashedQueue(q *queue.Slot) *queue.Crashed { return &queue.Crashed{Queue: q} }
