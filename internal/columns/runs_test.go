package columns

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func values(r *Runs) (out []uint64) {
	for c := r.Cursor(); ; {
		from, to, more := c.Next()
		if !more {
			return out
		}
		for v := from; v < to; v++ {
			out = append(out, v)
		}
	}
}

// What a checkpoint says lives is what lives, in whatever strands it was gathered, and however the journal asks for it.
func TestRunsAgainstASlice(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		var want []uint64
		strands := make([][]uint64, 1+r.IntN(5))
		for v, n := r.Uint64N(3), r.IntN(200); n > 0; n-- {
			at := r.IntN(len(strands))
			strands[at] = append(strands[at], v)
			want = append(want, v)
			if v++; r.IntN(3) == 0 {
				v += r.Uint64N(1 << (1 + r.IntN(40)))
			}
		}
		var s Strands
		for _, strand := range strands {
			for _, v := range strand {
				s.Add(v)
			}
		}
		runs := s.Runs()
		if got := values(&runs); !slices.Equal(got, want) || runs.Len() != uint64(len(want)) {
			t.Fatalf("seed %d: %d numbers %v, want %v", seed, runs.Len(), got, want)
		}
		c := runs.Cursor()
		for from := uint64(0); ; {
			to := from + r.Uint64N(1<<(1+r.IntN(30)))
			n := 0
			for _, v := range want {
				if from <= v && v < to {
					n++
				}
			}
			if got := c.Count(from, to); got != uint64(n) {
				t.Fatalf("seed %d: %d numbers of %v from %d to %d", seed, got, want, from, to)
			}
			if from = to + r.Uint64N(3); len(want) == 0 || from > want[len(want)-1] {
				break
			}
		}
	}
}

// DESIGN section 7, paging of the index: what lives of a hundred million messages that came one behind the other is no list of them.
func TestRunsBytes(t *testing.T) {
	var even, gaps Strands
	for v := range uint64(1_000_000) {
		even.Add(v)
		gaps.Add(2 * v)
	}
	if r := even.Runs(); len(r.packed) != 0 || r.Len() != 1_000_000 {
		t.Errorf("%d bytes for %d numbers without a gap", len(r.packed), r.Len())
	}
	if r := gaps.Runs(); len(r.packed) > 2_000_000 {
		t.Errorf("%d bytes for %d numbers with gaps", len(r.packed), r.Len())
	}
}

// Numbers in no order at all are gathered all the same.
func TestStrandsOfAllKinds(t *testing.T) {
	var s Strands
	want := make([]uint64, 0, 5000)
	for v := range uint64(5000) {
		s.Add(7 * (4999 - v))
		want = append(want, 7*v)
	}
	if r := s.Runs(); !slices.Equal(values(&r), want) {
		t.Error("they are others")
	}
	if s := (&Strands{}).Runs(); s.Len() != 0 || len(values(&s)) != 0 {
		t.Error("nothing is something")
	}
}

// A page is counted as a whole, and its entries after that: the cursor must not have gone on meanwhile.
func TestCountBehindAPage(t *testing.T) {
	r := &Runs{}
	for _, v := range []uint64{2, 3, 7, 11, 12, 30} {
		r.Add(v)
	}
	c := r.Cursor()
	if n := c.Count(1, 20); n != 5 {
		t.Fatalf("the page has %d", n)
	}
	var got []uint64
	for v := uint64(1); v < 20; v++ {
		if c.Count(v, v+1) == 1 {
			got = append(got, v)
		}
	}
	if !slices.Equal(got, []uint64{2, 3, 7, 11, 12}) {
		t.Errorf("its entries are %v", got)
	}
	if n := c.Count(20, 40); n != 1 {
		t.Errorf("the next page has %d", n)
	}
}
