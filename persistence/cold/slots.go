package cold

import "slices"

// slots says which of a file are free. What is free at its end is not in the list: the file may end there.
type slots struct {
	free []run  // by position, no two that touch
	used uint32 // how many are taken
	end  uint32 // behind the last that is taken
}

// run is consecutive slots.
type run struct{ at, n uint32 }

func (r run) end() uint32 { return r.at + r.n }

// take takes the first slots that are wide enough, so that the file stays short.
func (s *slots) take(n uint32) run {
	s.used += n
	for i := range s.free {
		f := &s.free[i]
		if f.n < n {
			continue
		}
		out := run{f.at, n}
		if f.at, f.n = f.at+n, f.n-n; f.n == 0 {
			s.free = slices.Delete(s.free, i, i+1)
		}
		return out
	}
	out := run{s.end, n}
	s.end += n
	return out
}

// give gives slots back that were taken together.
func (s *slots) give(r run) {
	s.used -= r.n
	i, _ := slices.BinarySearchFunc(s.free, r.at, func(f run, at uint32) int { return int(int64(f.at) - int64(at)) })
	if i < len(s.free) && s.free[i].at == r.end() {
		r.n += s.free[i].n
		s.free = slices.Delete(s.free, i, i+1)
	}
	if i > 0 && s.free[i-1].end() == r.at {
		i--
		r = run{s.free[i].at, s.free[i].n + r.n}
		s.free = slices.Delete(s.free, i, i+1)
	}
	if r.end() == s.end {
		s.end = r.at
		return
	}
	s.free = slices.Insert(s.free, i, r)
}
