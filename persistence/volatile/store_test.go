package volatile

import (
	"slices"
	"testing"
)

func TestStoreKeepsStreamsByName(t *testing.T) {
	// DESIGN 5: a stream lives until its session or queue is gone, and is found by whoever opens it next.
	st := NewStore()
	claim(t, open(st), 1)
	fill(t, open(st), 1, 0, 3)
	if got := claim(t, open(st), 2).State.numbers; !slices.Equal(got, numbers(3)) || st.Len() != 1 {
		t.Fatalf("%v, %d streams", got, st.Len())
	}
	st.Drop("s")
	st.Drop("s")
	if st.Len() != 0 {
		t.Fatalf("%d streams after the drop", st.Len())
	}
	if got := claim(t, open(st), 3).State.numbers; len(got) != 0 {
		t.Fatalf("a new stream of that name has %v", got)
	}
}

// other is a state of another type than list.
type other struct{}

func (other) Apply(int)    {}
func (other) Clone() other { return other{} }

func TestStoreRefusesAnotherType(t *testing.T) {
	// Our fault is a panic: a name belongs to one type of state.
	st := NewStore()
	open(st)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
		if st.Len() != 1 { // and the lock is free
			t.Error("the stream is gone")
		}
	}()
	Open(st, "s", func() other { return other{} })
}

func TestDisturbedAppendsPanic(t *testing.T) {
	// docs/configuration.md, chaos.append_panics: in front of the append and behind it, never the first one behind a claim; whatever is
	// in the stream is what the next writer gets.
	st := NewStore()
	st.Disturb(2)
	s := open(st)
	var kept []int
	front, behind := 0, 0
	for i := range uint64(400) {
		if got := claim(t, s, i+1).State.numbers; !slices.Equal(got, kept) {
			t.Fatalf("recovered %v, want %v", got, kept)
		}
		fill(t, s, i+1, int(2*i), 1)
		kept = append(kept, int(2*i))
		func() {
			before := len(kept)
			defer func() {
				recover()
				s.View(func(base *list, tail []int) {
					if n := len(base.numbers) + len(tail); n == before {
						front++
					} else {
						behind++
						kept = append(kept, int(2*i+1))
					}
				})
			}()
			fill(t, s, i+1, int(2*i+1), 1)
		}()
	}
	if front < 50 || behind < 50 {
		t.Errorf("%d in front, %d behind or not at all", front, behind)
	}
}
