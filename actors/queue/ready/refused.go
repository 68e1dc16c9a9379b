package ready

import "slices"

// refuse notes messages that were not taken. Their publisher hears of them with every word on the link, until it is known to have
// heard it.
func (s *State) refuse(e *Refused) {
	a := s.own()
	if a.refused == nil {
		a.refused = map[Link]*intervals{}
	}
	r := a.refused[e.Link]
	if r == nil {
		r = &intervals{}
		a.refused[e.Link] = r
	}
	r.remove(Interval{0, e.Settled + 1})
	for _, in := range e.Sequences {
		r.put(in)
		s.linked(e.Link, in.end()-1)
	}
	if r.count == 0 {
		delete(a.refused, e.Link)
	}
}

// Refused are the messages of a link that were not taken.
func (s *State) Refused(l Link) []Interval {
	if r := s.refused[l]; r != nil {
		return slices.Clone(r.runs)
	}
	return nil
}

// Refusing says that the publisher of a link may have heard of some since.
func (s *State) Refusing(l Link, settled uint64) bool {
	r := s.refused[l]
	return r != nil && r.runs[0].First <= settled
}

// Admit says which of these messages there is room for, one by one: within a bound, or while consumers take them at once. A bound
// below 0 is none.
func (s *State) Admit(messages, bodies, taken int, sizes func(i int) int, n int) (admitted []bool) {
	count, bytes := int(s.Ready()), s.bodies
	if count > 0 {
		taken = 0 // those who can take something take what is ahead
	}
	admitted = make([]bool, n)
	for i := range n {
		size := sizes(i)
		switch {
		case taken > 0:
			taken--
		case messages >= 0 && count+1 > messages || bodies >= 0 && bytes+size > bodies:
			continue
		default:
			count++
			bytes += size
		}
		admitted[i] = true
	}
	return admitted
}

func cloneRefused(m map[Link]*intervals) map[Link]*intervals {
	if m == nil {
		return nil
	}
	out := make(map[Link]*intervals, len(m))
	for l, r := range m {
		c := r.clone()
		out[l] = &c
	}
	return out
}

// NextIndex is the index that the next message of a level gets.
func (s *State) NextIndex(l Level) uint64 { return s.line(l).next }
