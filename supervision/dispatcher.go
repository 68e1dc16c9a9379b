package supervision

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

const (
	dispatcherIdle       = 256 // goroutines that may wait for work, 2 to 8 KiB each
	dispatcherThroughput = 300 // turns before an actor yields
)

// dispatcher is an actor.Dispatcher that reuses goroutines and the stacks they have grown. Proto.Actor's starts a
// goroutine for every actor that wakes, whose stack grows anew each time: 2-3 µs instead of a quarter (see
// benchmarks/actor_test.go). An actor that blocks costs a goroutine, never a worker: there is no limit to starve.
type dispatcher struct {
	mu      sync.Mutex
	idle    []chan job // last in, first out: the warmest stack
	maxIdle int
	closed  bool
}

// job is what a goroutine is to do: a mailbox of ours, or whatever Proto.Actor wants.
type job struct {
	mailbox *mailbox
	f       func()
}

// NewDispatcher keeps at most maxIdle goroutines waiting.
func NewDispatcher(maxIdle int) actor.Dispatcher { return newDispatcher(maxIdle) }

func newDispatcher(maxIdle int) *dispatcher { return &dispatcher{maxIdle: maxIdle} }

func (d *dispatcher) Throughput() int { return dispatcherThroughput }

func (d *dispatcher) Schedule(f func()) { d.schedule(job{f: f}) }

func (d *dispatcher) schedule(j job) {
	d.mu.Lock()
	n := len(d.idle)
	if n == 0 {
		d.mu.Unlock()
		go d.work(j)
		return
	}
	w := d.idle[n-1]
	d.idle = d.idle[:n-1]
	d.mu.Unlock()
	w <- j // never blocks: it has room for one, and nobody else has it
}

func (d *dispatcher) work(j job) {
	w := make(chan job, 1)
	id := goroutineID()
	for {
		switch {
		case j.mailbox != nil:
			j.mailbox.consume(id)
		case j.f != nil:
			j.f()
		default:
			return
		}
		d.mu.Lock()
		if d.closed || len(d.idle) >= d.maxIdle {
			d.mu.Unlock()
			return
		}
		d.idle = append(d.idle, w)
		d.mu.Unlock()
		j = <-w
	}
}

// close lets the idle goroutines go. Whoever schedules later still gets one.
func (d *dispatcher) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	for _, w := range d.idle {
		w <- job{}
	}
	d.idle = nil
}
