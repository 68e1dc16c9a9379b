package pitfalls

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// P1: a panic in Stopping under the default directive (restart) brings the actor back to life.
func TestP1_PanicInStoppingResurrects(t *testing.T) {
	s := quietSystem()
	var handled, started atomic.Int32
	_, kid := supervised(s, actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message().(type) {
		case *actor.Started:
			started.Add(1)
		case *actor.Stopping:
			if started.Load() == 1 {
				panic("cleanup failed")
			}
		case string:
			handled.Add(1)
		}
	}), restarting(), nil)
	s.Root.Stop(kid)
	eventually(t, "started again after Stop", func() bool { return started.Load() == 2 })
	s.Root.Send(s.NewLocalPID(kid.Id), "are you dead?")
	eventually(t, "handles messages after Stop", func() bool { return handled.Load() == 1 })
}

// hangs reports that stopping the parent does not come to an end.
func hangs(t *testing.T, s *actor.ActorSystem, parent *actor.PID, terminated *atomic.Bool) {
	t.Helper()
	stopped := make(chan error, 1)
	f := s.Root.StopFuture(parent)
	go func() { stopped <- f.Wait() }()
	never(t, "the parent stops", func() bool { return len(stopped) > 0 || terminated.Load() })
}

// P1b: the same under Stop leaves a zombie: Terminated never comes, and a parent that stops waits for ever.
func TestP1b_PanicInStoppingHangsTheParent(t *testing.T) {
	s := quietSystem()
	var terminated atomic.Bool
	parent, _ := supervised(s, actor.PropsFromFunc(func(c actor.Context) {
		if _, ok := c.Message().(*actor.Stopping); ok {
			panic("cleanup failed")
		}
	}), always(actor.StopDirective), func() { terminated.Store(true) })
	hangs(t, s, parent, &terminated)
}

// P2: a panic in Stopped: the process is out of the registry already, Terminated is never sent.
func TestP2_PanicInStoppedHangsTheParent(t *testing.T) {
	s := quietSystem()
	var terminated atomic.Bool
	parent, _ := supervised(s, actor.PropsFromFunc(func(c actor.Context) {
		if _, ok := c.Message().(*actor.Stopped); ok {
			panic("cleanup failed")
		}
	}), restarting(), func() { terminated.Store(true) })
	hangs(t, s, parent, &terminated)
}

// P3: user messages queued behind a Stop vanish: neither handled nor dead-lettered.
func TestP3_QueuedMessagesVanishOnStop(t *testing.T) {
	s := quietSystem()
	var dead, handled atomic.Int32
	s.EventStream.Subscribe(func(e any) {
		if d, ok := e.(*actor.DeadLetterEvent); ok {
			if _, ok := d.Message.(string); ok {
				dead.Add(1)
			}
		}
	})
	busy, gate := make(chan struct{}), make(chan struct{})
	pid := s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message().(type) {
		case int:
			close(busy)
			<-gate
		case string:
			handled.Add(1)
		}
	}))
	s.Root.Send(pid, 1)
	<-busy
	for range 1000 {
		s.Root.Send(pid, "publish")
	}
	f := s.Root.StopFuture(pid)
	close(gate)
	if err := f.Wait(); err != nil {
		t.Fatal(err)
	}
	never(t, "a queued message is handled or dead-lettered", func() bool { return handled.Load()+dead.Load() > 0 })
}

// P4: an actor that waits for its children's end goes on receiving user messages, after Restarting, on the old instance.
func TestP4_UserMessagesBetweenRestartingAndStarted(t *testing.T) {
	s := quietSystem()
	d := &diary{}
	stopping, gate := make(chan struct{}), make(chan struct{})
	slow := actor.PropsFromFunc(func(c actor.Context) {
		if _, ok := c.Message().(*actor.Stopping); ok {
			close(stopping)
			<-gate
		}
	})
	instance := 0
	_, kid := supervised(s, actor.PropsFromProducer(func() actor.Actor {
		instance++
		me := instance
		return actor.ReceiveFunc(func(c actor.Context) {
			switch m := c.Message().(type) {
			case *actor.Started:
				if me == 1 {
					c.Spawn(slow)
				}
				d.add("%d:Started", me)
			case *actor.Restarting:
				d.add("%d:Restarting", me)
			case *actor.Terminated:
				d.add("%d:Terminated", me)
			case string:
				d.add("%d:%s", me, m)
			}
		})
	}), restarting(), nil)
	d.becomes(t, "1:Started")
	// a sibling's failure under AllForOne restarts a healthy actor: this is what it is sent then
	p, _ := s.ProcessRegistry.Get(kid)
	p.SendSystemMessage(kid, &actor.Restart{})
	<-stopping
	s.Root.Send(kid, "publish")
	d.becomes(t, "1:Started 1:Restarting 1:publish")
	close(gate)
	d.becomes(t, "1:Started 1:Restarting 1:publish 1:Terminated 2:Started")
}

// P15: Terminated does not say why: Stopped after a crash as after a normal stop.
func TestP15_TerminatedHasNoReason(t *testing.T) {
	s := quietSystem()
	for _, crash := range []bool{true, false} {
		kid, why := make(chan *actor.PID, 1), make(chan actor.TerminatedReason, 1)
		s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
			switch m := c.Message().(type) {
			case *actor.Started:
				kid <- c.Spawn(actor.PropsFromFunc(func(c actor.Context) {
					if _, ok := c.Message().(int); ok {
						if crash {
							panic("x")
						}
						c.Stop(c.Self())
					}
				}))
			case *actor.Terminated:
				why <- m.Why
			}
		}, actor.WithSupervisor(always(actor.StopDirective))))
		s.Root.Send(<-kid, 1)
		if w := <-why; w != actor.TerminatedReason_Stopped {
			t.Fatal("behaviour changed:", w)
		}
	}
}

// P20: after a panic Stopping and Stopped still run on the broken instance. (OTP's crashed process runs terminate/2 only.)
func TestP20_CrashedInstanceStillStops(t *testing.T) {
	s := quietSystem()
	d := &diary{}
	_, kid := supervised(s, actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message().(type) {
		case int:
			panic("x")
		case *actor.Stopping:
			d.add("Stopping")
		case *actor.Stopped:
			d.add("Stopped")
		}
	}), always(actor.StopDirective), func() { d.add("Terminated") })
	s.Root.Send(kid, 1)
	d.becomes(t, "Stopping Stopped Terminated")
}

// P27: finalizeStop unregisters by name. A slow old incarnation that was forced out of the registry takes its successor
// with it when it comes to an end.
func TestP27_LateStopUnregistersTheSuccessor(t *testing.T) {
	s := quietSystem()
	stopping, gate := make(chan struct{}), make(chan struct{})
	old, _ := s.Root.SpawnNamed(actor.PropsFromFunc(func(c actor.Context) {
		if _, ok := c.Message().(*actor.Stopping); ok {
			close(stopping)
			<-gate
		}
	}), "q")
	s.Root.Stop(old)
	<-stopping
	s.ProcessRegistry.Remove(old) // "kill"
	successor, err := s.Root.SpawnNamed(actor.PropsFromFunc(func(c actor.Context) {
		if _, ok := c.Message().(string); ok {
			c.Respond("alive")
		}
	}), "q")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Root.RequestFuture(successor, "?", time.Second).Result(); err != nil {
		t.Fatal("before the old one ends:", err)
	}
	close(gate)
	eventually(t, "the successor is unregistered", func() bool {
		_, there := s.ProcessRegistry.GetLocal("q")
		return !there
	})
}
