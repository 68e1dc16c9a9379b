package session

import "slices"

// Confirms turns messages that are safe into as few acknowledgements as the protocol allows: one for everything up to a
// tag where it can be, single ones for what is out of order.
type Confirms struct {
	low  uint64     // lowest tag that is not confirmed
	done []tagRange // confirmed above low, ordered, apart
}

type tagRange struct{ first, last uint64 }

// Confirm acknowledges one tag, or with Multiple all up to it (basic.ack); with Nack it says that the message may be lost
// (basic.nack).
type Confirm struct {
	Tag      uint64
	Multiple bool
	Nack     bool
}

// add enters the tags first..last, none of which was entered before, and returns the acknowledgements.
func (c *Confirms) add(first, last uint64) []Confirm {
	at, _ := slices.BinarySearchFunc(c.done, first, func(r tagRange, tag uint64) int {
		if r.first < tag {
			return -1
		}
		return 1
	})
	c.done = slices.Insert(c.done, at, tagRange{first, last})
	if at+1 < len(c.done) && c.done[at+1].first == last+1 {
		c.done[at].last = c.done[at+1].last
		c.done = slices.Delete(c.done, at+1, at+2)
	}
	if at > 0 && c.done[at-1].last+1 == first {
		c.done[at-1].last = c.done[at].last
		c.done = slices.Delete(c.done, at, at+1)
	}
	if c.done[0].first == c.low {
		old := c.low
		c.low = c.done[0].last + 1
		c.done = slices.Delete(c.done, 0, 1)
		return []Confirm{{Tag: c.low - 1, Multiple: c.low-1 > old}}
	}
	out := make([]Confirm, 0, last-first+1)
	for tag := first; tag <= last; tag++ {
		out = append(out, Confirm{Tag: tag})
	}
	return out
}

func (c Confirms) clone() Confirms { return Confirms{low: c.low, done: slices.Clone(c.done)} }
