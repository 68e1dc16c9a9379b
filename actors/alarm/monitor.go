package alarm

import (
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/supervision"
)

// Monitor is what watches the process's memory.
type Monitor struct {
	Memory *Memory
	// RSS is what the process uses now, in bytes; 0 where the system does not tell.
	RSS func() int64
	// Sweep tells queues that have nothing to do to let go of what they hold: of all of it that can be on disk when pressed,
	// otherwise those that had nothing to do since the last time.
	Sweep func(pressed bool)
	// Rest has those who did nothing since the last time give back memory that they do not need.
	Rest func()
	// Age is how long a queue keeps what nobody asks for, 0 for ever (paging.after).
	Age    time.Duration
	System *supervision.System
	Log    zerolog.Logger

	freeing atomic.Bool
	freed   atomic.Int64 // when memory was last given back
}

// Intervals of looking. The first is RabbitMQ's (memory_monitor_interval).
const (
	relaxed       = time.Second
	alert         = 100 * time.Millisecond // above the low mark
	giveBackAgain = 2 * time.Second
	sweepAgain    = 10 * time.Second // while memory is pressed: a queue's restart may lose the word
	restAgain     = 10 * time.Second
)

// watcher is the actor.
type watcher struct {
	*Monitor
	incarnation uint64
	warned      bool
	pressed     bool
	swept       time.Time
	rested      time.Time
	timer       *time.Timer
}

type look struct{ incarnation uint64 }

// New returns the actor for one incarnation.
func (m *Monitor) New(incarnation uint64) actor.Actor {
	return &watcher{Monitor: m, incarnation: incarnation, swept: time.Now(), rested: time.Now()}
}

// Receive looks, and arms the next look.
func (w *watcher) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		w.look(ctx)
	case *look:
		if m.incarnation == w.incarnation { // one before this armed its own
			w.look(ctx)
		}
	}
}

func (w *watcher) look(ctx actor.Context) {
	w.Memory.Observe(w.RSS())
	s := w.Memory.Status()
	w.say(s)
	if s.Memory {
		w.giveBack()
	}
	w.sweep()
	if time.Since(w.rested) >= restAgain {
		w.rested = time.Now()
		w.Rest()
	}
	next := relaxed
	if s.RSS > s.Low || w.pressed {
		next = alert
	}
	self := ctx.Self()
	w.timer = time.AfterFunc(next, func() { w.System.Send(self, &look{w.incarnation}) })
}

// say logs the alarm's changes as operators know them from RabbitMQ (contract A-04).
func (w *watcher) say(s Status) {
	if s.Memory == w.warned {
		return
	}
	w.warned = s.Memory
	if s.Memory {
		w.Log.Warn().Int64("used", s.RSS).Int64("queues", s.Ledger).Int64("high_watermark", s.High).
			Msg("memory alarm is up: *** Publishers will be blocked until this alarm clears ***")
	} else {
		w.Log.Info().Int64("used", s.RSS).Int64("low_watermark", s.Low).Msg("memory alarm has cleared")
	}
}

// giveBack returns what the collector can find to the operating system when the alarm goes up, and again if that was not
// enough: the runtime would keep it for a while, and publishers wait. It takes a collection, so no turn waits for it.
func (w *watcher) giveBack() {
	m := w.Monitor
	if time.Since(time.Unix(0, m.freed.Load())) < giveBackAgain || !m.freeing.CompareAndSwap(false, true) {
		return
	}
	go func() {
		debug.FreeOSMemory()
		m.freed.Store(time.Now().UnixNano())
		m.freeing.Store(false)
	}()
}

// sweep reaches queues that have no turn of their own in which they would see that memory is short, or that time goes by.
func (w *watcher) sweep() {
	pressed, short := w.Memory.Pressed(), w.Memory.Short()
	switch {
	case pressed && (!w.pressed || short || time.Since(w.swept) >= sweepAgain):
		w.Sweep(true)
		w.swept = time.Now()
	case w.Age > 0 && time.Since(w.swept) >= w.Age:
		w.Sweep(false)
		w.swept = time.Now()
	}
	w.pressed = pressed
}

// Terminate stops the clock.
func (w *watcher) Terminate(actor.Context, supervision.Reason) {
	if w.timer != nil {
		w.timer.Stop()
	}
}
