package connection

import (
	"slices"

	"warren/protocol/amqp091"
)

// Event is one entry of a connection's stream: what it became, and what the client hears of it.
type Event struct {
	Handed uint64  // newest output the outlet had
	Step   uint64  // inbound step it comes of, 0 for none
	Params *Params // which nobody changes any more
	Reply  amqp091.Method
}

// State is a connection as a fold over its events.
type State struct {
	*Params
	step    uint64
	output  uint64
	outputs []output
}

type output struct {
	ordinal uint64
	method  amqp091.Method
}

func newState() *State { return &State{Params: &Params{}} }

// Apply changes the state by one event.
func (s *State) Apply(e Event) {
	s.outputs = slices.DeleteFunc(s.outputs, func(o output) bool { return o.ordinal <= e.Handed })
	if e.Step != 0 {
		s.step = e.Step
	}
	s.Params = e.Params
	if e.Reply != nil {
		s.output++
		s.outputs = append(s.outputs, output{s.output, e.Reply})
	}
}

// Clone returns a copy.
func (s *State) Clone() *State {
	c := *s
	c.outputs = slices.Clone(s.outputs)
	return &c
}
