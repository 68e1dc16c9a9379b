package supervision

import (
	"runtime"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

const (
	dispatcherIdle       = 256 // goroutines that may wait for work, 2 to 8 KiB each
	dispatcherThroughput = 300 // turns before an actor looks whether it should yield, at most

	// dispatcherShare is how many goroutines run actors at a time, for each processor: enough for one that is in a system call, and
	// few, so that actors which have to wait find more in their mailboxes when their turn comes. With a goroutine for each, a thousand
	// queues that get a message each are a thousand goroutines (benchmarks/results has the figures).
	dispatcherShare = 2
	// dispatcherRelief is how long all of them may be busy with what they were busy with while others wait.
	dispatcherRelief = 5 * time.Millisecond
	// dispatcherChain is how many turns one worker takes by itself, those it makes ready among them, before it is helped. A message on its
	// own goes from socket to socket in about ten.
	dispatcherChain = 16
	// dispatcherBusy is how many messages an actor takes in one go until its worker has its hands full.
	dispatcherBusy = 8
)

// dispatcher is an actor.Dispatcher that reuses goroutines and the stacks they have grown. Proto.Actor's starts a
// goroutine for every actor that wakes, whose stack grows anew each time: 2-3 µs instead of a quarter (see
// benchmarks/actor_test.go). Whoever is ready when enough others run waits in line. An actor that blocks costs a goroutine, not a
// worker: when none of the workers comes back in time, all of them are taken to be stuck, and as many more begin.
type dispatcher struct {
	mu      sync.Mutex
	idle    []chan job // last in, first out: the warmest stack
	maxIdle int
	closed  bool

	line     []job // those from head on wait
	head     int
	share    int // workers that may be busy, those that are taken to be stuck left out
	busy     int // workers, those included
	stuck    int // of them
	rounds   int // how often workers were taken to be stuck
	waiting  int // busy workers whose actor waits for the disk, those that are taken to be stuck left out
	chain    int // turns since nobody was busy
	loans    []*Loan
	recalls  bool // somebody looks whether loans come back
	finished uint // jobs
	watched  bool // somebody looks whether the line moves
}

// job is what a goroutine is to do: a mailbox of ours, or whatever Proto.Actor wants.
type job struct {
	mailbox *mailbox
	f       func()
	round   int // of the dispatcher, when it was begun
}

// NewDispatcher keeps at most maxIdle goroutines waiting.
func NewDispatcher(maxIdle int) actor.Dispatcher { return newDispatcher(maxIdle) }

func newDispatcher(maxIdle int) *dispatcher {
	return &dispatcher{maxIdle: maxIdle, share: dispatcherShare * runtime.GOMAXPROCS(0)}
}

func (d *dispatcher) Throughput() int { return dispatcherThroughput }

func (d *dispatcher) Schedule(f func()) { d.schedule(job{f: f}) }

func (d *dispatcher) schedule(j job) {
	d.mu.Lock()
	if d.busy-d.stuck >= d.share || d.calm() && !j.blocks() {
		d.wait(j)
		d.mu.Unlock()
		return
	}
	w := d.employ()
	d.begin(&j)
	d.mu.Unlock()
	d.start(w, j)
}

// calm says that one worker is enough: it has hardly begun, and takes what it makes ready itself. To wake another one costs more than a
// message on its own needs all the way. d.mu is held.
func (d *dispatcher) calm() bool {
	return d.busy-d.stuck-d.waiting == 1 && d.chain < dispatcherChain
}

func (d *dispatcher) isCalm() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calm()
}

// hurry says that a worker has its hands full, so that the others are to help.
func (d *dispatcher) hurry() {
	d.mu.Lock()
	d.chain = dispatcherChain
	d.spread()
	d.mu.Unlock()
}

// spread has workers begin with who waits, unless it is calm. d.mu is held.
func (d *dispatcher) spread() {
	for d.head < len(d.line) && d.busy-d.stuck < d.share && !d.calm() {
		j, _ := d.next()
		d.start(d.employ(), j)
	}
}

// begin enters that a worker begins with a job. d.mu is held.
func (d *dispatcher) begin(j *job) {
	j.round = d.rounds
	d.chain++
}

