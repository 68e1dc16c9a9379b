package main

import (
	"fmt"
	"io"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// meter adds up what producers and consumers count and turns it into lines and a summary.
type meter struct {
	producers []*producer
	consumers []*consumer
	pid       int
	begin     sample
	last      sample
	peakRSS   int64
	delivery  *hdrhistogram.Histogram
	confirm   *hdrhistogram.Histogram
	history   []point
	unsent    int64
}

// sample is the state of all counters at one moment.
type sample struct {
	at                                    time.Time
	published, received, confirmed, nacks int64
	returned                              int64
	broker                                usage
	own                                   time.Duration
	blocked                               int
}

func newMeter(producers []*producer, consumers []*consumer, pid int) *meter {
	m := &meter{producers: producers, consumers: consumers, pid: pid, delivery: newLatency().hist, confirm: newLatency().hist}
	m.begin = m.sample()
	m.last = m.begin
	return m
}

func (m *meter) sample() sample {
	s := sample{at: time.Now(), own: ownCPU(), received: m.received()}
	for _, p := range m.producers {
		s.published += p.published.Load()
		s.returned += p.returns.Load()
		if p.window != nil {
			settled, nacked := p.window.counts()
			s.confirmed += settled
			s.nacks += nacked
		}
		if p.isBlocked.Load() {
			s.blocked++
		}
	}
	if m.pid != 0 {
		s.broker, _ = sampleProcess(m.pid) // a broker that died shows as an error of its connections
		m.peakRSS = max(m.peakRSS, s.broker.rssBytes)
	}
	return s
}

func (m *meter) received() (n int64) {
	for _, c := range m.consumers {
		n += c.received.Load()
	}
	return n
}

// line prints what happened since the line before, and keeps it for the report.
func (m *meter) line(w io.Writer) {
	now := m.sample()
	p := m.point(now)
	fmt.Fprintf(w, "%5.1fs  sent %9.0f/s  received %9.0f/s", p.seconds, p.sent, p.received)
	if p.confirm.Samples > 0 {
		fmt.Fprintf(w, "  confirmed %9.0f/s  confirm p50/p99 %.0f/%.0f µs", p.confirmed, p.confirm.P50, p.confirm.P99)
	}
	if d := p.delivery; d.Samples > 0 {
		fmt.Fprintf(w, "  latency p50/p95/p99/max %.0f/%.0f/%.0f/%.0f µs", d.P50, d.P95, d.P99, d.Max)
	}
	if m.pid != 0 {
		fmt.Fprintf(w, "  broker %.0f%% %.0f MiB", 100*p.cores, p.rssMiB)
	}
	if now.blocked > 0 {
		fmt.Fprintf(w, "  BLOCKED %d", now.blocked)
	}
	fmt.Fprintln(w)
	m.history = append(m.history, p)
	m.last = now
}

// point is one interval of a run: rates per second, percentiles of the interval, the broker's cores and resident memory.
type point struct {
	seconds                   float64 // since the run began, at the interval's end
	sent, received, confirmed float64
	delivery, confirm         percentiles
	cores, rssMiB             float64
}

// point closes the interval since the last one. The histograms of the parts begin anew.
func (m *meter) point(now sample) point {
	seconds := now.at.Sub(m.last.at).Seconds()
	rate := func(now, last int64) float64 { return float64(now-last) / seconds }
	p := point{
		seconds: now.at.Sub(m.begin.at).Seconds(), sent: rate(now.published, m.last.published),
		received: rate(now.received, m.last.received), confirmed: rate(now.confirmed, m.last.confirmed),
		cores: (now.broker.cpu - m.last.broker.cpu).Seconds() / seconds, rssMiB: float64(now.broker.rssBytes) / (1 << 20),
	}
	p.delivery, p.confirm = m.collect()
	return p
}

// collect moves the parts' histograms into the totals and returns the interval's own percentiles.
func (m *meter) collect() (delivery, confirm percentiles) {
	d, c := newLatency().hist, newLatency().hist
	for _, consumer := range m.consumers {
		consumer.latencies.moveTo(d, m.delivery)
	}
	for _, producer := range m.producers {
		producer.confirms.moveTo(c, m.confirm)
	}
	return percentilesOf(d), percentilesOf(c)
}
