package ready

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// Contract X-11: messages go in the order of their times, those of one time in the order they came.
func TestScheduleIsInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		s := New()
		var want []due
		for i := range uint64(r.IntN(60)) {
			d := due{r.Int64N(20), i}
			s.own().schedule.push(d)
			want = append(want, d)
		}
		slices.SortFunc(want, func(a, b due) int {
			if a.before(b) {
				return -1
			}
			return 1
		})
		now, limit := r.Int64N(25), 1+r.IntN(40)
		var first []uint64
		for _, d := range want {
			if d.at <= now && len(first) < limit {
				first = append(first, d.index)
			}
		}
		var got []uint64
		for _, in := range s.Due(now, limit) {
			for i := range in.N {
				got = append(got, in.First+i)
			}
		}
		if !slices.Equal(got, first) {
			t.Fatalf("of %v until %d: %v, want %v", want, now, got, first)
		}
		for _, d := range want {
			if at := s.NextDue(); at != d.at {
				t.Fatalf("next at %d, want %d", at, d.at)
			}
			if got := s.schedule.pop(); got != d {
				t.Fatal(fmt.Sprint(got, d))
			}
		}
	}
}
