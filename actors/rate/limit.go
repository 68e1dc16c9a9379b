package rate

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Rates are how much may pass in a second: messages, and bytes of their bodies. Below 0 is as much as there is, 0 nothing at all.
type Rates struct{ Messages, Bytes int64 }

// None says that there is no limit.
func (r Rates) None() bool { return r.Messages < 0 && r.Bytes < 0 }

// Limit is what all connections of one vhost, or of one user, may publish together, or be delivered. It belongs to no actor, and
// survives all of them. Whoever takes asks once for many messages.
type Limit struct {
	// By is the limit as people are told of it: "rate limit of vhost 'x'".
	By string

	mu       sync.Mutex
	rates    Rates
	messages Bucket
	bytes    Bucket
	waiting  []*Waiter
	timer    *time.Timer // nil while it is not armed
}

// Share is how much may be taken at once. A message that is larger passes alone.
type Share struct{ Messages, Bytes int }

// Everything is the share of whoever is not limited.
var Everything = Share{math.MaxInt, math.MaxInt}

// Waiter is one who finds limits closed, for one of them at a time. Its wake is called from anywhere, and must not block.
type Waiter struct {
	wake func()
	in   atomic.Pointer[Limit]
}

// NewWaiter returns one.
func NewWaiter(wake func()) *Waiter { return &Waiter{wake: wake} }

// Leave ends its waiting.
func (w *Waiter) Leave() {
	if l := w.in.Load(); l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.waiting = slices.DeleteFunc(l.waiting, func(o *Waiter) bool { return o == w })
		w.in.Store(nil)
	}
}

func newLimit(by string, r Rates) *Limit {
	now := time.Now()
	return &Limit{By: by, rates: r, messages: NewBucket(max(0, r.Messages), now), bytes: NewBucket(max(0, r.Bytes), now)}
}

// set changes the rates, and looks again at who waits.
func (l *Limit) set(r Rates) {
	l.mu.Lock()
	now := time.Now()
	change(&l.messages, l.rates.Messages, r.Messages, now)
	change(&l.bytes, l.rates.Bytes, r.Bytes, now)
	l.rates = r
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	l.mu.Unlock()
	l.next()
}

// change gives a bucket another rate; one that was no limit until now begins full.
func change(b *Bucket, before, rate int64, now time.Time) {
	switch {
	case rate < 0:
	case before < 0:
		*b = NewBucket(rate, now)
	default:
		b.Set(rate, now)
	}
}

// allow says how much may be taken now. When that is nothing, w waits its turn.
func (l *Limit) allow(w *Waiter) (Share, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, open := l.share(time.Now())
	if !open && w.in.Load() != l {
		w.in.Store(l)
		l.waiting = append(l.waiting, w)
		l.arm()
	}
	return s, open
}

func (l *Limit) share(now time.Time) (s Share, open bool) {
	s, open = Everything, true
	if l.rates.Messages >= 0 {
		s.Messages, open = l.messages.Share(), l.messages.Open(now)
	}
	if l.rates.Bytes >= 0 {
		s.Bytes, open = l.bytes.Share(), l.bytes.Open(now) && open
	}
	return s, open
}

func (l *Limit) shareNow() Share {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, _ := l.share(time.Now())
	return s
}

func (l *Limit) take(messages, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rates.Messages >= 0 {
		l.messages.Take(messages)
	}
	if l.rates.Bytes >= 0 {
		l.bytes.Take(bytes)
	}
}

// tick is how soon after one the next is woken at the earliest: the first has taken its share by then.
const tick = time.Millisecond

// arm has somebody woken when the limit opens.
func (l *Limit) arm() {
	if l.timer != nil || len(l.waiting) == 0 {
		return
	}
	in, ever := time.Duration(0), true
	now := time.Now()
	for _, b := range []*Bucket{&l.messages, &l.bytes} {
		if b == &l.messages && l.rates.Messages < 0 || b == &l.bytes && l.rates.Bytes < 0 {
			continue
		}
		wait, will := b.OpenIn(now)
		in, ever = max(in, wait), ever && will
	}
	if ever {
		l.timer = time.AfterFunc(max(in, tick), l.next)
	}
}

// next wakes those in front, as many as there are shares for. Who does not come for it leaves it to those behind.
func (l *Limit) next() {
	l.mu.Lock()
	l.timer = nil
	var woken []*Waiter
	if s, open := l.share(time.Now()); open {
		n := math.MaxInt
		if l.rates.Messages >= 0 {
			n = min(n, 1+int(l.messages.level)/s.Messages)
		}
		if l.rates.Bytes >= 0 {
			n = min(n, 1+int(l.bytes.level)/s.Bytes)
		}
		n = min(n, len(l.waiting))
		woken = slices.Clone(l.waiting[:n])
		if l.waiting = l.waiting[n:]; len(l.waiting) == 0 {
			l.waiting = nil
		}
		for _, w := range woken {
			w.in.Store(nil)
		}
	}
	l.arm()
	l.mu.Unlock()
	for _, w := range woken {
		w.wake()
	}
}
