package ready

import "slices"

// Reason is why a message leaves a queue without having been consumed, to be dead-lettered (RabbitMQ, dead letter exchanges
// guide).
type Reason uint8

// Consumed is no reason. The numbers are on disk.
const (
	Consumed Reason = iota
	Rejected
	Expired
	MaxLength
	// Due is no death: a message that was held back goes on its way.
	Due
	reasons
)

// Valid says that it is one of them.
func (r Reason) Valid() bool { return r > Consumed && r < reasons }

// String is the reason as the x-death header names it (contract Q-12).
func (r Reason) String() string {
	return [...]string{"", "rejected", "expired", "maxlen", "due"}[r]
}

// Dead are messages that left the queue to be dead-lettered. They are neither ready nor unacknowledged, and stay in the state until
// the one consumer that publishes dead letters has settled them.
type Dead struct {
	Interval
	Reason Reason
}

// bury puts messages among the dead.
func (s *State) bury(in Interval, why Reason) {
	a := s.own()
	s.note(&a.died[why], in)
	a.dying += in.N
	if n := len(a.dead); n > 0 && a.dead[n-1].Reason == why && a.dead[n-1].end() == in.First {
		a.dead[n-1].N += in.N // what goes one by one takes no more than what goes at once
		return
	}
	a.dead = append(a.dead, Dead{in, why})
}

// Dead are the messages to be dead-lettered that no consumer has.
func (s *State) Dead() []Dead { return s.dead }

// Dying is the number of messages that are on their way to be dead letters, those with the consumer included.
func (s *State) Dying() uint64 { return s.dying }

// Undertaker is the consumer that publishes dead letters, or nil.
func (s *State) Undertaker() *Consumer { return s.consumers[s.undertaker] }

// takeDead removes an interval from the front of the dead.
func (s *State) takeDead(in Interval) {
	d := &s.dead[0]
	if d.First != in.First || d.N < in.N {
		panic("queue: a dead letter that is not the next to go")
	}
	d.First += in.N
	if d.N -= in.N; d.N == 0 {
		s.dead = s.dead[1:]
	}
}

// dropped: what waits of it is dead, or gone.
func (s *State) dropped(e *Dropped) {
	for _, in := range e.Intervals {
		l := s.lineOf(in.First)
		l.pick(in, func(in Interval) {
			l.extents.thaw(in)
			s.bodies -= l.extents.bodies(in)
			if e.DeadLetter {
				s.bury(in, e.Reason)
			} else {
				s.settle(in)
			}
		})
	}
}

// deadOf are all of one reason, those with the consumer included.
func (s *State) deadOf(why Reason) []Interval {
	var set intervals
	for _, d := range s.dead {
		if d.Reason == why {
			set.put(d.Interval)
		}
	}
	if u := s.Undertaker(); u != nil {
		for _, r := range u.runs {
			if r.Reason == why {
				set.put(Interval{r.First, r.N})
			}
		}
	}
	return slices.Clip(set.runs)
}
