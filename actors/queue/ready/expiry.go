package ready

// Expired is the interval at the head of some level whose time is over (contract Q-09: only what is at the head expires). N is 0 when
// there is none. missing says that a head is not in memory, and that nobody knows.
func (s *State) Expired(now int64) (in Interval, missing bool) {
	for i := range s.lines {
		l := &s.lines[i]
		if l.ready() == 0 {
			continue
		}
		head, _ := l.head(^uint64(0))
		near, away := s.Missing(head)
		if away && near == 0 {
			switch at, known := l.headExpiry(head.First); {
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
				if at := e.content.expiry(int(head.First + n - e.first)); at == 0 || at > now {
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
func (s *State) NextExpiry() (at int64) {
	for i := range s.lines {
		l := &s.lines[i]
		if l.ready() == 0 {
			continue
		}
		head, _ := l.head(1)
		if x, known := l.headExpiry(head.First); known && x != 0 && (at == 0 || x < at) {
			at = x
		}
	}
	return at
}

// headExpiry is when the message at the head expires, 0 for never, and whether that is known.
func (l *line) headExpiry(head uint64) (at int64, known bool) {
	if x := l.extents.at(head); x.content != nil {
		return x.content.expiry(int(head - x.first)), true
	}
	return l.expiry.at, l.expiry.index == head && l.expiry.known
}

// rememberExpiry is for a head that is about to leave memory: who waits for its time need not read it again.
func (l *line) rememberExpiry() {
	if l.ready() == 0 {
		return
	}
	head, _ := l.head(1)
	if at, known := l.headExpiry(head.First); known {
		l.expiry = headExpiry{head.First, at, true}
	}
}

// headExpiry is when a message expires, 0 for never.
type headExpiry struct {
	index uint64
	at    int64
	known bool // there is such a message
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
