package queue

import "sync/atomic"

// past is what a slot remembers from one incarnation to the next of what befalls few queues.
type past struct {
	poison   Poison
	purged   Receipts[uint64]
	spooling atomic.Int64 // bytes on their way to the spool
}

// remember is for whoever has something to enter.
func (s *Slot) remember() *past {
	if p := s.past.Load(); p != nil {
		return p
	}
	s.past.CompareAndSwap(nil, &past{})
	return s.past.Load()
}

// suspicious says whether a turn has panicked over a batch or a command that may come again.
func (s *Slot) suspicious() bool {
	p := s.past.Load()
	return p != nil && p.poison.Any()
}
