package channel

import (
	"reflect"
	"testing"

	"warren/actors/session"
	"warren/protocol"
	"warren/protocol/amqp091"
)

func ordinals(s *State, handed uint64) []uint64 {
	var out []uint64
	for _, o := range s.unsaid(handed) {
		out = append(out, o.ordinal)
	}
	return out
}

func TestOutputsStayUntilTheyAreHanded(t *testing.T) {
	// Promise: replies go to an output log with ordinals, so nothing is sent twice or half (DESIGN section 5, transport).
	s := newState()
	ok := &Replied{Reply: &amqp091.BasicQosOk{}}
	for step := uint64(1); step <= 3; step++ {
		s.Apply(Event{Step: step, What: ok})
	}
	if got := ordinals(s, 1); !reflect.DeepEqual(got, []uint64{2, 3}) {
		t.Fatalf("behind 1: %v", got)
	}
	s.Apply(Event{Handed: 2, Step: 4, What: ok})
	if got := ordinals(s, 0); !reflect.DeepEqual(got, []uint64{3, 4}) {
		t.Fatalf("with 2 handed: %v", got)
	}
	c := s.Clone()
	c.Apply(Event{Handed: 4, What: &Skipped{}})
	if len(c.outputs) != 0 || len(s.outputs) != 2 {
		t.Fatalf("%d in the copy, %d here", len(c.outputs), len(s.outputs))
	}
}

func TestStepsAreNumberedByEvents(t *testing.T) {
	// Promise: the stream holds the last inbound ordinal that was applied, and a restarted channel goes on behind it; an event
	// that comes of no step leaves it alone (DESIGN section 5, transport).
	s := newState()
	for _, e := range []struct {
		event   Event
		step    uint64
		pending bool
	}{
		{Event{Step: 1, What: &Replied{Reply: &amqp091.ChannelOpenOk{}}}, 1, false},
		{Event{Step: 2, What: &Begun{Op: Operation{Method: &amqp091.QueuePurge{}, Step: 2}}}, 2, true},
		{Event{What: &Asked{Op: Operation{Method: &amqp091.QueuePurge{}, Step: 2, Asked: true}}}, 2, true},
		{Event{What: &Ended{Reply: &amqp091.QueuePurgeOk{}}}, 2, false},
		{Event{Step: 3, What: &Begun{Op: Operation{Step: 3}}}, 3, true},
		{Event{What: &Failed{Err: protocol.NotFound("q")}}, 3, false},
		{Event{Step: 4, What: &Skipped{}}, 4, false},
		{Event{Step: 5, What: &Over{Ending: ConnectionEnd}}, 5, false},
	} {
		s.Apply(e.event)
		if s.step != e.step || (s.Pending != nil) != e.pending {
			t.Fatalf("%T: step %d, pending %v", e.event.What, s.step, s.Pending)
		}
	}
	if s.Ending != ConnectionEnd {
		t.Fatalf("ending %d", s.Ending)
	}
}

func TestClosingClientHearsOfNoCancel(t *testing.T) {
	// The consumers of a channel that its client closes go with it, and with the last one perhaps an auto-delete queue (contract Q-04).
	s := newState()
	s.Apply(Event{Step: 1, What: &Over{Ending: ClosedByPeer}})
	s.Outputs = append(s.Outputs, &session.Cancelled{Tag: "c"}, &session.Acknowledged{})
	s.Apply(Event{Step: 2, What: &Skipped{}})
	if len(s.outputs) != 1 {
		t.Fatalf("%d outputs", len(s.outputs))
	}
}

func TestNothingIsSaidBehindTheClose(t *testing.T) {
	// P-22: behind channel.close the client hears nothing of the channel, and what was due in front of it comes in front.
	s := newState()
	s.Apply(Event{Step: 1, What: &session.ModeSet{Mode: session.Confirmed}})
	cancelled := func() { s.Outputs = append(s.Outputs, &session.Cancelled{Tag: "c"}) }
	cancelled()
	s.Apply(Event{Step: 2, What: &Failed{Err: protocol.NotFound("q"), Events: []any{&session.RolledBack{}}}})
	cancelled()
	s.Apply(Event{Step: 3, What: &Skipped{}})
	if len(s.outputs) != 2 {
		t.Fatalf("%d outputs", len(s.outputs))
	}
	if _, first := s.outputs[0].what.(*session.Cancelled); !first {
		t.Fatalf("close is first: %+v", s.outputs)
	}
}
