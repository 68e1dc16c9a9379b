package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
)

const generator = "build/warren-perf"

// Percentiles are of latencies, in microseconds.
type Percentiles struct {
	Samples int64   `json:"samples"`
	P50     float64 `json:"p50_us"`
	P99     float64 `json:"p99_us"`
	Max     float64 `json:"max_us"`
}

// Result is what warren-perf says of a run.
type Result struct {
	Seconds     float64      `json:"seconds"`
	Published   int64        `json:"published"`
	Received    int64        `json:"received"`
	PublishRate float64      `json:"published_per_second"`
	ReceiveRate float64      `json:"received_per_second"`
	Latency     *Percentiles `json:"latency"`
	Confirm     *Percentiles `json:"confirm"`
	BrokerCPU   float64      `json:"broker_cpu_us_per_message"`
	BrokerPeak  int64        `json:"broker_rss_peak_bytes"`
}

// Load runs warren-perf against the broker.
func (p *Process) Load(ctx context.Context, args ...string) (Result, error) {
	return p.perf(ctx, append([]string{"--uri", "amqp://guest:guest@" + p.Address}, args...))
}

// Floor sends through a relay what a producer would write.
func (p *Process) Floor(ctx context.Context, args ...string) (Result, error) {
	return p.perf(ctx, append([]string{"floor", "--through", p.Address}, args...))
}

func (p *Process) perf(ctx context.Context, args []string) (r Result, err error) {
	out, err := exec.CommandContext(ctx, generator, append(args, "--json", "--quiet", "--pid", strconv.Itoa(p.PID))...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%w\n%s", err, exit.Stderr)
	}
	if err == nil {
		err = json.Unmarshal(out, &r)
	}
	if err != nil {
		return r, fmt.Errorf("load %s with %v: %w", p.Name, args, err)
	}
	return r, nil
}
