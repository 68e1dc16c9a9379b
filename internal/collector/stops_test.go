package collector

import (
	"math"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

// A histogram of Go's has bounds of -Inf and +Inf: what is longer than its last bound is said to be that long.
func TestStops(t *testing.T) {
	h := &metrics.Float64Histogram{Buckets: []float64{math.Inf(-1), 0, 1e-5, 1e-4, 1e-3, math.Inf(1)}, Counts: []uint64{0, 90, 0, 9, 1}}
	s := stops(h)
	if s.Count != 100 || len(s.Buckets) != 3 {
		t.Fatalf("%+v", s)
	}
	for q, want := range map[float64]time.Duration{0.5: 10 * time.Microsecond, 0.9: 10 * time.Microsecond, 0.91: time.Millisecond, 0.99: time.Millisecond, 1: time.Millisecond} {
		if got := s.Quantile(q); got != want {
			t.Errorf("%v: %v instead of %v", q, got, want)
		}
	}
	h.Counts[1], h.Counts[3] = 0, 0
	if s := stops(h); s.Quantile(0.5) != time.Millisecond || s.Longest() != time.Millisecond {
		t.Errorf("%+v", s)
	}
	if s := (Stops{}); s.Longest() != 0 || s.Quantile(0.99) != 0 {
		t.Error("there was none")
	}
}

// A collection stops the world, and so does a dump of all goroutines.
func TestWorldStops(t *testing.T) {
	collecting, other := WorldStops()
	runtime.GC()
	runtime.Stack(make([]byte, 1<<10), true)
	afterCollecting, afterOther := WorldStops()
	if afterCollecting.Count <= collecting.Count || afterOther.Count <= other.Count || afterCollecting.Longest() <= 0 || afterOther.Longest() <= 0 ||
		afterCollecting.Stopping <= 0 || afterCollecting.Stopping > afterCollecting.Longest() {
		t.Errorf("%+v %+v, then %+v %+v", collecting, other, afterCollecting, afterOther)
	}
}
