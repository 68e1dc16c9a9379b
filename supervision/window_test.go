package supervision

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestWindow(t *testing.T) {
	second := time.Second
	for _, c := range []struct {
		name  string
		limit Limit
		at    []time.Duration
		want  string // y: allowed, n: too many
	}{
		{"none allowed", Limit{0, second}, []time.Duration{0, 2 * second}, "nn"},
		{"one in a second", Limit{1, second}, []time.Duration{0, second - 1, 2 * second}, "yny"},
		{"the edge is outside", Limit{1, second}, []time.Duration{0, second, 2*second - 1}, "yyn"},
		{"three at once", Limit{3, second}, []time.Duration{0, 0, 0, 0}, "yyyn"},
		{"sliding", Limit{2, second}, []time.Duration{0, second / 2, second, 3 * second / 2, 3*second/2 + 1}, "yyyyn"},
		{"default period", Limit{1, 0}, []time.Duration{0, 4 * second, 5 * second}, "yny"},
		{"the one too many is not counted", Limit{1, second}, []time.Duration{0, second / 2, second}, "yny"},
	} {
		w := window{limit: c.limit}
		got := ""
		for _, at := range c.at {
			if w.allow(time.Unix(0, 0).Add(at)) {
				got += "y"
			} else {
				got += "n"
			}
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Property: a restart is allowed exactly when fewer than Restarts allowed ones lie within the period before it.
func TestWindowAgainstCounting(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		limit := Limit{Restarts: r.IntN(6), Within: time.Duration(1 + r.IntN(50))}
		w := window{limit: limit}
		var allowed []time.Time
		now := time.Unix(0, 0)
		for range 100 {
			now = now.Add(time.Duration(r.IntN(20)))
			recent := 0
			for _, a := range allowed {
				if now.Sub(a) < limit.Within {
					recent++
				}
			}
			got := w.allow(now)
			if want := recent < limit.Restarts; got != want {
				t.Fatalf("%v: %v, want %v after %d", limit, got, want, recent)
			}
			if got {
				allowed = append(allowed, now)
			}
			if len(w.times) > limit.Restarts {
				t.Fatal("remembers more than it needs")
			}
		}
	}
}
