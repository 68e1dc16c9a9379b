package main

import (
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// clock counts nanoseconds since the run began; producers and consumers share it, so stamps need no wall clock.
type clock struct{ epoch time.Time }

func (c clock) now() int64 { return int64(time.Since(c.epoch)) }

// run tells runs apart that fill a queue one after another: an eighth of a second, of the last half hour.
func (c clock) run() int { return int(c.epoch.UnixMilli() / 125 % maxRuns) }

// metronome says when message i of a steady stream is due.
type metronome struct {
	start    int64
	interval float64 // nanoseconds
}

func (m metronome) due(i int64) int64 { return m.start + int64(float64(i)*m.interval) }

// dueBy is how many messages are due at now.
func (m metronome) dueBy(now int64) int64 {
	if now < m.start {
		return 0
	}
	n := int64(float64(now-m.start) / m.interval)
	for n > 0 && m.due(n-1) > now { // rounding must never send ahead of time
		n--
	}
	for m.due(n) <= now {
		n++
	}
	return n
}

// preciseThread binds the goroutine to a thread whose sleeps are exact to some microseconds. Go's own timers are not enough:
// an idle scheduler waits in epoll, which counts in milliseconds.
func preciseThread() (release func()) {
	runtime.LockOSThread()
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0) // without it sleeps are some 50 µs longer, nothing worse
	return runtime.UnlockOSThread
}

func sleepNanos(n int64) {
	t := unix.NsecToTimespec(n)
	_ = unix.Nanosleep(&t, nil) // interrupted: the caller looks at the clock anyway
}
