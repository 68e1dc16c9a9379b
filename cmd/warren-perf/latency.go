package main

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// latency is a histogram of nanoseconds that one goroutine feeds and another may read.
type latency struct {
	mu   sync.Mutex
	hist *hdrhistogram.Histogram
}

func newLatency() *latency {
	return &latency{hist: hdrhistogram.New(1, int64(10*time.Minute), 3)}
}

// record takes a whole read's worth under one lock.
func (l *latency) record(nanos []int64) {
	if len(nanos) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range nanos {
		l.hist.RecordValue(max(n, 1)) // beyond ten minutes it is dropped: no run lasts so long
	}
}

// moveTo adds all to sum and starts again.
func (l *latency) moveTo(sums ...*hdrhistogram.Histogram) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, sum := range sums {
		sum.Merge(l.hist)
	}
	l.hist.Reset()
}

// percentiles is what is reported of a histogram, in microseconds.
type percentiles struct {
	Samples int64   `json:"samples"`
	P50     float64 `json:"p50_us"`
	P95     float64 `json:"p95_us"`
	P99     float64 `json:"p99_us"`
	Max     float64 `json:"max_us"`
}

func percentilesOf(h *hdrhistogram.Histogram) percentiles {
	us := func(q float64) float64 { return float64(h.ValueAtQuantile(q)) / 1e3 }
	return percentiles{Samples: h.TotalCount(), P50: us(50), P95: us(95), P99: us(99), Max: float64(h.Max()) / 1e3}
}
