// Package volatile holds streams in memory: they survive their actor, not the process.
//
// A stream is the truth about one session, one queue, one vhost: its events in order, the older ones already folded into
// a state. An actor is a fold over its stream. It claims the stream with its incarnation, works on a copy of the
// state, and appends an event before it applies it to that copy, so that a panic at any moment leaves behind what
// was decided, and nothing half done.
package volatile

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"warren/supervision"
)

// State is what the events E of a stream fold to.
type State[S any, E any] interface {
	// Apply changes the state by one event. It is called once on the writer's copy and once on the stream's own, and
	// must do the same to both: no clock, no randomness, nothing from outside.
	Apply(E)
	// Clone returns a copy that shares nothing that either of the two may still change.
	Clone() S
}

// ErrStale refuses an append by an incarnation that a newer one has replaced.
var ErrStale = errors.New("stream belongs to a newer incarnation")

// foldAfter is how many events wait before they are folded into the stream's state. Few, because a waiting event keeps
// alive what it carries, messages in a read buffer for example, long after they have gone. The newest always waits: its
// writer has not applied it yet, and may find that it cannot be.
const foldAfter = 4

// Stream is written by one actor at a time, the one that claimed it last. Appending is a call, not a message.
type Stream[S State[S, E], E any] struct {
	name string

	mu     sync.Mutex // uncontended but for a replaced writer that wakes up
	writer uint64     // incarnation that may append
	folded bool       // there is a base; before, it is what empty makes
	base   S
	tail   []E
	empty  func() S

	panics int                  // one in so many appends; 0 for none
	spared bool                 // the next one, whatever chance says
	deadly func(event any) bool // nil: none is
	keep   func(Quarantined)    // hears what is taken out; nil for nobody
}

// Recovered is what a writer gets when it claims a stream.
type Recovered[S any, E any] struct {
	State S
}

// Claim makes incarnation the stream's only writer and returns a state of its own. An event whose replay panics is
// taken out, since otherwise the actor could never start again, and [Store.Keep] hears of it.
func (s *Stream[S, E]) Claim(incarnation uint64) (Recovered[S, E], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if incarnation < s.writer {
		return Recovered[S, E]{}, fmt.Errorf("claim %s for incarnation %d, held by %d: %w", s.name, incarnation, s.writer, ErrStale)
	}
	s.writer, s.spared = incarnation, true
	for {
		state := s.start()
		bad, reason := s.replay(state)
		if bad < 0 {
			return Recovered[S, E]{State: state}, nil
		}
		if s.keep != nil {
			s.keep(Quarantined{Stream: s.name, Incarnation: incarnation, Event: s.tail[bad], Reason: reason})
		}
		s.tail = append(s.tail[:bad:bad], s.tail[bad+1:]...)
	}
}

// start is a copy of what is folded. A stream of which nothing is needs no state of its own: most of those that idle have few events.
func (s *Stream[S, E]) start() S {
	if !s.folded {
		return s.empty()
	}
	return s.base.Clone()
}

// replay folds the waiting events into a copy; bad is the position of the event that panicked, or -1.
func (s *Stream[S, E]) replay(state S) (bad int, reason any) {
	defer func() {
		if reason = recover(); reason == nil {
			bad = -1
		}
	}()
	for i, e := range s.tail {
		bad = i
		s.taste(e)
		state.Apply(e)
	}
	return bad, nil
}

// Append adds an event, before the writer applies it to its own state.
func (s *Stream[S, E]) Append(incarnation uint64, e E) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if incarnation != s.writer {
		return fmt.Errorf("append to %s by incarnation %d, held by %d: %w", s.name, incarnation, s.writer, ErrStale)
	}
	if s.panics > 0 {
		defer s.disturb()()
	}
	if len(s.tail) >= foldAfter {
		s.fold()
	}
	s.tail = append(s.tail, e)
	s.taste(e)
	return nil
}

func (s *Stream[S, E]) taste(e E) {
	if s.deadly != nil && s.deadly(e) {
		panic("poisoned event (chaos.poison)")
	}
}

// disturb panics, or returns what panics, or does neither.
func (s *Stream[S, E]) disturb() (behind func()) {
	if s.spared {
		s.spared = false
		return func() {}
	}
	switch rand.IntN(2 * s.panics) {
	case 0:
		panic(supervision.Injection("in front of an append to " + s.name))
	case 1:
		return func() { panic(supervision.Injection("behind an append to " + s.name)) }
	}
	return func() {}
}

// Fold lets go of the waiting events before their number is up. It is for a writer that has carried out all they ask for
// and whose state has become small, because the events may hold much more.
func (s *Stream[S, E]) Fold(incarnation uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if incarnation == s.writer {
		s.fold()
	}
}

// fold moves the waiting events into the stream's state. The writer has applied every one of them to its own state
// before it appended the next, so none of them panics here, unless the disk fails that a state has some of itself on: then those
// in front have been moved.
func (s *Stream[S, E]) fold() {
	if len(s.tail) == 0 {
		return
	}
	s.needBase()
	n := 0
	defer func() { s.tail = slices.Delete(s.tail, 0, n) }()
	for ; n < len(s.tail); n++ {
		s.base.Apply(s.tail[n])
	}
}

func (s *Stream[S, E]) needBase() {
	if !s.folded {
		s.base, s.folded = s.empty(), true
	}
}

// View calls f with the folded state and the events behind it. f must not keep or change either.
func (s *Stream[S, E]) View(f func(base S, tail []E)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.needBase()
	f(s.base, s.tail)
}
