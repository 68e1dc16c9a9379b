package supervision

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"
)

// Promise: as many actors run at a time as the dispatcher's share, the others in line; when all of those are stuck as many more
// begin, and who was taken to be stuck and comes back counts again.
func TestDispatcherShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDispatcher(4)
		d.share = 2
		gate := make(chan struct{})
		running := make(chan struct{}, 100)
		for range 10 {
			d.Schedule(func() { running <- struct{}{}; <-gate })
		}
		for round := 1; round <= 3; round++ {
			synctest.Wait()
			if len(running) != 2*round {
				t.Fatalf("%d run in round %d", len(running), round)
			}
			time.Sleep(dispatcherRelief)
		}
		close(gate)
		synctest.Wait()
		d.mu.Lock()
		if len(running) != 10 || d.busy != 0 || d.stuck != 0 || len(d.idle) > 4 {
			t.Errorf("%d ran, %d busy, %d stuck, %d idle", len(running), d.busy, d.stuck, len(d.idle))
		}
		d.mu.Unlock()
		time.Sleep(dispatcherRelief) // whoever looks at the line finds nobody there
		d.close()
	})
}

// Promise: a goroutine that a turn ends (a test's FailNow) takes no worker along.
func TestDispatcherGoexit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDispatcher(4)
		d.share = 1
		for range 3 {
			d.Schedule(goexit)
			synctest.Wait()
		}
		ran := false
		d.Schedule(func() { ran = true })
		synctest.Wait()
		if !ran || d.busy != 0 {
			t.Errorf("ran %v, %d busy", ran, d.busy)
		}
		d.close()
	})
}

// Promise: an actor whose mailbox does not get empty goes to the end of the line, and loses and repeats nothing by it.
func TestLongMailboxGoesToTheEndOfTheLine(t *testing.T) {
	s := NewSystem(zerolog.Nop())
	s.dispatcher.mu.Lock()
	s.dispatcher.share = 1
	s.dispatcher.watched = true // nobody takes the worker to be stuck while it waits for us
	s.dispatcher.mu.Unlock()
	const n = 300_000 // which takes some 20 ms, many times a slice
	gate, done := make(chan struct{}), make(chan struct{})
	next, before := 0, -1
	busy := spawn(s, func(c actor.Context) {
		switch m := c.Message().(type) {
		case string:
			<-gate
		case int:
			if m != next {
				t.Errorf("%d, want %d", m, next)
			}
			if next++; next == n {
				close(done)
			}
		}
	})
	other := spawn(s, func(c actor.Context) {
		if _, ok := c.Message().(string); ok {
			before = next // one of the two runs at a time
		}
	})
	s.Send(busy, "wait")
	for i := range n {
		s.Send(busy, i)
	}
	s.Send(other, "x")
	close(gate)
	receive(t, "all", done)
	if before < 0 || before > n/2 {
		t.Errorf("the other had its turn behind %d messages of %d", before, n)
	}
}

func TestWhoWaitsForTheDiskCountsOnce(t *testing.T) {
	// Promise: a worker that waits for the disk and is taken to be stuck for that is left out once of those that do something: else two that are
	// busy look like one that has hardly begun, and who is ready waits behind them.
	d := newDispatcher(4)
	d.share = 2
	doing := func() int {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.busy - d.stuck - d.waiting
	}
	release, looked, ends := make(chan struct{}), make(chan int), make(chan struct{}, 2)
	d.Schedule(func() { d.await(func() { <-release }); ends <- struct{}{} })
	d.Schedule(func() { <-release; ends <- struct{}{} })
	d.Schedule(func() { looked <- doing() }) // in line, until both of them are taken to be stuck
	if n := <-looked; n != 1 {
		t.Errorf("%d workers do something, want one", n)
	}
	close(release)
	<-ends
	<-ends
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		d.mu.Lock()
		busy, stuck, waiting := d.busy, d.stuck, d.waiting
		d.mu.Unlock()
		if busy == 0 && stuck == 0 && waiting == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("at the end %d are busy, %d stuck, %d wait", busy, stuck, waiting)
		}
	}
}
