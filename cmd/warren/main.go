// Command warren is the broker.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"warren/internal/admin"
	"warren/internal/config"
	"warren/internal/profile"
	"warren/supervision"
	"warren/supervision/tree"
)

func main() {
	if err := command().Execute(); err != nil {
		fmt.Fprintln(os.Stderr, "warren:", err)
		os.Exit(1)
	}
}

// flags are the command line.
type flags struct {
	config  string
	dataDir string
	sets    []string
}

func command() *cobra.Command {
	var f flags
	c := &cobra.Command{
		Use:           "warren",
		Short:         "Warren, an AMQP 0-9-1 broker",
		Args:          cobra.NoArgs,
		Version:       tree.Version,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(*cobra.Command, []string) error { return run(f) },
	}
	c.Flags().StringVar(&f.config, "config", "", "configuration `FILE` of lines key = value, as RabbitMQ's")
	c.Flags().StringVar(&f.dataDir, "data-dir", "", "`DIR` for the broker's data (default $WARREN_DATA_DIR, or a directory of the user's)")
	c.Flags().StringArrayVar(&f.sets, "set", nil, "one configuration `key=value`, over what the file says; may be repeated")
	return c
}

func run(f flags) error {
	c, err := config.Load(f.config, f.sets)
	if err != nil {
		return err
	}
	if f.dataDir == "" {
		if f.dataDir, err = config.DefaultDataDir(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(f.dataDir, 0o700); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	log := logger(c.LogLevel)
	if c.PprofListen != "" {
		p, err := profile.Serve(c.PprofListen)
		if err != nil {
			return fmt.Errorf("pprof.listen: %w", err)
		}
		defer p.Close()
		log.Info().Str("address", p.Addr().String()).Msg("serving profiles")
	}
	sockets, err := tree.Listen(c, log)
	if err != nil {
		return err
	}
	return serve(c, f.dataDir, sockets, log)
}

func serve(c config.Config, dataDir string, sockets []*tree.Socket, log zerolog.Logger) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()

	app := newApp(c, dataDir, log, stop)
	b := app.make(sockets)
	started := make(chan error, 1)
	go func() { started <- b.Start() }()
	select {
	case err := <-started:
		if err != nil {
			return refused(err)
		}
		started <- nil
	case <-b.Locked():
	}
	a, err := admin.Serve(dataDir, app, log)
	if err != nil {
		return err
	}
	defer a.Close()
	if err := <-started; err != nil {
		return refused(err)
	}
	app.serving()
	log.Info().Str("data_dir", dataDir).Str("version", tree.Version).Int("pid", os.Getpid()).Msg("Warren is ready")

	return app.run(ctx, func() {
		stop() // a second signal ends the process at once
		log.Info().Msg("shutting down")
	})
}

// refused is the reason of a broker that does not start. Where in the tree that was is of no use to who started us.
func refused(err error) error {
	if refusal := (*supervision.Refusal)(nil); errors.As(err, &refusal) {
		return refusal.Err
	}
	return err
}

// logger writes lines for a person to a terminal, and JSON to everything else.
func logger(level zerolog.Level) zerolog.Logger {
	info, err := os.Stderr.Stat()
	if err == nil && info.Mode()&os.ModeCharDevice != 0 {
		return zerolog.New(zerolog.ConsoleWriter{Out: os.Stderr, TimeFormat: "15:04:05.000"}).Level(level).With().Timestamp().Logger()
	}
	return zerolog.New(os.Stderr).Level(level).With().Timestamp().Logger()
}
