// Command peers measures Warren, RabbitMQ and a relay in turn with the same loads, and writes a table and plots: make bench-peers.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"warren/benchmarks/process"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var s session
	var only string
	c := &cobra.Command{
		Use: "peers", Short: "Warren, RabbitMQ and a relay under the same loads", Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if s.runs < 1 {
				return fmt.Errorf("--runs: %d is not at least 1", s.runs)
			}
			if s.only, err = regexp.Compile(only); err != nil {
				return fmt.Errorf("--only: %w", err)
			}
			return s.run(c.Context())
		},
	}
	c.Flags().IntVar(&s.runs, "runs", 5, "runs of each load, of which the median counts")
	c.Flags().StringVar(&s.seconds, "seconds", "10", "length of a run")
	c.Flags().StringVar(&s.out, "out", filepath.Join("benchmarks/results", time.Now().Format(time.DateOnly)+"-"+machine()), "where results go")
	c.Flags().StringVar(&only, "only", "", "only loads whose name matches this regular expression")
	return c
}

// session is one comparison: everything in turn, as often as asked for, so that a machine's mood of a moment meets all of them.
type session struct {
	runs         int
	seconds, out string
	only         *regexp.Regexp
	results      results
}

// peer is somebody to measure.
type peer struct {
	name  string
	start func() (*process.Process, error)
	load  func(*process.Process, context.Context, ...string) (process.Result, error)
	can   func(load) bool
}

var peers = []peer{
	// It knows no AMQP: it carries what producers would write, but neither acks nor a pace.
	{relayName, process.Relay, (*process.Process).Floor, func(l load) bool { return !l.paced && l.file != "topic" }},
	{warrenName, func() (*process.Process, error) { return process.Warren() }, (*process.Process).Load, func(load) bool { return true }},
	{rabbitName, process.RabbitMQ, (*process.Process).Load, func(load) bool { return true }},
}

const (
	relayName  = "relay"
	warrenName = "Warren"
	rabbitName = "RabbitMQ"
)

func (s *session) run(ctx context.Context) error {
	if err := os.MkdirAll(s.out, 0o755); err != nil {
		return err
	}
	s.results = results{}
	for i := range s.runs {
		for _, p := range peers {
			if err := s.peer(ctx, p, i); err != nil {
				return err
			}
		}
	}
	raw, err := json.MarshalIndent(s.results, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.out, "runs.json"), append(raw, '\n'), 0o644); err != nil {
		return err
	}
	text := s.heading() + s.results.table()
	fmt.Print(text)
	return os.WriteFile(filepath.Join(s.out, "README.md"), []byte(text), 0o644)
}

// peer puts all loads on a peer that was just started.
func (s *session) peer(ctx context.Context, p peer, run int) error {
	running, err := p.start()
	if err != nil {
		return err
	}
	defer running.Stop()
	for _, l := range loads {
		if !p.can(l) || !s.only.MatchString(l.name) {
			continue
		}
		args := l.of(s.seconds)
		if run == 0 && p.name != relayName {
			args = append(args, "--report", filepath.Join(s.out, strings.ToLower(p.name)+"-"+l.file+".html"))
		}
		r, err := p.load(running, ctx, args...)
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "run %d: %s, %s: %.0f/s, %.2f µs CPU\n", run+1, p.name, l.name, r.PublishRate, r.BrokerCPU)
		s.results.add(l, p.name, r)
	}
	return nil
}

// machine describes where we are without its name: cores and processor.
func machine() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	model, cores := "cpu", 0
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		switch strings.TrimSpace(key) {
		case "processor":
			cores++
		case "model name":
			model = strings.TrimSpace(value)
		}
	}
	model, _, _ = strings.Cut(strings.NewReplacer("(R)", "", "(TM)", "", "CPU", "").Replace(model), "@")
	return fmt.Sprintf("%d-%s", max(cores, 1), strings.ToLower(strings.Join(strings.Fields(model), "-")))
}