// await is for f, which waits for the disk in an actor's turn: meanwhile its worker is nobody to wait for.
func (d *dispatcher) await(f func()) {
	d.mu.Lock()
	round := d.rounds
	d.waiting++
	d.spread()
	d.mu.Unlock()
	defer func() {
		d.mu.Lock()
		if d.busy-d.stuck-d.waiting == 0 { // who waited for the disk as well finds a worker that is awake
			d.chain = 0
		}
		if round == d.rounds { // else it was taken to be stuck meanwhile, and counts as that
			d.waiting--
		}
		d.mu.Unlock()
	}()
	f()
}

// blocks says that it is nobody to wait behind: it says so itself, or is not known to be an actor of ours.
func (j *job) blocks() bool { return j.f != nil || j.mailbox != nil && j.mailbox.blocks }

// employ makes a worker busy: one that is idle, or nil for a new one. d.mu is held.
func (d *dispatcher) employ() (w chan job) {
	if d.busy-d.stuck-d.waiting == 0 {
		d.chain = 0
	}
	d.busy++
	if n := len(d.idle); n > 0 {
		w = d.idle[n-1]
		d.idle = d.idle[:n-1]
	}
	return w
}

func (d *dispatcher) start(w chan job, j job) {
	if w == nil {
		go d.work(j)
		return
	}
	w <- j // never blocks: it has room for one, and nobody else has it
}

// wait puts a job at the end of the line. d.mu is held.
func (d *dispatcher) wait(j job) {
	if d.head > 0 && len(d.line) == cap(d.line) && d.head >= len(d.line)/2 {
		n := copy(d.line, d.line[d.head:])
		clear(d.line[n:])
		d.line, d.head = d.line[:n], 0
	}
	d.line = append(d.line, j)
	if !d.watched {
		d.watched = true
		finished := d.finished
		time.AfterFunc(dispatcherRelief, func() { d.relieve(finished) })
	}
}

// next takes the first of the line. d.mu is held.
func (d *dispatcher) next() (j job, ok bool) {
	if d.head == len(d.line) {
		return job{}, false
	}
	j, d.line[d.head] = d.line[d.head], job{}
	if d.head++; d.head == len(d.line) {
		d.line, d.head = d.line[:0], 0
	}
	d.begin(&j)
	return j, true
}

// relieve looks whether any job was finished since a line began to form, and has more workers begin if not.
func (d *dispatcher) relieve(finished uint) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.head == len(d.line) {
		d.watched = false
		return
	}
	if d.finished == finished {
		d.rounds++
		d.waiting = 0 // they are stuck like the others, and nobody counts twice
		for d.stuck = d.busy; d.busy-d.stuck < d.share; {
			j, ok := d.next()
			if !ok {
				break
			}
			d.start(d.employ(), j)
		}
	}
	finished = d.finished
	time.AfterFunc(dispatcherRelief, func() { d.relieve(finished) })
}

func (d *dispatcher) work(j job) {
	w := make(chan job, 1)
	id := goroutineID()
	ended := true // by runtime.Goexit, in a turn
	defer func() {
		if ended {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.finish(j)
			d.busy--
			d.spread()
		}
	}()
	for {
		again := false
		switch {
		case j.mailbox != nil:
			again = j.mailbox.consume(id)
		case j.f != nil:
			j.f()
		default:
			ended = false
			return
		}
		d.mu.Lock()
		d.finish(j)
		if again {
			d.wait(j)
		}
		if next, ok := d.next(); ok {
			d.spread()
			d.mu.Unlock()
			j = next
			continue
		}
		if d.busy--; d.closed || len(d.idle) >= d.maxIdle {
			d.mu.Unlock()
			ended = false
			return
		}
		d.idle = append(d.idle, w)
		d.mu.Unlock()
		j = <-w
	}
}

// finish enters that a worker is done with a job. d.mu is held.
func (d *dispatcher) finish(j job) {
	d.finished++
	if j.round != d.rounds { // it was taken to be stuck, and was not
		d.stuck--
	}
}

// crowded says that somebody waits for a worker.
func (d *dispatcher) crowded() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.head < len(d.line)
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
