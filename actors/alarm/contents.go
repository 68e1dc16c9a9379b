package alarm

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Contents is what all connections together may have between their sockets and the queues, in bytes: contents that arrive, debited
// at their header, before anything of them is read, and what is on its way to queues beyond each connection's own little share
// ([Guaranteed]). Who finds too little waits in turn. What a connection has begun it can finish, since all of it was debited; and
// whoever waits has its turn even if those in front of it never give back what they hold (their clients stand still, or each has
// begun one content on one channel and waits for another), only later.
type Contents struct {
	total   atomic.Int64
	held    atomic.Int64
	readers atomic.Int64
	queued  atomic.Int32 // how many wait; written under mu

	mu      sync.Mutex
	waiting []*Share
	moved   time.Time   // when something was last given back, or granted without
	timer   *time.Timer // nil while nobody waits
}

// Share is one connection's place in the line.
type Share struct {
	of      *Contents
	bytes   int64
	wake    func() // called from anywhere; must not block
	waits   bool   // in the line; guarded by mu
	granted bool   // likewise: debited, and not asked for again yet
}

const (
	// Guaranteed is what each connection has of its own between socket and queues. It takes nothing of anybody else's.
	Guaranteed = 16 << 10
	// contentsLeast is enough for some messages, however little memory there is.
	contentsLeast = 1 << 20
	// contentsOf is which part of the high mark they may take; read buffers may take as much again.
	contentsOf = 8
	// A read buffer is never smaller or larger.
	slabLeast = 4 << 10
	slabMost  = 256 << 10
)

// stalled is for how long nothing moves until the first in line has its turn all the same.
const stalled = 5 * time.Second

// mark follows the high mark of memory.
func (c *Contents) mark(high int64) {
	c.total.Store(max(contentsLeast, high/contentsOf))
	c.grant(0)
}

// Join makes one more connection that reads, and returns its place.
func (c *Contents) Join(wake func()) *Share {
	c.readers.Add(1)
	return &Share{of: c, wake: wake}
}

// Leave ends it. What it holds, it has to give back by itself.
func (s *Share) Leave() {
	s.of.readers.Add(-1)
	s.StepOut()
}

// StepOut gives up its place in the line, and what it was granted and has not fetched.
func (s *Share) StepOut() {
	c := s.of
	c.mu.Lock()
	s.forget()
	woken := c.serve(0)
	c.mu.Unlock()
	wake(woken)
}

// forget ends what it last asked for. c.mu is held, and those behind it are to be served.
func (s *Share) forget() {
	switch {
	case s.granted:
		s.granted = false
		s.of.held.Add(-s.bytes)
	case s.waits:
		s.of.drop(s)
	}
}

// Slab is how large a read buffer may be, a power of two: with many connections all of them must not take what bodies need.
func (c *Contents) Slab() int {
	each := c.total.Load() / max(1, c.readers.Load())
	size := int64(slabMost)
	for size > slabLeast && size > each {
		size /= 2
	}
	return int(size)
}

// Open says that there is room for more, and nobody waits for it.
func (c *Contents) Open() bool { return c.queued.Load() == 0 && c.held.Load() < c.total.Load() }

// Held is what is held now.
func (c *Contents) Held() int64 { return c.held.Load() }

// Hold enters what is held without having been asked for, or gives back.
func (c *Contents) Hold(delta int64) {
	if c.held.Add(delta); delta < 0 && c.queued.Load() > 0 {
		c.grant(0)
	}
}

// Take debits bytes, and says whether they may be used. If not, it is in line, and is to ask again, for as much, when it is woken.
func (s *Share) Take(bytes int) bool {
	c := s.of
	c.mu.Lock()
	switch as := s.bytes == int64(bytes); {
	case s.granted && as:
		s.granted = false
		c.mu.Unlock()
		return true
	case s.waits && as:
		c.mu.Unlock()
		return false
	}
	s.forget() // it needs something else by now
	if len(c.waiting) == 0 && c.fits(int64(bytes)) {
		c.held.Add(int64(bytes))
		c.mu.Unlock()
		return true
	}
	s.bytes, s.waits = int64(bytes), true
	c.waiting = append(c.waiting, s)
	c.queued.Store(int32(len(c.waiting)))
	if c.timer == nil {
		c.moved = time.Now()
		c.timer = time.AfterFunc(stalled, c.look)
	}
	// What was given back since fits looked found nobody in line, and what it had asked for before may have kept others waiting.
	woken := c.serve(0)
	got := s.granted
	s.granted = false
	c.mu.Unlock()
	wake(slices.DeleteFunc(woken, func(w *Share) bool { return w == s }))
	return got
}

// fits says that so much more may be held. What is larger than all there is goes alone.
func (c *Contents) fits(bytes int64) bool {
	held := c.held.Load()
	return held+bytes <= c.total.Load() && (bytes > 0 || held < c.total.Load()) || held <= 0
}

// drop takes one out of the line.
func (c *Contents) drop(s *Share) {
	s.waits = false
	for i, w := range c.waiting {
		if w == s {
			c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
			break
		}
	}
	c.queued.Store(int32(len(c.waiting)))
	if len(c.waiting) == 0 {
		c.waiting = nil
		if c.timer != nil {
			c.timer.Stop()
			c.timer = nil
		}
	}
}

// grant gives those in front what there is, since something was given back, or another overdrawn what there is not.
func (c *Contents) grant(overdrawn int) {
	c.mu.Lock()
	if overdrawn == 0 {
		c.moved = time.Now()
	}
	woken := c.serve(overdrawn)
	c.mu.Unlock()
	wake(woken)
}

// serve takes out of the line who has its turn, and is to be woken. c.mu is held.
func (c *Contents) serve(overdrawn int) (woken []*Share) {
	for len(c.waiting) > 0 {
		s := c.waiting[0]
		if !c.fits(s.bytes) {
			if overdrawn == 0 {
				break
			}
			overdrawn--
		}
		c.held.Add(s.bytes)
		c.drop(s)
		s.granted = true
		woken = append(woken, s)
	}
	return woken
}

func wake(woken []*Share) {
	for _, s := range woken {
		s.wake()
	}
}

// look is the clock's: nothing may have moved for long.
func (c *Contents) look() {
	c.mu.Lock()
	if c.timer == nil { // stopped too late
		c.mu.Unlock()
		return
	}
	due := stalled - time.Since(c.moved)
	over := due <= 0
	if over {
		c.moved, due = time.Now(), stalled
	}
	c.timer.Reset(due)
	c.mu.Unlock()
	if over {
		c.grant(1)
	}
}
