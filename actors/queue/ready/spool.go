package ready

import (
	"slices"

	"warren/internal/columns"
)

// What is not stored, since it is transient or in a batch with what is, goes to disk as well when it waits for long: to the queue's
// spool, which means nothing to the next process (DESIGN section 7, paging).
type (
	// Spooled: of these intervals, whole extents that are in memory and nowhere else are in records of the spool.
	Spooled struct{ Intervals []Interval }
	// Stowed: the records of the spool up to Upto are on disk.
	Stowed struct{ Upto uint64 }
	// SpoolRecord is an extent on its way to the spool.
	SpoolRecord struct {
		Index, First uint64
		Content      *Content
		Bytes        int
	}
)

func (*Spooled) event() {}
func (*Stowed) event()  {}

// spool is what a queue has there.
type spool struct {
	made, stowed uint64 // newest record, and newest on disk
	pending      []SpoolRecord
	settled      int // extents of it that nothing is left of
}

func (s spool) clone() spool {
	s.pending = append([]SpoolRecord(nil), s.pending...)
	return s
}

func (s *State) spooled(e *Spooled) {
	spool := &s.own().spool
	for _, in := range e.Intervals {
		l := s.lineOf(in.First)
		l.extents.eachListed(in.First, func(x *extent) bool {
			if x.end() > in.end() {
				return false
			}
			if x.first >= in.First && x.homeless() {
				spool.made++
				x.spool = spool.made
				spool.pending = append(spool.pending, SpoolRecord{x.spool, x.first, x.content, x.left})
			}
			return true
		})
	}
}

// homeless says that an extent is in memory and will be nowhere else.
func (e *extent) homeless() bool {
	return e.content != nil && e.live > 0 && e.spool == 0 && (e.record == 0 || e.mixed)
}

// Homeless narrows intervals to what would have to go to the spool, at most about that many bytes.
func (s *State) Homeless(intervals []Interval, bytes int) []Interval {
	var out []Interval
	for _, in := range intervals {
		l := s.lineOf(in.First)
		l.extents.eachListed(in.First, func(x *extent) bool {
			if x.end() > in.end() {
				return false
			}
			if x.first >= in.First && x.homeless() {
				out = append(out, Interval{x.first, uint64(x.n)})
				bytes -= x.left
			}
			return bytes > 0
		})
		if bytes <= 0 {
			break
		}
	}
	return out
}

func (s *State) stowed(upto uint64) {
	spool := &s.own().spool
	spool.stowed = max(spool.stowed, upto)
	n := 0
	for n < len(spool.pending) && spool.pending[n].Index <= upto {
		n++
	}
	spool.pending = slices.Delete(spool.pending, 0, n) // which clears them: they hold messages
}

// Spooling are the records of the spool that are not known to be on disk, in order.
func (s *State) Spooling() []SpoolRecord { return s.spool.pending }

// Spool is how many records the spool has been given, and of how many nothing is left.
func (s *State) Spool() (made uint64, settled int) { return s.spool.made, s.spool.settled }

// SpoolLiving are the records of the spool that are needed, and the newest on disk.
func (s *State) SpoolLiving() (living columns.Runs, stowed uint64) {
	var gathered columns.Strands
	for i := range s.lines {
		s.lines[i].extents.each(0, func(e *extent) bool {
			if e.live > 0 && e.spool != 0 {
				gathered.Add(e.spool)
			}
			return true
		})
	}
	return gathered.Runs(), s.spool.stowed
}
