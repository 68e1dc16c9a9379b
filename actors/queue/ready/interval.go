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

// search returns the position of the first run that reaches beyond index.
func (s *intervals) search(index uint64) int {
	at, _ := slices.BinarySearchFunc(s.runs, index, func(r Interval, index uint64) int {
		if r.end() <= index {
			return -1
		}
		return 1
	})
	return at
}

// remove takes out what is in the set of a run.
func (s *intervals) remove(in Interval) {
	at := s.search(in.First)
	if in.N == 0 || at == len(s.runs) || s.runs[at].First >= in.end() {
		return
	}
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

// has says that an index is in the set.
func (s *intervals) has(index uint64) bool {
	at := s.search(index)
	return at < len(s.runs) && s.runs[at].First <= index
}

// within are the runs of the set inside of an interval.
func (s *intervals) within(in Interval) []Interval {
	var out []Interval
	for _, r := range s.runs[s.search(in.First):] {
		from, to := max(r.First, in.First), min(r.end(), in.end())
		if from >= to {
			break
		}
		out = append(out, Interval{from, to - from})
	}
	return out
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

// Runs are the runs of the set, in order.
func (s *Set) Runs() []Interval { return s.set.runs }

// Without yields the parts of a run that are not in the set, in order.
func (s *Set) Without(in Interval, yield func(Interval)) {
	at := in.First
	for _, r := range s.set.runs[s.set.search(in.First):] {
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
