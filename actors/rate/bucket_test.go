package rate

import (
	"math/rand/v2"
	"testing"
	"time"
)

// what a bucket lets pass, moment by moment.
func TestBucket(t *testing.T) {
	type step struct {
		at   time.Duration
		set  int64 // another rate, before anything else; 0 for none
		open bool
		take int
	}
	for what, c := range map[string]struct {
		rate  int64
		steps []step
	}{
		"it begins with a burst of a fifth of a second":   {100, []step{{open: true, take: 20}, {open: false}, {at: 10 * time.Millisecond, open: true}}},
		"it saves up no more than that":                   {100, []step{{open: true, take: 20}, {at: time.Hour, open: true, take: 20}, {at: time.Hour, open: false}}},
		"what is larger passes, and is made up for":       {100, []step{{open: true, take: 1020}, {at: 10 * time.Second, open: false}, {at: 10011 * time.Millisecond, open: true}}},
		"a slow one has a burst of one":                   {2, []step{{open: true, take: 1}, {open: false}, {at: 501 * time.Millisecond, open: true, take: 1}, {at: 600 * time.Millisecond, open: false}}},
		"0 is nothing":                                    {0, []step{{open: false}, {at: time.Hour, open: false}}},
		"it goes on with another rate":                    {0, []step{{open: false}, {at: time.Second, set: 10, open: false}, {at: 1101 * time.Millisecond, open: true}}},
		"a debt is paid at the new rate":                  {10, []step{{open: true, take: 12}, {at: 0, set: 1000, open: false}, {at: 12 * time.Millisecond, open: true}}},
		"what was saved up for a high rate does not stay": {10_000, []step{{open: true}, {set: 10, open: true, take: 2}, {open: false}}},
		"a clock that goes back brings nothing":           {100, []step{{at: time.Second, open: true, take: 21}, {at: 0, open: false}, {at: 1021 * time.Millisecond, open: true}}},
	} {
		t.Run("A-18 "+what, func(t *testing.T) {
			begin := time.Unix(1000, 0)
			b := NewBucket(c.rate, begin)
			for i, s := range c.steps {
				now := begin.Add(s.at)
				if s.set != 0 {
					b.Set(s.set, now)
				}
				if open := b.Open(now); open != s.open {
					t.Fatalf("step %d: open: %v, level %v", i, open, b.level)
				}
				b.Take(s.take)
			}
		})
	}
}

// however it is taken from, in any stretch of time no more passes than burst, rate and one overdraft; and if everybody takes as
// soon as they may, no less than the rate.
func TestBucketHoldsItsRate(t *testing.T) {
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 18))
		rate, largest := 1+r.Int64N(100_000), 1+r.IntN(5_000)
		begin := time.Unix(1000, 0)
		now, b, taken := begin, NewBucket(rate, begin), 0
		for range 2_000 {
			in, ever := b.OpenIn(now)
			if !ever {
				t.Fatalf("seed %d: it never opens", seed)
			}
			if early := now.Add(in - in/100); in > time.Millisecond && b.Open(early) {
				t.Fatalf("seed %d: it opens before %v", seed, in)
			}
			now = now.Add(in)
			if !b.Open(now) {
				t.Fatalf("seed %d: it is not open after %v", seed, in)
			}
			n := 1 + r.IntN(largest)
			b.Take(n)
			taken += n
		}
		passed := float64(rate) * now.Sub(begin).Seconds()
		if most := passed + max(1, float64(rate)*burst.Seconds()) + float64(largest); float64(taken) > most+1 {
			t.Fatalf("seed %d: %d of %v passed", seed, taken, most)
		}
		if float64(taken) < passed {
			t.Fatalf("seed %d: only %d of %v passed", seed, taken, passed)
		}
	}
}
