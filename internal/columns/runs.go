package columns

import "encoding/binary"

// Runs is a set of numbers, packed: of each run of consecutive ones how far it begins behind the end of the one before, and its length.
// Where a hundred million follow each other it takes a handful of bytes. The zero value is empty.
type Runs struct {
	packed []byte // all runs but the last, two varints each
	end    uint64 // of those
	from   uint64 // the last run
	to     uint64 // is not in it; 0 when there is none
	n      uint64
}

// Len is how many numbers there are.
func (r *Runs) Len() uint64 { return r.n }

// Add puts in a number above all others, which is not the highest there is.
func (r *Runs) Add(v uint64) { r.AddRun(v, v+1) }

// AddRun puts in the numbers from..to, to not among them, above all others.
func (r *Runs) AddRun(from, to uint64) {
	if r.n += to - from; r.to == from && r.to > 0 {
		r.to = to
		return
	}
	if r.to > 0 {
		r.packed = binary.AppendUvarint(binary.AppendUvarint(r.packed, r.from-r.end), r.to-r.from)
		r.end = r.to
	}
	r.from, r.to = from, to
}

// Cursor goes through runs in order.
type Cursor struct {
	of       *Runs
	at       int    // in of.packed
	from, to uint64 // the run it is at
}

// Cursor is in front of the first run. The set must not be changed as long as it is in use.
func (r *Runs) Cursor() Cursor { return Cursor{of: r} }

// Next is the next run, from..to, to not in it; more is false behind the last.
func (c *Cursor) Next() (from, to uint64, more bool) {
	switch r := c.of; {
	case c.at < len(r.packed):
		gap, n := binary.Uvarint(r.packed[c.at:])
		length, m := binary.Uvarint(r.packed[c.at+n:])
		c.at += n + m
		c.from = c.to + gap
		c.to = c.from + length
	case c.to < r.to:
		c.from, c.to = r.from, r.to
	default:
		return c.to, c.to, false
	}
	return c.from, c.to, true
}

// Count is how many numbers of from..to there are, to not counted. From one call to the next from does not fall; what is behind it may be
// asked again, a whole page first and then each of its entries.
func (c *Cursor) Count(from, to uint64) (n uint64) {
	for c.to <= from {
		if _, _, more := c.Next(); !more {
			return 0
		}
	}
	for look := *c; ; {
		if lo, hi := max(from, look.from), min(to, look.to); lo < hi {
			n += hi - lo
		}
		if look.to >= to {
			return n
		}
		if _, _, more := look.Next(); !more {
			return n
		}
	}
}

// Strands gathers numbers, each once, that come in a few rising strands, in which order ever: those of one queue's level behind those of
// another.
type Strands struct {
	all  []Runs
	last int // that a number went to
}

// strandsMost is how many there may be before they are made one. A number that fits the strand of the one before finds it at once.
const strandsMost = 512

// Add puts in a number.
func (s *Strands) Add(v uint64) {
	if len(s.all) > 0 && s.all[s.last].to <= v {
		s.all[s.last].Add(v)
		return
	}
	for i := range s.all {
		if s.all[i].to <= v {
			s.last = i
			s.all[i].Add(v)
			return
		}
	}
	if len(s.all) == strandsMost {
		s.all = append(s.all[:0], s.Runs())
	}
	s.last = len(s.all)
	s.all = append(s.all, Runs{})
	s.all[s.last].Add(v)
}

// Runs are all of them.
func (s *Strands) Runs() (out Runs) {
	if len(s.all) == 1 {
		return s.all[0]
	}
	var cursors []Cursor
	for i := range s.all {
		c := s.all[i].Cursor()
		c.Next()
		cursors = append(cursors, c)
	}
	for len(cursors) > 0 {
		least := 0
		for i := range cursors {
			if cursors[i].from < cursors[least].from {
				least = i
			}
		}
		c := &cursors[least]
		out.AddRun(c.from, c.to)
		if _, _, more := c.Next(); !more {
			cursors[least] = cursors[len(cursors)-1]
			cursors = cursors[:len(cursors)-1]
		}
	}
	return out
}
