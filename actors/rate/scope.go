package rate

import "sync/atomic"

// Scope is where the limits of one vhost, or of one user, are found. Whoever is held to them keeps the scope, so that a change is in
// force at once. A nil Scope has none.
type Scope struct {
	by      string
	publish atomic.Pointer[Limit]
	consume atomic.Pointer[Limit]
}

// Limits are what is in force for one who belongs to a vhost and to a user; nil for none.
type Limits [2]*Limit

// Publishing are the limits of who publishes in one scope and the other.
func Publishing(vhost, user *Scope) Limits {
	var l Limits
	if vhost != nil {
		l[0] = vhost.publish.Load()
	}
	if user != nil {
		l[1] = user.publish.Load()
	}
	return l
}

// Consuming are the limits of who is delivered messages.
func Consuming(vhost, user *Scope) Limits {
	var l Limits
	if vhost != nil {
		l[0] = vhost.consume.Load()
	}
	if user != nil {
		l[1] = user.consume.Load()
	}
	return l
}

// None says that there are none.
func (l Limits) None() bool { return l == Limits{} }

// Allow says how much may be taken now; when that is nothing, which limit stands against it. Then the waiter is woken when it is worth
// to ask again. Each limit has a waiter of its own.
func (l Limits) Allow(ofVHost, ofUser *Waiter) (s Share, closed *Limit) {
	s = Everything
	for i, w := range [...]*Waiter{ofVHost, ofUser} {
		if l[i] == nil {
			continue
		}
		mine, open := l[i].allow(w)
		if !open {
			return Share{}, l[i]
		}
		s.Messages, s.Bytes = min(s.Messages, mine.Messages), min(s.Bytes, mine.Bytes)
	}
	return s, nil
}

// Share is how much may be taken at a time, whenever that is.
func (l Limits) Share() Share {
	s := Everything
	for _, of := range l {
		if of != nil {
			mine := of.shareNow()
			s.Messages, s.Bytes = min(s.Messages, mine.Messages), min(s.Bytes, mine.Bytes)
		}
	}
	return s
}

// Take takes what was allowed, or more: it is made up for before anybody is allowed anything again.
func (l Limits) Take(messages, bytes int) {
	for _, of := range l {
		if of != nil {
			of.take(messages, bytes)
		}
	}
}

// set puts rates in force.
func (s *Scope) set(publish, consume Rates) {
	put(&s.publish, s.by, publish)
	put(&s.consume, s.by, consume)
}

func put(p *atomic.Pointer[Limit], by string, r Rates) {
	switch l := p.Load(); {
	case l == nil && r.None():
	case l == nil:
		p.Store(newLimit(by, r))
	case r.None():
		p.Store(nil)
		l.set(r) // for those who wait
	default:
		l.set(r)
	}
}
