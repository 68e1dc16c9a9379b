// Command scale looks for a direction in which a message gets dearer: make bench-scale. In each it changes one number and nothing else, on
// a broker that was just started, and flags what costs a quarter more than the cheapest point of its direction.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"warren/benchmarks/process"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var s scaling
	var only string
	c := &cobra.Command{
		Use: "scale", Short: "the cost of a message in every direction", Args: cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(c *cobra.Command, _ []string) (err error) {
			if s.only, err = regexp.Compile(only); err != nil {
				return fmt.Errorf("--only: %w", err)
			}
			return s.run(c.Context(), c.OutOrStdout())
		},
	}
	c.Flags().IntVar(&s.seconds, "seconds", 5, "length of a run")
	c.Flags().StringVar(&only, "only", "", "only directions whose name matches this regular expression")
	c.Flags().StringVar(&s.profiles, "profiles", "", "write a CPU profile of the broker for every point into this directory")
	return c
}

type scaling struct {
	seconds  int
	only     *regexp.Regexp
	profiles string
}

// point is what one run says of the broker, for each message.
type point struct {
	cpu, switches, rate float64
	peakMiB             float64
}

func (s *scaling) run(ctx context.Context, out io.Writer) error {
	if s.profiles != "" {
		if err := os.MkdirAll(s.profiles, 0o755); err != nil {
			return err
		}
	}
	for _, d := range directions {
		if !s.only.MatchString(d.name) {
			continue
		}
		var points []point
		for _, n := range d.values {
			p, err := s.point(ctx, d, n)
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "%s %d: %.2f µs, %.0f/s\n", d.name, n, p.cpu, p.rate)
			points = append(points, p)
		}
		fmt.Fprintln(out, table(d, points))
	}
	return nil
}

// point starts a broker and puts one load on it.
func (s *scaling) point(ctx context.Context, d direction, n int) (point, error) {
	const profiling = "127.0.0.1:46060"
	var sets []string
	if s.profiles != "" {
		sets = []string{"pprof.listen=" + profiling}
	}
	b, err := process.Warren(sets...)
	if err != nil {
		return point{}, err
	}
	defer b.Stop()
	if d.before != nil {
		for _, args := range d.before(n) {
			if _, err := b.Load(ctx, args...); err != nil {
				return point{}, err
			}
		}
	}
	profiled := make(chan error, 1)
	if s.profiles == "" {
		profiled <- nil
	} else {
		file := filepath.Join(s.profiles, fmt.Sprintf("%s-%d.pprof", d.file, n))
		go func() {
			profiled <- fetch(ctx, fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", profiling, s.seconds), file)
		}()
	}
	switches := b.ContextSwitches()
	r, err := b.Load(ctx, d.args(n, s.seconds)...)
	if err != nil {
		return point{}, err
	}
	messages := r.Received
	if messages == 0 {
		messages = r.Published
	}
	p := point{
		cpu: r.BrokerCPU, rate: float64(messages) / r.Seconds, peakMiB: float64(r.BrokerPeak) / (1 << 20),
		switches: float64(b.ContextSwitches()-switches) / float64(max(messages, 1)),
	}
	return p, <-profiled
}

func fetch(ctx context.Context, url, file string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	defer response.Body.Close()
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.Copy(f, response.Body); err != nil {
		return fmt.Errorf("profile: %w", err)
	}
	return f.Close()
}
