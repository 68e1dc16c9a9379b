package ready

import "slices"

// What waits for long leaves memory: the content of an extent that is on disk as a whole, and not among the next to go, is let go of
// and fetched again before its turn (contract D-08).
type (
	// PagedOut: of these intervals, whole extents that are on disk are there alone.
	PagedOut struct{ Intervals []Interval }
	// PagedIn: these extents are in memory again.
	PagedIn struct{ Parts []Part }
	// Unreadable: an extent cannot be read from the disk any more. What waits of it, or is dead and with nobody, is gone, without dead
	// letters: there is nothing to send.
	Unreadable struct{ Interval }
	// Part is the content of an extent.
	Part struct {
		Wanted
		Content *Content
	}
	// Wanted names an extent, and the record that it is in: of the queue's durable stream, or of its spool.
	Wanted struct {
		First, Record uint64
		Spool         bool
	}
)

func (*PagedOut) event()   {}
func (*PagedIn) event()    {}
func (*Unreadable) event() {}

// Resident is the memory that unsettled messages hold.
func (s *State) Resident() int { return s.resident }

// Paged says that some messages are on disk alone.
func (s *State) Paged() bool {
	for i := range s.lines {
		if s.lines[i].paged.count > 0 {
			return true
		}
	}
	return false
}

// OnDisk is how many messages are on disk alone.
func (s *State) OnDisk() (n uint64) {
	for i := range s.lines {
		n += s.lines[i].paged.count
	}
	return n
}

// Opened is how many pages of the index have become larger again than they were on disk or packed, ever.
func (s *State) Opened() (n int) {
	for i := range s.lines {
		n += s.lines[i].extents.opened
	}
	return n
}

// onDisk says that an extent could be fetched again.
func (s *State) onDisk(e *extent) bool {
	if e.record != 0 && !e.mixed {
		return len(s.saving.pending) == 0 || e.record < s.saving.pending[0].Index
	}
	return e.spool != 0 && e.spool <= s.spool.stowed
}

// wanted is where an extent is on disk.
func (e *extent) wanted() Wanted {
	if e.record != 0 && !e.mixed {
		return Wanted{First: e.first, Record: e.record}
	}
	return Wanted{First: e.first, Record: e.spool, Spool: true}
}

func (s *State) pagedOut(e *PagedOut) {
	for _, in := range e.Intervals {
		l := s.lineOf(in.First)
		l.rememberExpiry()
		l.extents.eachListed(in.First, func(x *extent) bool {
			if x.end() > in.end() {
				return false
			}
			if x.first >= in.First && x.content != nil && s.onDisk(x) {
				s.goes(x.content, x.left)
				x.content = nil
				l.paged.add(Interval{x.first, uint64(x.n)})
			}
			return true
		})
	}
}

func (s *State) pagedIn(e *PagedIn) {
	for _, p := range e.Parts {
		l := s.lineOf(p.First)
		x := l.extents.listed(p.First)
		if x != nil && x.wanted() == p.Wanted && x.live > 0 && x.content == nil { // else it was settled meanwhile
			x.content = p.Content
			s.comes(p.Content, x.left)
			l.paged.remove(Interval{x.first, uint64(x.n)})
		}
	}
}

// Missing returns how many messages of an interval come before the first that is not in memory.
func (s *State) Missing(in Interval) (before uint64, missing bool) {
	paged := &s.lineOf(in.First).paged
	at := paged.search(in.First)
	if at == len(paged.runs) || paged.runs[at].First >= in.end() {
		return in.N, false
	}
	return max(paged.runs[at].First, in.First) - in.First, true
}

// Pageable are intervals of what may leave memory: what lies behind the first keep bytes to go, and what consumers have that their
// clients were sent: left is how far that is, by delivery sequence. What is not in memory or not on disk may be among it.
func (s *State) Pageable(keep int, left func(Key) uint64) []Interval {
	var out []Interval
	for i := len(s.lines) - 1; i >= 0; i-- {
		l := &s.lines[i]
		unsent := l.cursor // below: nothing is on its way to a client
		for _, c := range s.consumers {
			unsent = min(unsent, c.unsent(Level(i), left(c.Key), l.cursor))
		}
		spare := &intervals{}
		if first := l.extents.first(); first < unsent {
			spare.put(Interval{first, unsent - first})
		}
		if l.next > l.cursor {
			spare.put(Interval{l.cursor, l.next - l.cursor})
		}
		// The next to go stay, and what lies around them in their extents.
		l.waiting(func(in Interval) bool {
			if keep <= 0 {
				return false
			}
			l.extents.parts(in,
				func(c *Chapter) choice { // none of it is in memory
					if keep <= 0 {
						return enough
					}
					keep -= c.left
					return taken
				},
				func(x *extent, _, _ int) bool {
					if keep <= 0 {
						return false
					}
					spare.remove(Interval{x.first, uint64(x.n)})
					keep -= x.left
					return true
				})
			return true
		})
		for _, p := range l.paged.runs {
			spare.remove(p)
		}
		out = append(out, spare.runs...)
	}
	return out
}

