package supervision

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"
)

func goexit() { runtime.Goexit() }

// spawn an actor that nobody supervises, with our mailbox and dispatcher.
func spawn(s *System, f actor.ReceiveFunc, opts ...actor.PropsOption) *actor.PID {
	return s.Actors().Root.Spawn(actor.PropsFromFunc(f,
		append(opts, actor.WithMailbox(NewMailbox), actor.WithDispatcher(s.dispatcher))...))
}

func TestMailboxDeadLettersLeftovers(t *testing.T) {
	s := NewSystem(zerolog.Nop())
	busy, gate := make(chan struct{}), make(chan struct{})
	p := spawn(s, func(c actor.Context) {
		if _, ok := c.Message().(int); ok {
			close(busy)
			<-gate
		}
	})
	s.Send(p, 1)
	receive(t, "busy", busy)
	for range 1000 {
		s.Send(p, "x")
	}
	future := s.Actors().Root.RequestFuture(p, "ask", time.Minute)
	end := s.Actors().Root.StopFuture(p)
	close(gate)
	if err := end.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := future.Result(); !errors.Is(err, actor.ErrDeadLetter) {
		t.Fatal(err)
	}
	eventually(t, "dead letters", func() bool { return s.DeadLetters() == 1001 })
}

func TestMailboxIsFIFOForEachOfManySenders(t *testing.T) {
	s := NewSystem(zerolog.Nop())
	const senders, n = 4, 20000
	var last [senders]int
	done := make(chan struct{})
	handled := 0
	p := spawn(s, func(c actor.Context) {
		m, ok := c.Message().([2]int)
		if !ok {
			return
		}
		if m[1] != last[m[0]]+1 {
			t.Errorf("sender %d: %d after %d", m[0], m[1], last[m[0]])
		}
		last[m[0]] = m[1]
		if handled++; handled == senders*n {
			close(done)
		}
	})
	for g := range senders {
		go func() {
			for i := range n {
				s.Send(p, [2]int{g, i + 1})
			}
		}()
	}
	receive(t, "all", done)
}

// Where it is nobody's life Proto.Actor's own supervision still works: a restart in place in the middle of a burst keeps order and
// loses the failing message only.
func TestMailboxRestartInPlace(t *testing.T) {
	s := NewSystem(zerolog.Nop())
	var got []int
	done, gate := make(chan struct{}), make(chan struct{})
	p := spawn(s, func(c actor.Context) {
		switch m := c.Message().(type) {
		case string:
			<-gate
		case int:
			if m%10 == 3 {
				panic(m)
			}
			if got = append(got, m); m == 99 {
				close(done)
			}
		}
	}, actor.WithGuardian(actor.RestartingSupervisorStrategy()))
	s.Send(p, "wait")
	var want []int
	for i := range 100 {
		s.Send(p, i)
		if i%10 != 3 {
			want = append(want, i)
		}
	}
	close(gate)
	receive(t, "done", done)
	if !slices.Equal(got, want) {
		t.Fatal(got)
	}
}

// The spawn window (supervision/pitfalls, P26): senders hammer a name that is about to be spawned. No sender may crash, no
// actor may be deaf, nothing may run before Started.
func TestMailboxSpawnWindow(t *testing.T) {
	s := NewSystem(zerolog.Nop())
	for i := range 300 {
		id := fmt.Sprintf("n%d", i)
		started := false
		var got atomic.Int32
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for {
					if p, ok := s.Actors().ProcessRegistry.GetLocal(id); ok {
						p.SendUserMessage(nil, 1)
						return
					}
					runtime.Gosched()
				}
			})
		}
		props := actor.PropsFromFunc(func(c actor.Context) {
			switch c.Message().(type) {
			case *actor.Started:
				started = true
			case int:
				if !started {
					t.Error("user message before Started")
				}
				got.Add(1)
			}
		}, actor.WithMailbox(NewMailbox), actor.WithOnInit(func(actor.Context) { runtime.Gosched() }))
		pid, err := s.Actors().Root.SpawnNamed(props, id)
		if err != nil {
			t.Fatal(err)
		}
		s.Send(pid, 1)
		wg.Wait()
		eventually(t, "all three", func() bool { return got.Load() == 3 })
	}
}

// An untyped nil (P28) is refused, and what comes behind it is handled.
func TestMailboxRefusesNil(t *testing.T) {
	s := NewSystem(zerolog.Nop())
	got := make(chan string, 1)
	p := spawn(s, func(c actor.Context) {
		if m, ok := c.Message().(string); ok {
			got <- m
		}
	})
	s.Send(p, nil)
	s.Send(p, "x")
	if m := receive(t, "the next", got); m != "x" {
		t.Fatal(m)
	}
}

