package channel

import (
	"slices"

	"warren/actors/queue"
	"warren/actors/session"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// Event is one entry of a channel's stream. What is an event of this package, of the session, or what a neighbour said.
type Event struct {
	// Handed is the newest output the outlet had when this was written: outputs up to it need not be kept.
	Handed uint64
	// Step is the inbound step that the event comes of, 0 for none. What comes of one step is one event.
	Step uint64
	What any
}

// State is a channel as a fold over its events: the session and what AMQP adds to it.
type State struct {
	session.State
	step     uint64   // newest inbound step that has taken effect or is Pending
	output   uint64   // ordinal of the newest output
	outputs  []output // not known to be handed over
	Queue    string   // last declared (contract P-57)
	replyTag string   // of the consumer that has replies
	Prefetch int      // of consumers to come
	Pending  *Operation
	Ending   Ending
	renewed  uint64 // secrets of the user after which the consumers were looked at
}

type output struct {
	ordinal uint64
	what    any
}

// Operation is a method that the steps behind it wait for.
type Operation struct {
	Method amqp091.Method
	Step   uint64 // also its request id
	// Name is the queue's that is being declared; the broker may have made it up.
	Name string
	// ReplyTo is the name of the queue that is made for replies to this channel.
	ReplyTo string
	// Asked is set when everything before has taken effect and the operation has been sent to where it is answered.
	Asked bool
	// Consumer that is being made.
	Consumer uint32
	// Queue that answers, with the sequence of the command; nil when the vhost answers.
	Queue *queue.Slot
	Seq   uint64
}

// Ending is why a channel is coming to its end.
type Ending uint8

const (
	Alive         Ending = iota
	ClosedByPeer         // channel.close came
	ClosedByUs           // channel.close was sent; close-ok is awaited
	ConnectionEnd        // the connection is over
)

// Events of a channel.
type (
	// Begun: a method has begun; Op says what became of what it asks for.
	Begun struct{ Op Operation }
	// Asked: its request is on the way, or in the session's commands.
	Asked struct {
		Op     Operation
		Events []any
	}
	// Ended: it has taken effect.
	Ended struct {
		Reply  amqp091.Method // nil for none: no-wait, or the reply is elsewhere
		Events []any          // of the session, at the same moment
		Queue  string         // last declared, when it changes
	}
	// Replied: a method took effect at once.
	Replied struct {
		Reply    amqp091.Method
		Events   []any
		Prefetch *int
	}
	// Failed: a channel exception.
	Failed struct {
		Err    *protocol.Error
		Events []any // of the session, before it
	}
	// Over: the channel ends, or its end goes on.
	Over struct {
		Ending Ending
		Reply  amqp091.Method
	}
	// Renewed: the user has renewed its secret that many times; Events end the consumers that it may not have any more.
	Renewed struct {
		Renewals uint64
		Events   []any
	}
	// Skipped: a step with no effect.
	Skipped struct{}
)

// reply is an output: a method.
type reply struct{ method amqp091.Method }

func newState() *State { return &State{State: session.NewState()} }

// Apply changes the state by one event.
func (s *State) Apply(e Event) {
	n := 0
	for n < len(s.outputs) && s.outputs[n].ordinal <= e.Handed {
		n++
	}
	s.outputs = slices.Delete(s.outputs, 0, n)
	if e.Step != 0 {
		s.step = e.Step
	}
	switch w := e.What.(type) {
	case *Begun:
		op := w.Op
		s.Pending = &op
	case *Asked:
		op := w.Op
		s.Pending = &op
		s.apply(w.Events)
	case *Ended:
		s.apply(w.Events)
		if w.Queue != "" {
			s.Queue = w.Queue
		}
		if s.Pending != nil && s.Pending.ReplyTo != "" {
			s.replyTag = s.Pending.Name
		}
		s.say(w.Reply)
		s.Pending = nil
	case *Replied:
		s.apply(w.Events)
		if w.Prefetch != nil {
			s.Prefetch = *w.Prefetch
		}
		s.say(w.Reply)
	case *Failed:
		s.apply(w.Events)
		s.Pending = nil
		s.Ending = ClosedByUs
		s.say(closed(w.Err))
	case *Over:
		s.Pending = nil
		s.Ending = w.Ending
		s.say(w.Reply)
	case *Renewed:
		s.apply(w.Events)
		s.renewed = w.Renewals
	case *Skipped:
	default:
		s.State.Apply(w)
	}
	s.collect()
}

func (s *State) apply(events []any) {
	for _, e := range events {
		s.State.Apply(e)
	}
	s.collect()
}

// collect numbers what the session has to say. Who deletes a queue hears delete-ok first and then that its own consumers are
// cancelled, as from RabbitMQ: a client in the middle of its call need not expect anything else (kombu's tests do not).
func (s *State) collect() {
	held := s.Outputs[:0]
	for _, o := range s.Outputs {
		switch _, cancelled := o.(*session.Cancelled); {
		case cancelled && s.deletes():
			held = append(held, o)
		case s.hears(o):
			s.output++
			s.outputs = append(s.outputs, output{s.output, o})
		}
	}
	clear(s.Outputs[len(held):])
	s.Outputs = held
}

// deletes says whether a queue.delete of this channel is not answered yet.
func (s *State) deletes() bool {
	if s.Pending == nil {
		return false
	}
	_, deletes := s.Pending.Method.(*amqp091.QueueDelete)
	return deletes
}

// hears says whether the client is to hear something of the session. A channel that it closes confirms and delivers until close-ok,
// but does not tell of auto-delete queues that go because of that.
func (s *State) hears(o any) bool {
	_, cancelled := o.(*session.Cancelled)
	return s.Ending == Alive || s.Ending == ClosedByPeer && !cancelled
}

// say adds a reply.
func (s *State) say(m amqp091.Method) {
	if m != nil {
		s.collect()
		s.output++
		s.outputs = append(s.outputs, output{s.output, &reply{m}})
	}
}

// unsaid are the outputs behind an ordinal.
func (s *State) unsaid(handed uint64) []output {
	for i := range s.outputs {
		if s.outputs[i].ordinal > handed {
			return s.outputs[i:]
		}
	}
	return nil
}

// Clone returns a copy that shares only what is never written again.
func (s *State) Clone() *State {
	c := *s
	c.State = s.State.Clone()
	c.outputs = slices.Clone(s.outputs)
	if s.Pending != nil {
		op := *s.Pending
		c.Pending = &op
	}
	return &c
}
