package ready

// Age is how long what waits in a queue may wait (contract Q-08): TTL milliseconds, when it is Limited at all. Since is when that came
// into force, in Unix milliseconds.
type Age struct {
	Limited    bool
	TTL, Since int64
}

// Expired is the interval at the head of some level whose time is over (contract Q-09: only what is at the head expires). N is 0 when
// there is none. missing says that a head is not in memory, and that nobody knows.
func (s *State) Expired(now int64, age Age) (in Interval, missing bool) {
	for i := range s.lines {
		l := &s.lines[i]
		if l.ready() == 0 {
			continue
		}
		head, _ := l.head(^uint64(0))
		near, away := s.Missing(head)
		if away && near == 0 {
			switch at, known := l.headExpiry(head.First, age); {
			case !known:
				missing = true
			case at != 0 && at <= now:
				return Interval{head.First, 1}, missing
			}
			continue
		}
		n := uint64(0)
		l.extents.each(head.First, func(e *extent) bool {
			for n < near && head.First+n < e.end() {
				if at := e.content.expiry(int(head.First+n-e.first), age); at == 0 || at > now {
					return false
				}
				n++
			}
			return n < near
		})
		if n > 0 {
			return Interval{head.First, n}, missing
		}
	}
	return Interval{}, missing
}

// NextExpiry is when the first of those at the heads expires, in Unix milliseconds; 0 for never.
func (s *State) NextExpiry(age Age) (at int64) {
	for i := range s.lines {
		l := &s.lines[i]
		if l.ready() == 0 {
			continue
		}
		head, _ := l.head(1)
		if x, known := l.headExpiry(head.First, age); known && x != 0 && (at == 0 || x < at) {
			at = x
		}
	}
	return at
}

// headExpiry is when the message at the head expires, 0 for never, and whether that is known.
func (l *line) headExpiry(head uint64, age Age) (at int64, known bool) {
	if !l.paged.has(head) {
		x := l.extents.at(head)
		return x.content.expiry(int(head-x.first), age), true
	}
	return age.expiry(l.expiry.arrived, l.expiry.own), l.expiry.index == head && l.expiry.known
}

// rememberExpiry is for a head that is about to leave memory: who waits for its time need not read it again.
func (l *line) rememberExpiry() {
	if l.ready() == 0 {
		return
	}
	head, _ := l.head(1)
	if !l.paged.has(head.First) {
		x := l.extents.at(head.First)
		l.expiry = headExpiry{head.First, x.content.Arrived, x.content.own(int(head.First - x.first)), true}
	}
}

// headExpiry is what decides when a message expires.
type headExpiry struct {
	index        uint64
	arrived, own int64 // 0 for unknown and for never
	known        bool  // there is such a message
}

// Expires says that there are, or were, messages that expire.
func (s *State) Expires() bool { return s.expires }

// own is when a message expires by its own time to live, 0 for never.
func (c *Content) own(i int) int64 {
	if i >= len(c.Expiries) {
		return 0
	}
	return c.Expiries[i]
}

// expiry is when a message expires, 0 for never.
func (c *Content) expiry(i int, age Age) int64 { return age.expiry(c.Arrived, c.own(i)) }

// expiry is by a message's own time to live or the queue's, whichever ends first. The queue's begins when the message came, or with the
// limit where nobody knows when that was.
func (a Age) expiry(arrived, own int64) int64 {
	if !a.Limited {
		return own
	}
	if arrived == 0 {
		arrived = a.Since
	}
	if at := arrived + a.TTL; own == 0 || at < own {
		return at
	}
	return own
}
