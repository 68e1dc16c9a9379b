package main

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/rs/zerolog"

	"warren/internal/admin"
	"warren/internal/config"
	"warren/internal/host"
	"warren/supervision/tree"
)

// app is the broker of this process. An operator may stop and start it (rabbitmqctl stop_app, start_app): the tree goes with all that
// is in memory, the sockets and the lock of the data directory, and a new one is put together; the process and its admin socket stay.
type app struct {
	config  config.Config
	dataDir string
	memory  int64
	log     zerolog.Logger
	stop    func() // begins the end of the process

	current  atomic.Pointer[tree.Broker] // written by run alone, once it runs
	requests chan request
	ended    chan struct{} // closed when nobody takes requests any more
}

// request is what an operator wants, and where the answer goes.
type request struct {
	do     func() error
	answer chan error
}

func newApp(c config.Config, dataDir string, log zerolog.Logger, stop func()) *app {
	memory := c.TotalMemory
	if memory == 0 {
		memory = host.TotalMemory()
	}
	return &app{config: c, dataDir: dataDir, memory: memory, log: log, stop: stop, requests: make(chan request), ended: make(chan struct{})}
}

// make puts the next broker together, which then is the current one.
func (a *app) make(sockets []*tree.Socket) *tree.Broker {
	b := tree.New(a.config, a.dataDir, sockets, a.memory, a.log, a.stop)
	a.current.Store(b)
	return b
}

// serving says where clients are served.
func (a *app) serving() {
	for _, s := range a.current.Load().Sockets() {
		a.log.Info().Str("protocol", s.Protocol()).Str("listener", s.Name).Str("address", s.Addr().String()).Msg("listening")
	}
}

// run does what operators ask for, one after the other, until the context ends, which leaving is told of, or the tree gives up.
func (a *app) run(ctx context.Context, leaving func()) error {
	defer close(a.ended)
	for {
		gone := a.current.Load().Done()
		if a.current.Load().Stopped() {
			gone = nil
		}
		select {
		case <-ctx.Done():
			leaving()
			if err := a.stopped(); err != nil {
				return err
			}
			a.log.Info().Msg("stopped")
			return nil
		case <-gone:
			return a.current.Load().Err()
		case r := <-a.requests:
			r.answer <- r.do()
		}
	}
}

// stopped stops the current broker unless it is stopped.
func (a *app) stopped() error {
	if a.current.Load().Stopped() {
		return nil
	}
	return a.current.Load().Shutdown()
}

// started starts a new broker unless one runs.
func (a *app) started() error {
	if !a.current.Load().Stopped() {
		return nil
	}
	sockets, err := tree.Listen(a.config, a.log)
	if err != nil {
		return err
	}
	if err := a.make(sockets).Start(); err != nil {
		for _, s := range sockets {
			_ = s.Close() // those that no listener has got to
		}
		return refused(err)
	}
	a.serving()
	a.log.Info().Msg("the broker is started again")
	return nil
}

// ask has run do it.
func (a *app) ask(do func() error) error {
	r := request{do, make(chan error, 1)}
	select {
	case a.requests <- r:
		return <-r.answer
	case <-a.ended:
		return errors.New("the process is stopping")
	}
}

// Current implements admin.App.
func (a *app) Current() admin.Broker { return a.current.Load() }

// StopApp implements admin.App.
func (a *app) StopApp() error {
	return a.ask(func() error {
		a.log.Info().Msg("an operator stops the broker")
		return a.stopped()
	})
}

// StartApp implements admin.App.
func (a *app) StartApp() error { return a.ask(a.started) }
