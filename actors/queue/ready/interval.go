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
		s.runs = s.runs[1:] // a Delete would move all the others
		return
	}
	s.runs[0].First += in.N
	s.runs[0].N -= in.N
}

// put adds a run of which some may be in the set already.
func (s *intervals) put(in Interval) {
	s.remove(in)
	s.add(in)
}

// remove takes out what is in the set of a run.
func (s *intervals) remove(in Interval) {
	if in.N == 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(s.runs, in.First, func(r Interval, first uint64) int {
		if r.end() <= first {
			return -1
		}
		return 1
	})
	var keep []Interval
	end := at
	for ; end < len(s.runs) && s.runs[end].First < in.end(); end++ {
		r := s.runs[end]
		s.count -= r.N
		if r.First < in.First {
			keep = append(keep, Interval{r.First, in.First - r.First})
		}
		if r.end() > in.end() {
			keep = append(keep, Interval{in.end(), r.end() - in.end()})
		}
	}
	for _, r := range keep {
		s.count += r.N
	}
	s.runs = slices.Replace(s.runs, at, end, keep...)
}

func (s intervals) clone() intervals { return intervals{runs: slices.Clone(s.runs), count: s.count} }

// Set is a set of indexes, for whoever folds a queue's records.
type Set struct{ set intervals }

// Put adds a run of which some may be in the set already.
func (s *Set) Put(in Interval) {
	if in.N > 0 {
		s.set.put(in)
	}
}

// Without yields the parts of a run that are not in the set, in order.
func (s *Set) Without(in Interval, yield func(Interval)) {
	at := in.First
	first, _ := slices.BinarySearchFunc(s.set.runs, in.First, func(r Interval, index uint64) int {
		if r.end() <= index {
			return -1
		}
		return 1
	})
	for _, r := range s.set.runs[first:] {
		if r.First >= in.end() {
			break
		}
		if r.First > at {
			yield(Interval{at, r.First - at})
		}
		at = r.end()
	}
	if at < in.end() {
		yield(Interval{at, in.end() - at})
	}
}
