package supervision

import (
	"slices"
	"time"
)

// Watchdog says what becomes of an actor whose turn does not end. Go cannot kill a goroutine; an actor that is replaced is refused
// wherever its incarnation counts, so that it can do no harm when its turn ends after all.
type Watchdog struct {
	// StuckAfter is how long a turn may last before it is named in the log; 0 for as long as it likes, and nobody is replaced either.
	StuckAfter time.Duration
	// ReplaceAfter is how long it may last before its actor is replaced; 0 for as long as it likes. A start and a stop have deadlines of
	// their own (ChildSpec).
	ReplaceAfter time.Duration
}

// A turn is looked at so often in the time that makes it stuck, and never more often than each watchLeast.
const (
	watchShare = 8
	watchLeast = time.Millisecond
)

// Watch looks after all actors from now until the end of the system.
func (s *System) Watch(w Watchdog) {
	if w.StuckAfter > 0 {
		go s.watch(w)
	}
}

// suspect is what the watchdog knows of an actor that was in a turn when it looked.
type suspect struct {
	asked    time.Time // when the actor was asked; its turn had begun by then
	named    bool      // in the log
	replaced bool      // its supervisor has been told
	stack    string    // when it was named
}

func (s *System) watch(w Watchdog) {
	ticker := time.NewTicker(max(w.StuckAfter/watchShare, watchLeast))
	defer ticker.Stop()
	var lives []*incarnation
	suspects := map[*incarnation]*suspect{}
	for {
		select {
		case <-s.done:
			return
		case <-ticker.C:
		}
		lives = s.nodes.running(lives[:0])
		now := time.Now()
		still := map[*incarnation]*suspect{}
		for _, life := range lives {
			if !life.running.Load() {
				continue
			}
			was := suspects[life]
			if was == nil || !life.turn.asked.Load() { // it is in a turn that we have not seen
				life.turn.asked.Store(true)
				was = &suspect{asked: now}
			}
			still[life] = was
			if lasted := now.Sub(was.asked); lasted >= w.StuckAfter {
				s.stuck(life, was, lasted, w)
			}
		}
		suspects = still
		clear(lives)
	}
}

// running are the lives of all children that run, in no order.
func (ns *nodes) running(lives []*incarnation) []*incarnation {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	lives = slices.Grow(lives, ns.byPath.Len())
	for c := range ns.byPath.All() {
		if c.state == Running {
			lives = append(lives, c.life)
		}
	}
	return lives
}

// stuck names a turn in the log, once, and has its actor replaced when its time is up. Whoever is at the top has nobody to do that.
func (s *System) stuck(life *incarnation, is *suspect, lasted time.Duration, w Watchdog) {
	c, message := life.child, life.turn.message()
	if !is.named {
		is.named = true
		is.stack = stackOfGoroutine(life.turn.goroutine.Load())
		s.log.Error().Str("path", c.path).Str("kind", c.spec.kind()).Uint64("incarnation", life.number).Str("message_type", message).
			Dur("lasted", lasted).Str("stack", is.stack).Msg("actor is stuck: its turn does not end")
	}
	if w.ReplaceAfter <= 0 || lasted < w.ReplaceAfter || is.replaced || c.parent == nil || c.spec.Irreplaceable {
		return
	}
	is.replaced = true
	injected := message == injectionType
	life.report(childStuck{life, &Crash{
		Path: c.path, Kind: c.spec.kind(), Incarnation: life.number, Reason: "its turn does not end", Message: message,
		Injected: injected, Stack: is.stack, stuck: true, uncounted: injected,
	}})
}

// stuck: c is given up for a new incarnation, like one that has crashed.
func (s *supervisor) stuck(who *incarnation, err *Crash) {
	if c := who.child; c.life == who && c.state == Running {
		s.failed(who, err)
	}
}
