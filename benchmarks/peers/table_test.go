package main

import (
	"strings"
	"testing"

	"warren/benchmarks/process"
)

// The table has the median of the runs, and ratios of medians; what a peer cannot do is left empty.
func TestTable(t *testing.T) {
	r := results{}
	for _, cpu := range []float64{9, 2, 1} {
		r.add(loads[0], warrenName, process.Result{ReceiveRate: 1_234_567, BrokerCPU: cpu, BrokerPeak: 50 << 20})
	}
	r.add(loads[0], rabbitName, process.Result{ReceiveRate: 100_000, BrokerCPU: 20, BrokerPeak: 150 << 20})
	r.add(loads[0], relayName, process.Result{BrokerCPU: 0.5})
	r.add(loads[7], warrenName, process.Result{Latency: &process.Percentiles{P50: 80, P99: 2500}, BrokerCPU: 70})
	for _, want := range []string{
		"| 16 B, transient, no ack | 1 230 000/s | 2.00 µs | 50 MiB | 100 000/s | 20 µs | 150 MiB | 0.50 µs | 4.00 | 0.10 | 12.35 |\n",
		"| 1 KiB at 5 000/s, transient, no ack | delivery p99 | 2 500 µs |  |  |\n",
	} {
		if got := r.table(); !strings.Contains(got, want) {
			t.Errorf("missing %q in\n%s", want, got)
		}
	}
}

func TestMedian(t *testing.T) {
	if m := median([]float64{5, 1, 3}); m != 3 {
		t.Error(m)
	}
	if m := median([]float64{4, 1, 2, 100}); m != 3 {
		t.Error(m)
	}
}

func TestGrouped(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 12: "12", 999.2: "999", 1234: "1 230", 987_654: "988 000", 1_999_999: "2 000 000"} {
		if got := grouped(v); got != want {
			t.Errorf("%v: %q", v, got)
		}
	}
}
