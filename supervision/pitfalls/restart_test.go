package pitfalls

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// P5: a stash is last in first out, and only a restart replays it; there is no Unstash.
func TestP5_StashIsBackwards(t *testing.T) {
	s := quietSystem()
	d := &diary{}
	instance := 0
	p := s.Root.Spawn(actor.PropsFromProducer(func() actor.Actor {
		instance++
		me := instance
		return actor.ReceiveFunc(func(c actor.Context) {
			switch m := c.Message().(type) {
			case int:
				if me == 1 {
					c.Stash()
					return
				}
				d.add("%d", m)
			case string:
				panic(m)
			}
		})
	}))
	for i := range 4 {
		s.Root.Send(p, i+1)
	}
	s.Root.Send(p, "restart")
	d.becomes(t, "4 3 2 1")
}

// P6: the failing message is lost with everything the handler had not done yet: a batch is lost whole.
func TestP6_FailingBatchIsLost(t *testing.T) {
	s := quietSystem()
	d := &diary{}
	p := s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		batch, _ := c.Message().([]int)
		for _, m := range batch {
			if m == 3 {
				panic("poison")
			}
			d.add("%d", m)
		}
	}))
	s.Root.Send(p, []int{1, 2, 3, 4, 5})
	s.Root.Send(p, []int{6})
	d.becomes(t, "1 2 6")
}

// P7: a child beyond its limit is stopped, and nobody above is told that something is wrong.
func TestP7_MaxRetriesStopsInsteadOfEscalating(t *testing.T) {
	s := quietSystem()
	var failed, terminated atomic.Bool
	spawned := make(chan *actor.PID, 1)
	s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message().(type) {
		case *actor.Started:
			spawned <- c.Spawn(actor.PropsFromFunc(func(c actor.Context) {
				if _, ok := c.Message().(string); ok {
					panic("x")
				}
			}))
		case *actor.Restarting:
			failed.Store(true)
		case *actor.Terminated:
			terminated.Store(true)
		}
	}, actor.WithSupervisor(actor.NewOneForOneStrategy(3, 10*time.Second, actor.DefaultDecider))))
	kid := <-spawned
	for range 4 {
		s.Root.Send(kid, "x")
	}
	eventually(t, "the child is stopped", terminated.Load)
	never(t, "the parent is restarted", failed.Load)
}

// P8: Escalate, and Resume above: the grandchild that failed is suspended for ever.
func TestP8_EscalateAndResumeLeavesTheGrandchildSuspended(t *testing.T) {
	s := quietSystem()
	var handled, resumed atomic.Bool
	kid := make(chan *actor.PID, 1)
	leaf := actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message() {
		case "boom":
			panic("boom")
		case "hello":
			handled.Store(true)
		}
	})
	middle := actor.PropsFromFunc(func(c actor.Context) {
		if _, ok := c.Message().(*actor.Started); ok {
			kid <- c.Spawn(leaf)
		}
	}, actor.WithSupervisor(always(actor.EscalateDirective)))
	s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		if _, ok := c.Message().(*actor.Started); ok {
			c.Spawn(middle)
		}
	}, actor.WithSupervisor(actor.NewOneForOneStrategy(10, time.Second, func(any) actor.Directive {
		resumed.Store(true)
		return actor.ResumeDirective
	}))))
	k := <-kid
	s.Root.Send(k, "boom")
	eventually(t, "the grandparent resumes", resumed.Load)
	s.Root.Send(k, "hello")
	never(t, "the grandchild goes on", handled.Load)
}

// P14: a guardian with AllForOne, or with Escalate, takes the whole process down.
func TestP14_GuardianCrashesTheProcess(t *testing.T) {
	for variant, strategy := range map[string]actor.SupervisorStrategy{
		"all":      actor.NewAllForOneStrategy(3, time.Second, actor.DefaultDecider),
		"escalate": always(actor.EscalateDirective),
	} {
		t.Run(variant, func(t *testing.T) {
			out, survived := child(t, func() {
				s := quietSystem()
				p := s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
					if _, ok := c.Message().(int); ok {
						panic("x")
					}
				}, actor.WithGuardian(strategy)))
				s.Root.Send(p, 1)
				time.Sleep(5 * time.Second) // long dead by then
			})
			if survived || !strings.Contains(out, "panic: guardian") {
				t.Fatalf("behaviour changed: %s", out)
			}
		})
	}
}

// P16: ctx.Children is not start order any more once one is gone: the last takes its place.
func TestP16_ChildrenLoseTheirOrder(t *testing.T) {
	s := quietSystem()
	out := make(chan string, 1)
	s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message().(type) {
		case *actor.Started:
			for _, n := range []string{"a", "b", "c", "d"} {
				if _, err := c.SpawnNamed(actor.PropsFromFunc(func(actor.Context) {}), n); err != nil {
					panic(err)
				}
			}
			c.Stop(c.Children()[0])
		case *actor.Terminated:
			order := ""
			for _, k := range c.Children() {
				order += k.Id[len(k.Id)-1:]
			}
			out <- order
		}
	}))
	if order := <-out; order != "dbc" {
		t.Fatal("behaviour changed:", order)
	}
}

// P17: exponential backoff is linear: the fifth delay is five times the first, not sixteen times. It never gives up.
func TestP17_ExponentialBackoffIsLinear(t *testing.T) {
	s := quietSystem()
	const unit = 25 * time.Millisecond
	var mu sync.Mutex
	var starts []time.Time
	supervised(s, actor.PropsFromFunc(func(c actor.Context) {
		if _, ok := c.Message().(*actor.Started); ok {
			mu.Lock()
			starts = append(starts, time.Now())
			mu.Unlock()
			panic("init")
		}
	}), actor.NewExponentialBackoffStrategy(10*time.Second, unit), nil)
	eventually(t, "five restarts", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(starts) >= 6
	})
	mu.Lock()
	defer mu.Unlock()
	if total := starts[5].Sub(starts[0]); total > 28*unit { // linear 1+2+3+4+5 = 15; exponential 1+2+4+8+16 = 31
		t.Fatalf("behaviour changed, or a very slow machine: five delays took %v", total)
	}
}

// P18: RestartStatistics keeps every failure for ever.
func TestP18_RestartStatisticsGrow(t *testing.T) {
	rs := actor.NewRestartStatistics()
	for range 100_000 {
		rs.Fail()
	}
	if rs.FailureCount() != 100_000 {
		t.Fatal("behaviour changed: trimmed")
	}
}

// P21: while a parent is busy in its turn, its failed child stays suspended.
func TestP21_BusyParentMeansSuspendedChild(t *testing.T) {
	s := quietSystem()
	var handled atomic.Bool
	spawned := make(chan *actor.PID, 1)
	busy, gate := make(chan struct{}), make(chan struct{})
	parent := s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message().(type) {
		case *actor.Started:
			spawned <- c.Spawn(actor.PropsFromFunc(func(c actor.Context) {
				switch c.Message().(type) {
				case int:
					panic("x")
				case string:
					handled.Store(true)
				}
			}))
		case int:
			close(busy)
			<-gate
		}
	}))
	kid := <-spawned
	s.Root.Send(parent, 1)
	<-busy
	s.Root.Send(kid, 1)
	s.Root.Send(kid, "work")
	never(t, "the child works", handled.Load)
	close(gate)
	eventually(t, "it works later", handled.Load)
}
