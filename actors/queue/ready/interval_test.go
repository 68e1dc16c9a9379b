package ready

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestIntervalsAdd(t *testing.T) {
	// Contract P-50: what comes back finds its old place, whatever the order it comes back in.
	at := func(first, n uint64) Interval { return Interval{First: first, N: n} }
	cases := []struct {
		name string
		add  []Interval
		want []Interval
	}{
		{"nothing", nil, nil},
		{"an empty run", []Interval{at(3, 0)}, nil},
		{"one", []Interval{at(3, 2)}, []Interval{at(3, 2)}},
		{"apart, rising", []Interval{at(0, 1), at(2, 1)}, []Interval{at(0, 1), at(2, 1)}},
		{"apart, falling", []Interval{at(2, 1), at(0, 1)}, []Interval{at(0, 1), at(2, 1)}},
		{"touches the left one", []Interval{at(0, 2), at(2, 3)}, []Interval{at(0, 5)}},
		{"touches the right one", []Interval{at(2, 3), at(0, 2)}, []Interval{at(0, 5)}},
		{"closes a gap", []Interval{at(0, 2), at(4, 2), at(2, 2)}, []Interval{at(0, 6)}},
		{"between two, touching none", []Interval{at(0, 1), at(9, 1), at(4, 2)}, []Interval{at(0, 1), at(4, 2), at(9, 1)}},
		{"in front of all", []Interval{at(8, 1), at(9, 1), at(1, 1)}, []Interval{at(1, 1), at(8, 2)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var s intervals
			n := uint64(0)
			for _, in := range c.add {
				s.add(in)
				n += in.N
			}
			if !slices.Equal(s.runs, c.want) || s.count != n {
				t.Errorf("got %v, %d in all, want %v, %d in all", s.runs, s.count, c.want, n)
			}
		})
	}
}

func TestIntervalsTakeFront(t *testing.T) {
	// Contract P-50: the oldest message that came back goes out first.
	var s intervals
	s.add(Interval{First: 7, N: 2})
	s.add(Interval{First: 1, N: 3})
	s.takeFront(Interval{First: 1, N: 2})
	if got := fmt.Sprint(s.runs, s.count); got != "[{3 1} {7 2}] 3" {
		t.Fatalf("after a part: %s", got)
	}
	s.takeFront(Interval{First: 3, N: 1})
	s.takeFront(Interval{First: 7, N: 2})
	if len(s.runs) != 0 || s.count != 0 {
		t.Fatalf("after all: %v, %d", s.runs, s.count)
	}
}

func TestIntervalsHoldWhatWasAdded(t *testing.T) {
	// Promise 1: nothing that came back is lost. Singles in any order become one ordered set of runs that never touch.
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		var s intervals
		var want []uint64
		for _, i := range r.Perm(200) {
			if r.IntN(3) > 0 {
				s.add(Interval{First: uint64(i), N: 1})
				want = append(want, uint64(i))
			}
		}
		slices.Sort(want)
		var got []uint64
		for at, run := range s.runs {
			if at > 0 && s.runs[at-1].end() >= run.First {
				t.Fatalf("seed %d: %v touches %v", seed, s.runs[at-1], run)
			}
			for i := range run.N {
				got = append(got, run.First+i)
			}
		}
		if !slices.Equal(got, want) || s.count != uint64(len(want)) {
			t.Fatalf("seed %d: got %v, want %v", seed, got, want)
		}
	}
}
