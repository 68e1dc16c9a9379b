package deadletter

import (
	"fmt"
	"maps"
	"slices"

	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/actors/queue/ready"
	"warren/actors/session"
	"warren/protocol"
)

// State is the publisher as a fold over its events: a session in confirm mode, and what it has of the dead.
type State struct {
	session.State
	// ID of the session: of the first start, for as long as the vhost is there.
	ID uint64

	sources map[*queue.Slot]uint32 // number of the consumer, by queue
	taken   []*session.Delivered   // came, and is not published yet
	flights []flight               // published and not safe, by sequence
	settled []*queue.Slot          // whose deliveries the newest event has settled
}

// flight is n deliveries with consecutive tags, published with consecutive sequences.
type flight struct {
	seq, tag, n uint64
	source      *queue.Slot
}

func (f flight) last() uint64 { return f.seq + f.n - 1 }

// Events of the publisher, beside a session's.
type (
	// Begun: it has a session.
	Begun struct{ ID uint64 }
	// Attached: a queue is to send what is to be dead-lettered.
	Attached struct{ Queue *queue.Slot }
	// Posted: the first deliveries that were taken are on their way, all in one step.
	Posted struct {
		Taken    int
		Exchange *exchange.Slot // nil when it is not there
		Messages []protocol.Message
		Flights  []flight
		// Dropped are the tags of what goes nowhere.
		Dropped []session.TagRange
	}
)

// prefetch is how many messages of one queue are under way at most.
const prefetch = 1024

func newState() *State {
	s := &State{State: session.NewState(), sources: map[*queue.Slot]uint32{}}
	s.State.Apply(&session.ModeSet{Mode: session.Confirmed})
	return s
}

// Apply changes the state by one event.
func (s *State) Apply(e any) {
	s.settled = s.settled[:0]
	switch e := e.(type) {
	case *Begun:
		s.ID = e.ID
	case *Attached:
		s.attach(e.Queue)
	case *Posted:
		s.post(e)
	case *queue.Gone:
		delete(s.sources, e.Queue)
		s.State.Apply(e)
	case *queue.Crashed:
		delete(s.sources, e.Queue)
		s.State.Apply(e)
	default:
		s.State.Apply(e)
	}
	s.collect()
}

// attach takes the consumer for granted: deliveries may come before the queue's answer.
func (s *State) attach(q *queue.Slot) {
	n := s.NextNumber()
	tag := fmt.Sprintf("dead-letters-%d", n)
	s.sources[q] = n
	s.State.Apply(&session.Subscribed{Consumer: session.Consumer{Tag: tag, Number: n, Queue: q}})
	s.State.Apply(&session.Commanded{Queue: q, Op: &queue.Consume{Consumer: n, Tag: tag, Prefetch: prefetch, DeadLetters: true}})
}

func (s *State) post(e *Posted) {
	s.taken = slices.Delete(s.taken, 0, e.Taken)
	s.flights = append(s.flights, e.Flights...)
	if len(e.Messages) > 0 {
		s.State.Apply(&session.Published{Exchange: e.Exchange, Messages: e.Messages})
	}
	if len(e.Dropped) > 0 {
		s.State.Apply(&session.Settled{Ranges: e.Dropped})
	}
}

// collect takes what the session has to say: dead letters that came, and those that are safe, or lost for good, which settles
// them. As in RabbitMQ a dead letter is published at most once: one that its target turned down is not tried again.
func (s *State) collect() {
	for i := 0; i < len(s.Outputs); i++ {
		switch o := s.Outputs[i].(type) {
		case *session.Delivered:
			s.taken = append(s.taken, o)
		case *session.Acknowledged:
			s.acknowledged(o)
		}
	}
	clear(s.Outputs)
	s.Outputs = s.Outputs[:0]
}

func (s *State) acknowledged(a *session.Acknowledged) {
	done := &session.Settled{}
	for _, c := range a.Confirms {
		first := c.Tag // the sequence: confirms began with the first message
		if c.Multiple {
			first = 1
		}
		s.land(first, c.Tag, done)
	}
	if len(done.Ranges) > 0 {
		s.State.Apply(done)
	}
}

// land ends the flights of the sequences first..last, and adds the tags of what was under way to done.
func (s *State) land(first, last uint64, done *session.Settled) {
	at, _ := slices.BinarySearchFunc(s.flights, first, func(f flight, seq uint64) int {
		if f.last() < seq {
			return -1
		}
		return 1
	})
	end := at
	var rest []flight
	for ; end < len(s.flights) && s.flights[end].seq <= last; end++ {
		f := s.flights[end]
		lo, hi := max(first, f.seq), min(last, f.last())
		if lo > f.seq {
			rest = append(rest, flight{f.seq, f.tag, lo - f.seq, f.source})
		}
		if hi < f.last() {
			rest = append(rest, flight{hi + 1, f.tag + (hi + 1 - f.seq), f.last() - hi, f.source})
		}
		tags := session.TagRange{First: f.tag + (lo - f.seq), Last: f.tag + (hi - f.seq), Outcome: ready.Acked}
		if n := len(done.Ranges); n > 0 && done.Ranges[n-1].Last+1 == tags.First {
			done.Ranges[n-1].Last = tags.Last
		} else {
			done.Ranges = append(done.Ranges, tags)
		}
		if !slices.Contains(s.settled, f.source) {
			s.settled = append(s.settled, f.source)
		}
	}
	s.flights = slices.Replace(s.flights, at, end, rest...)
}

// Clone returns a copy that shares only what is never written again.
func (s *State) Clone() *State {
	c := *s
	c.State = s.State.Clone()
	c.sources = maps.Clone(s.sources)
	c.taken, c.flights, c.settled = slices.Clone(s.taken), slices.Clone(s.flights), slices.Clone(s.settled)
	return &c
}
