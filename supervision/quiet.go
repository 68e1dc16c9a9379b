package supervision

import (
	"context"
	"log/slog"
	"slices"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"
)

// This file keeps Proto.Actor's own habits small: its logging, its dead letters, its registry.

// bridge lets Proto.Actor's warnings and errors through to zerolog. What it says below that is noise: every start of a
// system, every recovery, samples of dead letters.
func bridge(log zerolog.Logger) func(*actor.ActorSystem) *slog.Logger {
	return func(*actor.ActorSystem) *slog.Logger { return slog.New(slogHandler{log}) }
}

type slogHandler struct{ log zerolog.Logger }

func (h slogHandler) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

func (h slogHandler) Handle(_ context.Context, r slog.Record) error {
	e := h.log.Warn()
	if r.Level >= slog.LevelError {
		e = h.log.Error()
	}
	r.Attrs(func(a slog.Attr) bool {
		e.Str(a.Key, a.Value.String())
		return true
	})
	e.Str("lib", "protoactor").Msg(r.Message)
	return nil
}

func (h slogHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := h.log.With()
	for _, a := range attrs {
		c = c.Str(a.Key, a.Value.String())
	}
	return slogHandler{c.Logger()}
}

func (h slogHandler) WithGroup(string) slog.Handler { return h }

// deadLetter does what Proto.Actor's own subscribers do, without logging: it answers requests, so that a future fails at
// once, and watches, so that a watcher of the dead hears of it.
func (s *System) deadLetter(event any) {
	d, ok := event.(*actor.DeadLetterEvent)
	if !ok {
		return
	}
	if w, ok := d.Message.(*actor.Watch); ok {
		if p, ok := s.actors.ProcessRegistry.Get(w.Watcher); ok {
			p.SendSystemMessage(w.Watcher, &actor.Terminated{Who: d.PID, Why: actor.TerminatedReason_NotFound})
		}
		return
	}
	s.deadLetters.Add(1)
	if d.Sender != nil {
		s.actors.Root.Send(d.Sender, &actor.DeadLetterResponse{})
	}
}

// registryBuckets times 32 shards each. Proto.Actor has 1 024 of them: 32 768 maps, several MiB in an idle process.
const registryBuckets = 16

// shrinkRegistry must run before anything but Proto.Actor's own two processes is registered.
func shrinkRegistry(a *actor.ActorSystem) {
	r := a.ProcessRegistry
	r.LocalPIDs = &actor.SliceMap{LocalPIDs: slices.Clone(r.LocalPIDs.LocalPIDs[:registryBuckets])}
	r.Add(a.DeadLetter, "deadletter")
	r.Add(actor.NewEventStreamProcess(a), "eventstream")
}
