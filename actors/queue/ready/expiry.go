package ready

// Expired is the interval at the head of some level whose time is over (contract Q-09: only what is at the head expires). N is 0 when
// there is none. missing says that a head is not in memory, so that nobody knows.
func (s *State) Expired(now int64) (in Interval, missing bool) {
	for i := range s.lines {
		l := &s.lines[i]
		if l.ready() == 0 {
			continue
		}
		head, _ := l.head(^uint64(0))
		near, away := s.Missing(head)
		if missing = missing || away && near == 0; near == 0 {
			continue
		}
		n := uint64(0)
		l.extents.walk(Interval{head.First, near}, func(e *extent, from, to int) {
			for i := from; i < to && n == e.first+uint64(i)-head.First; i++ {
				if at := e.content.expiry(i); at != 0 && at <= now {
					n++
				}
			}
		})
		if n > 0 {
			return Interval{head.First, n}, missing
		}
	}
	return Interval{}, missing
}

// NextExpiry is when the first of those at the heads expires, in Unix milliseconds; 0 for never.
func (s *State) NextExpiry() (at int64) {
	for i := range s.lines {
		l := &s.lines[i]
		if l.ready() == 0 {
			continue
		}
		head, _ := l.head(1)
		l.extents.walk(head, func(e *extent, from, _ int) {
			if e.content == nil {
				return
			}
			if x := e.content.expiry(from); x != 0 && (at == 0 || x < at) {
				at = x
			}
		})
	}
	return at
}

// Expires says that there are, or were, messages that expire.
func (s *State) Expires() bool { return s.expires }

// expiry is when a message expires, 0 for never.
func (c *Content) expiry(i int) int64 {
	if i >= len(c.Expiries) {
		return 0
	}
	return c.Expiries[i]
}
