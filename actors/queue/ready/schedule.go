package ready

import "slices"

// due is when a message is to leave the queue, in Unix milliseconds.
type due struct {
	at    int64
	index uint64
}

// schedule is a heap of what is due, the first in front. What is in it waits nowhere else.
type schedule struct{ heap []due }

func (d due) before(o due) bool { return d.at < o.at || d.at == o.at && d.index < o.index }

func (s *schedule) push(d due) {
	s.heap = append(s.heap, d)
	for i := len(s.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !s.heap[i].before(s.heap[parent]) {
			break
		}
		s.heap[i], s.heap[parent] = s.heap[parent], s.heap[i]
		i = parent
	}
}

func (s *schedule) pop() due {
	top, last := s.heap[0], len(s.heap)-1
	s.heap[0] = s.heap[last]
	s.heap = s.heap[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if s.heap[child].before(s.heap[least]) {
				least = child
			}
		}
		if least == i {
			return top
		}
		s.heap[i], s.heap[least] = s.heap[least], s.heap[i]
		i = least
	}
}

func (s schedule) clone() schedule { return schedule{slices.Clone(s.heap)} }

// Due are the messages whose time has come, in the order of their times, at most limit of them. Only queues that hold messages back have
// some (contract X-11).
func (s *State) Due(now int64, limit int) []Interval {
	heap := s.schedule.heap
	if len(heap) == 0 || heap[0].at > now {
		return nil
	}
	var out []Interval
	// The first of a heap without taking them off: of what has been named, the children are next.
	next := schedule{heap: []due{heap[0]}}
	places := map[due]int{heap[0]: 0}
	for ; len(next.heap) > 0 && limit > 0; limit-- {
		d := next.pop()
		at := places[d]
		delete(places, d)
		for child := 2*at + 1; child <= 2*at+2 && child < len(heap); child++ {
			if heap[child].at <= now {
				next.push(heap[child])
				places[heap[child]] = child
			}
		}
		if n := len(out); n > 0 && out[n-1].end() == d.index {
			out[n-1].N++
		} else {
			out = append(out, Interval{d.index, 1})
		}
	}
	return out
}

// NextDue is when the first one's time comes; 0 for never.
func (s *State) NextDue() int64 {
	if len(s.schedule.heap) == 0 {
		return 0
	}
	return s.schedule.heap[0].at
}

// released: those whose time came are dead, and whoever publishes dead letters publishes them.
func (s *State) released(e *Released) {
	for _, in := range e.Intervals {
		for range in.N {
			s.schedule.pop()
		}
		x := &s.lineOf(in.First).extents
		x.thaw(in)
		s.bodies -= x.bodies(in)
		s.bury(in, Due)
	}
}

// held are the messages that are held back, as runs.
func (s *State) held() []Interval {
	indexes := make([]uint64, len(s.schedule.heap))
	for i, d := range s.schedule.heap {
		indexes[i] = d.index
	}
	var out []Interval
	slices.Sort(indexes)
	for _, index := range indexes {
		if n := len(out); n > 0 && out[n-1].end() == index {
			out[n-1].N++
		} else {
			out = append(out, Interval{index, 1})
		}
	}
	return out
}
