package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// summary is the end of a run; its JSON names are what benchmarks/ records.
type summary struct {
	Seconds      float64       `json:"seconds"`
	Published    int64         `json:"published"`
	Received     int64         `json:"received"`
	Confirmed    int64         `json:"confirmed,omitempty"`
	Nacked       int64         `json:"nacked,omitempty"`
	Returned     int64         `json:"returned,omitempty"`
	Unsent       int64         `json:"unsent,omitempty"` // due in a paced run, but the broker did not take them
	PublishRate  float64       `json:"published_per_second"`
	ReceiveRate  float64       `json:"received_per_second"`
	Latency      *percentiles  `json:"latency,omitempty"`
	Confirm      *percentiles  `json:"confirm,omitempty"`
	Order        *orderSummary `json:"order,omitempty"`
	GeneratorCPU float64       `json:"generator_cpu_us_per_message"`
	BrokerCPU    float64       `json:"broker_cpu_us_per_message,omitempty"`
	BrokerCores  float64       `json:"broker_cores,omitempty"`
	BrokerRSS    int64         `json:"broker_rss_bytes,omitempty"`
	BrokerPeak   int64         `json:"broker_rss_peak_bytes,omitempty"`
}

// summary closes the run at now.
func (m *meter) summary(now sample) summary {
	m.collect()
	seconds := now.at.Sub(m.begin.at).Seconds()
	s := summary{
		Seconds: seconds, Published: now.published, Received: now.received,
		Confirmed: now.confirmed, Nacked: now.nacks, Returned: now.returned,
		PublishRate: float64(now.published) / seconds, ReceiveRate: float64(now.received) / seconds,
		Unsent: m.unsent, BrokerRSS: now.broker.rssBytes, BrokerPeak: m.peakRSS,
	}
	if d := percentilesOf(m.delivery); d.Samples > 0 {
		s.Latency = &d
	}
	if c := percentilesOf(m.confirm); c.Samples > 0 {
		s.Confirm = &c
	}
	// A message is what went through: a delivery where somebody consumes, a publish where nobody does.
	messages := now.received
	if len(m.consumers) == 0 {
		messages = now.published
	}
	if messages > 0 {
		s.GeneratorCPU = micros(now.own-m.begin.own) / float64(messages)
		s.BrokerCPU = micros(now.broker.cpu-m.begin.broker.cpu) / float64(messages)
	}
	s.BrokerCores = (now.broker.cpu - m.begin.broker.cpu).Seconds() / seconds
	return s
}

func micros(d time.Duration) float64 { return float64(d) / 1e3 }

func (s summary) json(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(s)
}

func (s summary) text(w io.Writer) {
	fmt.Fprintf(w, "%d published, %d received in %.2f s: %.0f/s in, %.0f/s out\n", s.Published, s.Received, s.Seconds, s.PublishRate, s.ReceiveRate)
	if s.Confirm != nil {
		fmt.Fprintf(w, "%d confirmed, %d nacked: p50 %.0f µs, p95 %.0f, p99 %.0f, max %.0f\n", s.Confirmed, s.Nacked, s.Confirm.P50, s.Confirm.P95, s.Confirm.P99, s.Confirm.Max)
	}
	if s.Returned > 0 {
		fmt.Fprintf(w, "%d returned\n", s.Returned)
	}
	if s.Unsent > 0 {
		fmt.Fprintf(w, "%d were due and could not be sent: they count with the time they had waited\n", s.Unsent)
	}
	if s.Latency != nil {
		fmt.Fprintf(w, "latency from the due time (%d samples): p50 %.0f µs, p95 %.0f, p99 %.0f, max %.0f\n", s.Latency.Samples, s.Latency.P50, s.Latency.P95, s.Latency.P99, s.Latency.Max)
	}
	if s.Order != nil {
		fmt.Fprintln(w, s.Order.text())
	}
	fmt.Fprintf(w, "generator: %.2f µs CPU a message\n", s.GeneratorCPU)
	if s.BrokerRSS > 0 {
		fmt.Fprintf(w, "broker: %.2f µs CPU a message, %.2f cores, %.0f MiB resident (peak %.0f)\n", s.BrokerCPU, s.BrokerCores, float64(s.BrokerRSS)/(1<<20), float64(s.BrokerPeak)/(1<<20))
	}
}