type bulky int

func (bulky) Bulk() {}

// What is bulk is overtaken by what is not, keeps its order, and has its turn all the same.
func TestMailboxBulk(t *testing.T) {
	s := NewSystem(zerolog.Nop())
	busy, gate, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var got []any
	p := spawn(s, func(c actor.Context) {
		switch m := c.Message().(type) {
		case string:
			close(busy)
			<-gate
		case bulky, int:
			if got = append(got, m); len(got) == 10+100 {
				close(done)
			}
		}
	})
	s.Send(p, "wait")
	receive(t, "busy", busy)
	for i := range 10 {
		s.Send(p, bulky(i))
	}
	for i := range 100 {
		s.Send(p, i)
	}
	close(gate)
	receive(t, "all", done)
	var want []any
	for i, b := 0, 0; i < 100; i++ {
		want = append(want, i)
		if (i+2)%overtakes == 0 { // the string was one of the first
			want = append(want, bulky(b))
			b++
		}
	}
	for b := len(want) - 100; b < 10; b++ {
		want = append(want, bulky(b))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%v\n%v", got, want)
	}
}

// Both kinds are counted, and what is left of both goes to the dead letters.
func TestMailboxBulkIsBuried(t *testing.T) {
	s := NewSystem(zerolog.Nop())
	busy, gate := make(chan struct{}), make(chan struct{})
	var box *mailbox
	p := s.Actors().Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		if _, ok := c.Message().(string); ok {
			close(busy)
			<-gate
		}
	}, actor.WithMailbox(func() actor.Mailbox { box = &mailbox{}; return box }), actor.WithDispatcher(s.dispatcher)))
	s.Send(p, "wait")
	receive(t, "busy", busy)
	for i := range 10 {
		s.Send(p, bulky(i))
		s.Send(p, i)
	}
	if n := box.UserMessageCount(); n != 21 {
		t.Errorf("%d wait", n)
	}
	end := s.Actors().Root.StopFuture(p)
	close(gate)
	if err := end.Wait(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "dead letters", func() bool { return s.DeadLetters() == 20 })
}

// Promise: who drains has done what others left with it when it stops, bulk or not, in order.
func TestMailboxDrains(t *testing.T) {
	for _, drains := range []bool{false, true} {
		s := NewSystem(zerolog.Nop())
		busy, gate := make(chan struct{}), make(chan struct{})
		var got []any
		p := s.Actors().Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
			switch m := c.Message().(type) {
			case string:
				close(busy)
				<-gate
			case bulky, int:
				got = append(got, m)
			}
		}, actor.WithMailbox(func() actor.Mailbox { return &mailbox{drains: drains} }), actor.WithDispatcher(s.dispatcher)))
		s.Send(p, "wait")
		receive(t, "busy", busy)
		for i := range 3 {
			s.Send(p, bulky(i))
		}
		s.Send(p, 7)
		end := s.Actors().Root.StopFuture(p)
		close(gate)
		if err := end.Wait(); err != nil {
			t.Fatal(err)
		}
		var want []any
		if drains {
			want = []any{7, bulky(0), bulky(1), bulky(2)}
		}
		if !slices.Equal(got, want) {
			t.Errorf("drains %v: got %v", drains, got)
		}
	}
}

// A burst leaves no big array behind.
func TestBurstGivesItsArrayBack(t *testing.T) {
	var b lane
	for range 3 * keepCap {
		b.put(1)
	}
	b.swap()
	for !b.drained() {
		b.pop()
	}
	b.swap()
	if cap(b.in) > keepCap || cap(b.out) > keepCap {
		t.Fatal(cap(b.in), cap(b.out))
	}
}

// Stuck actors cost goroutines, but idle ones are bounded, and close lets them go.
func TestDispatcher(t *testing.T) {
	d := newDispatcher(4)
	var wg sync.WaitGroup
	gate := make(chan struct{})
	for range 100 {
		wg.Add(1)
		d.Schedule(func() { defer wg.Done(); <-gate })
	}
	close(gate)
	wg.Wait()
	idle := func() int {
		d.mu.Lock()
		defer d.mu.Unlock()
		return len(d.idle)
	}
	eventually(t, "four idle", func() bool { return idle() == 4 })
	done := make(chan struct{})
	d.Schedule(func() { close(done) })
	receive(t, "reused", done)
	d.close()
	d.Schedule(func() { wg.Add(1); wg.Done() })
	eventually(t, "none idle", func() bool { return idle() == 0 })
}
