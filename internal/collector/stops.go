package collector

import (
	"math"
	"runtime/metrics"
	"time"
)

// Stops is how often the world stood still since the process began, and for how long: no goroutine ran (runtime/metrics, /sched/pauses/total).
type Stops struct {
	Count   uint64
	Buckets []Bucket // with something in them, the shortest first
	// Stopping is the longest time until everybody stood still, which is in the others: a goroutine that cannot be interrupted is waited for.
	Stopping time.Duration
}

// Bucket counts stops of at most so long, and of more than the bucket before it. Go keeps no more of them than that.
type Bucket struct {
	AtMost time.Duration
	Count  uint64
}

// WorldStops reads those of the collector, and those for anything else: the stacks of all goroutines, say.
func WorldStops() (collecting, other Stops) {
	samples := []metrics.Sample{
		{Name: "/sched/pauses/total/gc:seconds"}, {Name: "/sched/pauses/stopping/gc:seconds"},
		{Name: "/sched/pauses/total/other:seconds"}, {Name: "/sched/pauses/stopping/other:seconds"},
	}
	metrics.Read(samples)
	of := func(total, stopping metrics.Sample) Stops {
		s := stops(total.Value.Float64Histogram())
		s.Stopping = stops(stopping.Value.Float64Histogram()).Longest()
		return s
	}
	return of(samples[0], samples[1]), of(samples[2], samples[3])
}

func stops(h *metrics.Float64Histogram) (s Stops) {
	for i, n := range h.Counts {
		if n == 0 {
			continue
		}
		upTo := h.Buckets[i+1]
		if math.IsInf(upTo, 1) {
			upTo = h.Buckets[i]
		}
		s.Count += n
		s.Buckets = append(s.Buckets, Bucket{time.Duration(upTo * float64(time.Second)), n})
	}
	return s
}

// Longest is what no stop was longer than; 0 when there was none.
func (s Stops) Longest() time.Duration { return s.Quantile(1) }

// Quantile is what that share of the stops was not longer than.
func (s Stops) Quantile(q float64) time.Duration {
	rank := uint64(math.Ceil(q * float64(s.Count)))
	for _, b := range s.Buckets {
		if rank <= b.Count {
			return b.AtMost
		}
		rank -= b.Count
	}
	return 0
}
