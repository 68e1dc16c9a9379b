package ready

// Bodies is the size of the bodies that wait: what x-max-length-bytes counts (contract Q-15).
func (s *State) Bodies() int { return s.bodies }

// Out is the size of the bodies that consumers have.
func (s *State) Out() int { return s.out }

// Excess are the intervals that have to go for what waits to be within bounds: from the head, the lowest level first (contract Q-16).
// A bound below 0 is none.
func (s *State) Excess(messages, bodies int) (out []Interval) {
	count, bytes := 0, 0
	if messages >= 0 {
		count = int(s.Ready()) - messages
	}
	if bodies >= 0 {
		bytes = s.bodies - bodies
	}
	for i := range s.lines {
		l := &s.lines[i]
		l.waiting(func(in Interval) bool {
			n := uint64(min(max(count, 0), int(in.N)))
			if bytes > 0 {
				n = max(n, l.extents.reach(in, bytes))
			}
			if n > 0 {
				out = append(out, Interval{in.First, n})
				count -= int(n)
				bytes -= l.extents.bodies(Interval{in.First, n})
			}
			return count > 0 || bytes > 0
		})
		if count <= 0 && bytes <= 0 {
			break
		}
	}
	return out
}

// bodies is the size of the bodies of an interval, an estimate where they are on disk.
func (x *extents) bodies(in Interval) (n int) {
	x.parts(in,
		func(c *Chapter) choice { n += c.body; return taken },
		func(e *extent, from, to int) bool { n += e.bodies(from, to); return true })
	return n
}

func (e *extent) bodies(from, to int) (n int) {
	switch {
	case to-from == int(e.n):
		return e.body
	case e.content == nil:
		return e.body / int(e.n) * (to - from)
	}
	for i := from; i < to; i++ {
		n += len(e.content.Messages[i].Body)
	}
	return n
}

// reach is how many messages of an interval it takes for their bodies to have that many bytes, at most all of them.
func (x *extents) reach(in Interval, bytes int) (n uint64) {
	x.parts(in,
		func(c *Chapter) choice {
			switch {
			case bytes <= 0:
				return enough
			case bytes < c.body:
				return read
			}
			bytes -= c.body
			n += c.messages
			return taken
		},
		func(e *extent, from, to int) bool {
			for i := from; i < to && bytes > 0; i++ {
				bytes -= e.bodies(i, i+1)
				n++
			}
			return bytes > 0
		})
	return n
}
