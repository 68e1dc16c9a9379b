package main

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"time"

	"warren/benchmarks/process"
)

// results are all runs, by the load's name and the peer's.
type results map[string]map[string][]process.Result

func (r results) add(l load, peer string, one process.Result) {
	if r[l.name] == nil {
		r[l.name] = map[string][]process.Result{}
	}
	r[l.name][peer] = append(r[l.name][peer], one)
}

// figures are the medians of the runs of one load on one peer; each of its own, so they need not be of the same run.
type figures struct {
	runs                   int
	rate, cpu, peakMiB     float64
	p50, p99               float64 // of the delivery
	confirmP50, confirmP99 float64
}

func (r results) median(load, peer string) (f figures) {
	runs := r[load][peer]
	if f.runs = len(runs); f.runs == 0 {
		return f
	}
	of := func(value func(process.Result) float64) float64 {
		var values []float64
		for _, one := range runs {
			values = append(values, value(one))
		}
		return median(values)
	}
	f.rate = of(func(r process.Result) float64 { return r.ReceiveRate })
	f.cpu = of(func(r process.Result) float64 { return r.BrokerCPU })
	f.peakMiB = of(func(r process.Result) float64 { return float64(r.BrokerPeak) / (1 << 20) })
	percentile := func(p *process.Percentiles, value func(*process.Percentiles) float64) float64 {
		if p == nil {
			return 0
		}
		return value(p)
	}
	p50, p99 := func(p *process.Percentiles) float64 { return p.P50 }, func(p *process.Percentiles) float64 { return p.P99 }
	f.p50 = of(func(r process.Result) float64 { return percentile(r.Latency, p50) })
	f.p99 = of(func(r process.Result) float64 { return percentile(r.Latency, p99) })
	f.confirmP50 = of(func(r process.Result) float64 { return percentile(r.Confirm, p50) })
	f.confirmP99 = of(func(r process.Result) float64 { return percentile(r.Confirm, p99) })
	return f
}

func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func (s *session) heading() string {
	return fmt.Sprintf(`# %s, %s

Written by make bench-peers: medians of %d runs of %s s, all peers in turn, on %s with %s. CPU is the broker's, for each message; the relay
copies the same bytes from socket to socket and does nothing else. LavinMQ is not among Debian's packages and was not measured.
The HTML files are the first run of each load; runs.json has every run.

`, time.Now().Format(time.DateOnly), machine(), s.runs, s.seconds, runtime.GOOS, runtime.Version())
}

// table is Markdown: the loads that are about rates, then those about latency.
func (r results) table() string {
	var b strings.Builder
	b.WriteString("| | Warren | CPU | memory | RabbitMQ | CPU | memory | relay, CPU | CPU to relay's | CPU to RabbitMQ's | rate to RabbitMQ's |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, l := range loads {
		if l.paced || r[l.name] == nil {
			continue
		}
		w, q, relay := r.median(l.name, warrenName), r.median(l.name, rabbitName), r.median(l.name, relayName)
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", l.name, throughput(w)+" | "+memory(w), throughput(q)+" | "+memory(q), micros(relay.cpu),
			ratio(w.cpu, relay.cpu)+" | "+ratio(w.cpu, q.cpu)+" | "+ratio(w.rate, q.rate))
	}
	b.WriteString("\n| | | Warren | RabbitMQ | to RabbitMQ's |\n|---|---|---|---|---|\n")
	for _, l := range loads {
		if !l.paced || r[l.name] == nil {
			continue
		}
		w, q := r.median(l.name, warrenName), r.median(l.name, rabbitName)
		row := func(what string, of func(figures) float64) {
			if of(w) > 0 || of(q) > 0 {
				fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", l.name, what, micros(of(w)), micros(of(q)), ratio(of(w), of(q)))
			}
		}
		row("delivery p50", func(f figures) float64 { return f.p50 })
		row("delivery p99", func(f figures) float64 { return f.p99 })
		row("confirm p50", func(f figures) float64 { return f.confirmP50 })
		row("confirm p99", func(f figures) float64 { return f.confirmP99 })
		row("CPU a message", func(f figures) float64 { return f.cpu })
	}
	return b.String()
}

func throughput(f figures) string {
	if f.runs == 0 {
		return " | "
	}
	return fmt.Sprintf("%s/s | %s", grouped(f.rate), micros(f.cpu))
}

func memory(f figures) string {
	if f.runs == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f MiB", f.peakMiB)
}

func micros(v float64) string {
	switch {
	case v == 0:
		return ""
	case v < 10:
		return fmt.Sprintf("%.2f µs", v)
	}
	return grouped(v) + " µs"
}

func ratio(a, b float64) string {
	if a == 0 || b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", a/b)
}

// grouped is a whole number with a blank between its thousands, to three digits that count.
func grouped(v float64) string {
	step := 1.0
	for v/step >= 1000 {
		step *= 10
	}
	n := int64(math.Round(v/step) * step)
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + " " + text[i:]
	}
	return text
}
