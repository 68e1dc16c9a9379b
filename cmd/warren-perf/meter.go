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

// line prints what happened since the line before.
func (m *meter) line(w io.Writer) {
	now := m.sample()
	delivery, confirm := m.collect()
	seconds := now.at.Sub(m.last.at).Seconds()
	fmt.Fprintf(w, "%5.1fs  sent %9.0f/s  received %9.0f/s", now.at.Sub(m.begin.at).Seconds(),
		float64(now.published-m.last.published)/seconds, float64(now.received-m.last.received)/seconds)
	if confirm.Samples > 0 {
		fmt.Fprintf(w, "  confirmed %9.0f/s  confirm p50/p99 %.0f/%.0f µs", float64(now.confirmed-m.last.confirmed)/seconds, confirm.P50, confirm.P99)
	}
	if delivery.Samples > 0 {
		fmt.Fprintf(w, "  latency p50/p95/p99/max %.0f/%.0f/%.0f/%.0f µs", delivery.P50, delivery.P95, delivery.P99, delivery.Max)
	}
	if m.pid != 0 {
		fmt.Fprintf(w, "  broker %.0f%% %.0f MiB", 100*(now.broker.cpu-m.last.broker.cpu).Seconds()/seconds, float64(now.broker.rssBytes)/(1<<20))
	}
	if now.blocked > 0 {
		fmt.Fprintf(w, "  BLOCKED %d", now.blocked)
	}
	fmt.Fprintln(w)
	m.last = now
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
