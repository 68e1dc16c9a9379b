package supervision

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"
)

// lender is a system in which nobody is taken to be stuck, however slow the machine.
func lender() *System {
	s := NewSystem(zerolog.Nop())
	s.dispatcher.mu.Lock()
	s.dispatcher.watched = true
	s.dispatcher.mu.Unlock()
	return s
}

// quiet waits until nobody is busy any more, and says how things stand then.
func quiet(t *testing.T, s *System) {
	t.Helper()
	d := s.dispatcher
	eventually(t, "quiet", func() bool {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.busy == 0 && d.waiting == 0 && d.stuck == 0 && len(d.loans) == 0 && d.head == len(d.line)
	})
}

// Promise: what an actor makes ready is done by the same worker while it is calm, in the order in which it was made ready.
func TestOneWorkerGoesAllTheWay(t *testing.T) {
	s := lender()
	ran := make(chan uint64, 4)
	var next []*actor.PID
	hop := func(c actor.Context) {
		if i, ok := c.Message().(int); ok {
			ran <- goroutineID()
			if i < len(next) {
				c.Send(next[i], i+1)
			}
		}
	}
	for range 3 {
		next = append(next, spawn(s, hop))
	}
	quiet(t, s) // they have started
	s.Send(next[0], 1)
	first := receive(t, "the first", ran)
	for range 2 {
		if id := receive(t, "the next", ran); id != first {
			t.Errorf("in goroutine %d, not %d", id, first)
		}
	}
	quiet(t, s)
}

// Promise: an actor that takes message after message has others help, and so has one whose turns wait for the disk.
func TestWhoIsBusyIsHelped(t *testing.T) {
	for _, c := range []struct {
		what     string
		messages int
		awaits   bool
	}{
		{what: "many messages", messages: dispatcherBusy + 2},
		{what: "one that waits for the disk", messages: 1, awaits: true},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := lender()
			gate, helped, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
			other := spawn(s, func(c actor.Context) {
				if _, ok := c.Message().(string); ok {
					close(helped)
				}
			})
			busy := spawn(s, func(ctx actor.Context) {
				switch ctx.Message() {
				case 0:
					<-gate
				case c.messages:
					if c.awaits {
						s.Await(func() { <-helped })
					} else {
						<-helped
					}
					close(done)
				}
			})
			quiet(t, s)
			for i := range c.messages + 1 {
				s.Send(busy, i)
			}
			s.Send(other, "x")
			close(gate)
			receive(t, "done", done)
			quiet(t, s)
		})
	}
}

// Promise: who waited for the disk goes on with those it makes ready, in its own goroutine; and nobody waits with it who panics there.
func TestWhoAwaitedIsAwake(t *testing.T) {
	s := lender()
	ran, done := make(chan uint64, 1), make(chan uint64, 1)
	next := spawn(s, func(c actor.Context) {
		if _, ok := c.Message().(string); ok {
			ran <- goroutineID()
		}
	})
	p := spawn(s, func(c actor.Context) {
		if _, ok := c.Message().(string); ok {
			func() {
				defer func() { _ = recover() }()
				s.Await(func() { panic("the disk") })
			}()
			s.Await(func() {})
			c.Send(next, "x")
			done <- goroutineID()
		}
	})
	quiet(t, s)
	s.Send(p, "x")
	if one, other := receive(t, "it", done), receive(t, "the next", ran); one != other {
		t.Errorf("in goroutine %d, not %d", other, one)
	}
	quiet(t, s)
}

// Promise: a goroutine that is lent does what it has made ready, and returns although there is always more.
func TestLend(t *testing.T) {
	s := lender()
	ran := make(chan uint64, 1)
	a := spawn(s, func(c actor.Context) {
		if _, ok := c.Message().(string); ok {
			ran <- goroutineID()
		}
	})
	var to [2]*actor.PID
	end := make(chan struct{})
	ended := make(chan struct{})
	for i := range to {
		to[i] = spawn(s, func(c actor.Context) {
			if n, ok := c.Message().(int); ok {
				select {
				case <-end:
					close(ended)
				default:
					c.Send(to[1-i], n+1)
				}
			}
		})
	}
	quiet(t, s)
	l := &Loan{GoOn: func() { t.Error("somebody goes on for it") }}
	if !s.Lend(l, func() { s.Send(a, "x") }) {
		t.Error("it was replaced")
	}
	select {
	case id := <-ran:
		if id != goroutineID() {
			t.Error("another goroutine has done it")
		}
	default:
		t.Error("it is not done")
	}
	quiet(t, s)
	if !s.Lend(l, func() { s.Send(to[0], 0) }) { // two that send to each other for ever
		t.Error("it was replaced")
	}
	close(end)
	receive(t, "end", ended)
	quiet(t, s)
}

// Promise: whoever lends a goroutine to an actor whose turn does not end goes on without it, and is told so when it comes back.
func TestLendToOneThatIsStuck(t *testing.T) {
	s := NewSystem(zerolog.Nop())
	gate := make(chan struct{})
	stuck := spawn(s, func(c actor.Context) {
		if _, ok := c.Message().(string); ok {
			<-gate
		}
	})
	quiet(t, s)
	goneOn, mine := make(chan struct{}), make(chan bool)
	l := &Loan{GoOn: func() { close(goneOn) }}
	go func() { mine <- s.Lend(l, func() { s.Send(stuck, "x") }) }()
	receive(t, "another one", goneOn)
	close(gate)
	if receive(t, "the first one", mine) {
		t.Error("it takes itself for the only one")
	}
	quiet(t, s)
}

// Promise: a turn that ends its goroutine (a test's FailNow) does not end whoever has lent it.
func TestLendToOneThatExits(t *testing.T) {
	s := lender()
	a := spawn(s, func(c actor.Context) {
		if _, ok := c.Message().(string); ok {
			goexit()
		}
	})
	quiet(t, s)
	goneOn := make(chan struct{})
	go s.Lend(&Loan{GoOn: func() { close(goneOn) }}, func() { s.Send(a, "x") })
	receive(t, "another one", goneOn)
	quiet(t, s)
}
