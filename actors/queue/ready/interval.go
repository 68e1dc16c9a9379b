package ready

import "slices"

// Interval is a run of message indexes, [First, First+N).
type Interval struct{ First, N uint64 }

func (i Interval) end() uint64 { return i.First + i.N }

// intervals is an ordered set of indexes, kept as runs that neither touch nor overlap.
type intervals struct {
	runs  []Interval
	count uint64
}

// add puts in a run that is not in the set yet.
func (s *intervals) add(in Interval) {
	if in.N == 0 {
		return
	}
	s.count += in.N
	at, _ := slices.BinarySearchFunc(s.runs, in.First, func(r Interval, first uint64) int {
		if r.First < first {
			return -1
		}
		return 1
	})
	left := at > 0 && s.runs[at-1].end() == in.First
	right := at < len(s.runs) && in.end() == s.runs[at].First
	switch {
	case left && right:
		s.runs[at-1].N += in.N + s.runs[at].N
		s.runs = slices.Delete(s.runs, at, at+1)
	case left:
		s.runs[at-1].N += in.N
	case right:
		s.runs[at].First, s.runs[at].N = in.First, s.runs[at].N+in.N
	default:
		s.runs = slices.Insert(s.runs, at, in)
	}
}

// takeFront removes in, which must be a prefix of the first run.
func (s *intervals) takeFront(in Interval) {
	s.count -= in.N
	if s.runs[0].N == in.N {
		s.runs = slices.Delete(s.runs, 0, 1)
		return
	}
	s.runs[0].First += in.N
	s.runs[0].N -= in.N
}

func (s intervals) clone() intervals { return intervals{runs: slices.Clone(s.runs), count: s.count} }