// Ahead are the extents on disk alone among the first bytes to go, in the order of their turn. There may be one twice.
func (s *State) Ahead(bytes int) []Wanted {
	var out []Wanted
	for i := len(s.lines) - 1; i >= 0 && bytes > 0; i-- {
		l := &s.lines[i]
		l.waiting(func(in Interval) bool {
			l.extents.each(in.First, func(x *extent) bool {
				if x.first >= in.end() || bytes <= 0 {
					return false
				}
				if x.live == 0 {
					return true
				}
				bytes -= x.left
				out = want(out, x)
				return true
			})
			return bytes > 0
		})
	}
	return out
}

// want adds an extent that is on disk alone.
func want(out []Wanted, x *extent) []Wanted {
	if x.content != nil {
		return out
	}
	return append(out, x.wanted())
}

// DeadAhead are those among the first bytes of the dead. There may be one twice.
func (s *State) DeadAhead(bytes int) []Wanted {
	var out []Wanted
	for _, d := range s.dead {
		s.lineOf(d.First).extents.parts(d.Interval, func(*Chapter) choice { return read }, func(x *extent, _, _ int) bool {
			out = want(out, x)
			bytes -= x.left
			return bytes > 0
		})
		if bytes <= 0 {
			break
		}
	}
	return out
}

// HeadsAhead are those at the head of each level, where messages expire.
func (s *State) HeadsAhead() []Wanted {
	var out []Wanted
	for i := range s.lines {
		if l := &s.lines[i]; l.ready() > 0 {
			head, _ := l.head(1)
			l.extents.walk(head, func(x *extent, _, _ int) { out = want(out, x) })
		}
	}
	return out
}

// Within are the extents on disk alone that an interval reaches into.
func (s *State) Within(in Interval) []Wanted {
	var out []Wanted
	s.lineOf(in.First).extents.walk(in, func(e *extent, _, _ int) {
		if e.content == nil {
			out = append(out, e.wanted())
		}
	})
	return out
}

// Extent is the interval of the extent that begins with a message, and whether anything is left of it.
func (s *State) Extent(first uint64) (Interval, bool) {
	x := s.lineOf(first).extents.at(first)
	if x == nil || x.first != first || x.live == 0 {
		return Interval{}, false
	}
	return Interval{first, uint64(x.n)}, true
}

func (s *State) unreadable(e *Unreadable) {
	l := s.lineOf(e.First)
	for at := 0; at < len(s.dead); {
		d := s.dead[at]
		first, end := max(d.First, e.First), min(d.end(), e.end())
		if first >= end {
			at++
			continue
		}
		var left []Dead
		if first > d.First {
			left = append(left, Dead{Interval{d.First, first - d.First}, d.Reason})
		}
		if end < d.end() {
			left = append(left, Dead{Interval{end, d.end() - end}, d.Reason})
		}
		s.dead = slices.Replace(s.dead, at, at+1, left...)
		at += len(left)
		s.dying -= end - first
		s.settle(Interval{first, end - first})
	}
	l.pick(e.Interval, func(in Interval) {
		l.extents.thaw(in)
		s.bodies -= l.extents.bodies(in)
		s.settle(in)
	})
}

// InMemory estimates how many bytes are in memory from the next to go up to the first that is not; all of them when there is none.
func (s *State) InMemory() (bytes int, all bool) {
	if s.Ready() == 0 {
		return 0, true
	}
	near := uint64(0)
	for i := len(s.lines) - 1; i >= 0; i-- {
		whole := s.lines[i].waiting(func(in Interval) bool {
			before, missing := s.Missing(in)
			near += before
			return !missing
		})
		if !whole {
			return int(near) * max(1, s.bytes/int(s.Ready()+s.unacked+1)), false
		}
	}
	return s.resident, true
}
