// Command warren-perf loads any AMQP 0-9-1 broker in the manner of RabbitMQ's PerfTest, at a fraction of a broker's cost: batches
// of publishes are encoded once and written whole, deliveries are scanned in place.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	c := command()
	c.SetArgs(secondsAsDurations(os.Args[1:]))
	if err := c.ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "warren-perf:", err)
		os.Exit(1)
	}
}

func command() *cobra.Command {
	var o options
	c := &cobra.Command{
		Use: "warren-perf", Short: "load an AMQP 0-9-1 broker", Args: cobra.NoArgs,
		SilenceUsage: true, SilenceErrors: true,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			return load(c.Context(), &o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().SortFlags = false
	o.register(c.Flags())
	c.AddCommand(relayCommand(), floorCommand())
	return c
}

// load runs and reports; with --json the lines go to standard error, so that standard output is one document.
func load(ctx context.Context, o *options, out, errors io.Writer) error {
	var page *os.File
	if o.report != "" { // before the load: a path that cannot be written shall not cost a run
		var err error
		if page, err = os.Create(o.report); err != nil {
			return fmt.Errorf("--report: %w", err)
		}
		defer page.Close()
	}
	r, err := setup(o)
	if err != nil {
		return err
	}
	lines := out
	if o.json {
		lines = errors
	}
	if o.quiet {
		lines = io.Discard
	}
	s, failure := r.run(ctx, lines)
	if o.json {
		if err := s.json(out); err != nil {
			return err
		}
	} else {
		s.text(out)
	}
	if page != nil {
		if err := r.meter.report(page, o, s); err != nil {
			return fmt.Errorf("--report %s: %w", o.report, err)
		}
	}
	return failure
}
