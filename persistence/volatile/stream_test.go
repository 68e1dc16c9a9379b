package volatile

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// list is a state: the numbers that were appended to it. A negative number panics.
type list struct {
	numbers []int
	applied *int // over all copies
}

func (l *list) Apply(n int) {
	if n < 0 {
		panic(fmt.Sprintf("cannot apply %d", n))
	}
	if l.applied != nil {
		*l.applied++
	}
	l.numbers = append(l.numbers, n)
}

func (l *list) Clone() *list { return &list{slices.Clone(l.numbers), l.applied} }

func open(st *Store) *Stream[*list, int] {
	return Open(st, "s", func() *list { return &list{} })
}

// claim returns what an incarnation recovers.
func claim(t *testing.T, s *Stream[*list, int], incarnation uint64) Recovered[*list, int] {
	t.Helper()
	got, err := s.Claim(incarnation)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func fill(t *testing.T, s *Stream[*list, int], incarnation uint64, from, n int) {
	t.Helper()
	for i := range n {
		if err := s.Append(incarnation, from+i); err != nil {
			t.Fatal(err)
		}
	}
}

func numbers(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

func TestStreamOutlivesItsWriter(t *testing.T) {
	// DESIGN 5: an actor is a fold over its stream, however many events there were.
	for _, n := range []int{0, 1, foldAfter - 1, foldAfter, foldAfter + 1, 10 * foldAfter} {
		s := open(NewStore())
		claim(t, s, 1)
		fill(t, s, 1, 0, n)
		if got := claim(t, s, 2); !slices.Equal(got.State.numbers, numbers(n)) {
			t.Errorf("of %d events: %v", n, got)
		}
	}
}

func TestStreamRefusesStaleWriters(t *testing.T) {
	// DESIGN 5, incarnations: a stuck actor that was replaced cannot write any more, and a refusal is an error to it.
	s := open(NewStore())
	if err := s.Append(7, 0); !errors.Is(err, ErrStale) {
		t.Errorf("append without a claim: %v", err)
	}
	claim(t, s, 7)
	fill(t, s, 7, 0, 1)
	claim(t, s, 9)
	if err := s.Append(7, 1); !errors.Is(err, ErrStale) {
		t.Errorf("append by the one before: %v", err)
	}
	if err := s.Append(11, 1); !errors.Is(err, ErrStale) {
		t.Errorf("append by one that has not claimed: %v", err)
	}
	if _, err := s.Claim(8); !errors.Is(err, ErrStale) {
		t.Errorf("claim by one between: %v", err)
	}
	s.Fold(7)
	fill(t, s, 9, 1, 1)
	if got := claim(t, s, 9); !slices.Equal(got.State.numbers, numbers(2)) {
		t.Errorf("after the refusals: %v", got)
	}
}

func TestStreamQuarantinesWhatPanics(t *testing.T) {
	// DESIGN 5, poison: an event whose replay panics is taken out, and said to be, so that its actor can start.
	st := NewStore()
	var kept []Quarantined
	st.Keep(func(q Quarantined) { kept = append(kept, q) })
	s := open(st)
	claim(t, s, 1)
	fill(t, s, 1, 0, 10*foldAfter)
	s.Fold(1) // so that it stands behind a folded state
	for _, n := range []int{-3, 10 * foldAfter, -5} {
		fill(t, s, 1, n, 1)
	}
	got := claim(t, s, 2)
	if !slices.Equal(got.State.numbers, numbers(10*foldAfter+1)) {
		t.Errorf("state %v", got.State.numbers)
	}
	if want := "[{s 2 -3 cannot apply -3} {s 2 -5 cannot apply -5}]"; fmt.Sprint(kept) != want {
		t.Errorf("quarantined %v", kept)
	}
	fill(t, s, 2, 10*foldAfter+1, 2*foldAfter)
	if got := claim(t, s, 3); !slices.Equal(got.State.numbers, numbers(12*foldAfter+1)) || len(kept) != 2 {
		t.Errorf("afterwards: %v, %v", got, kept)
	}
}

func TestQuarantinedShowsWhatItLeadsTo(t *testing.T) {
	// Promise: a pointer's number in a file helps nobody.
	type content struct{ Key string }
	type event struct {
		Step  uint64
		What  any
		other any
	}
	for _, c := range []struct {
		event any
		want  string
	}{
		{7, "int 7\n"},
		{&content{"k"}, "*volatile.content &{Key:k}\n"},
		{event{Step: 3, other: 1}, "volatile.event {Step:3 What:<nil> other:1}\n"},
	} {
		if got := string((&Quarantined{Event: c.event}).Describe()); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	got := string((&Quarantined{Event: event{Step: 3, What: &content{"k"}}}).Describe())
	if want := "What: *volatile.content &{Key:k}\n"; !strings.HasSuffix(got, want) {
		t.Errorf("%q does not end in %q", got, want)
	}
}

func TestStreamStateIsTheClaimersOwn(t *testing.T) {
	// DESIGN 5: what a stream holds is never shared with the live state.
	s := open(NewStore())
	claim(t, s, 1)
	fill(t, s, 1, 0, foldAfter+3)
	one := claim(t, s, 1).State
	for i := range one.numbers {
		one.numbers[i] = 77
	}
	one.Apply(78)
	if got := claim(t, s, 2).State.numbers; !slices.Equal(got, numbers(foldAfter+3)) {
		t.Errorf("the stream has %v", got)
	}
}

func TestStreamIsBounded(t *testing.T) {
	// Promise 2: events that wait to be folded are bounded, and each is folded once.
	applied := 0
	s := Open(NewStore(), "s", func() *list { return &list{applied: &applied} })
	claim(t, s, 1)
	for n := range 10_000 {
		fill(t, s, 1, n, 1)
		s.View(func(base *list, tail []int) {
			if len(tail) == 0 || len(tail) > foldAfter || len(base.numbers)+len(tail) != n+1 {
				t.Fatalf("%d folded, %d waiting after %d", len(base.numbers), len(tail), n+1)
			}
		})
	}
	if applied > 10_000 {
		t.Errorf("%d events applied for 10000", applied)
	}
}

func TestStreamFold(t *testing.T) {
	// Promise 2: a queue that was drained does not hold its last messages in events.
	s := open(NewStore())
	claim(t, s, 1)
	fill(t, s, 1, 1, foldAfter)
	s.Fold(1)
	s.View(func(base *list, tail []int) {
		if len(tail) != 0 || len(base.numbers) != foldAfter {
			t.Errorf("%v, %v", base.numbers, tail)
		}
		if rest := tail[:cap(tail)]; slices.ContainsFunc(rest, func(n int) bool { return n != 0 }) {
			t.Errorf("events are held still: %v", rest)
		}
	})
}

func TestStreamRace(t *testing.T) {
	// DESIGN 5: whoever of several incarnations wakes up late, only the newest writes, and what it wrote is all there is.
	s := open(NewStore())
	var wg sync.WaitGroup
	wrote := make([][]int, 9)
	for i := 1; i <= 8; i++ {
		wg.Go(func() {
			if _, err := s.Claim(uint64(i)); err != nil {
				return
			}
			for n := range 500 {
				if s.Append(uint64(i), i*1000+n) != nil {
					return
				}
				wrote[i] = append(wrote[i], i*1000+n)
			}
		})
	}
	wg.Wait()
	if got := claim(t, s, 9).State.numbers; !slices.Equal(got, slices.Concat(wrote...)) {
		t.Errorf("the stream has %d events, in another order than they were accepted", len(got))
	}
}

// A fold that fails in the middle, since the disk does that a state has some of itself on, does not have the events in front of it happen
// twice (DESIGN section 5).
func TestFoldThatFailsHappensOnce(t *testing.T) {
	s := open(NewStore())
	claim(t, s, 1)
	for _, n := range []int{0, 1, -1, 2} {
		if err := s.Append(1, n); err != nil {
			t.Fatal(err)
		}
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_ = s.Append(1, 3)
	}()
	if got := claim(t, s, 2).State.numbers; !slices.Equal(got, numbers(3)) {
		t.Errorf("the next has %v", got)
	}
}
