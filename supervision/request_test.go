package supervision

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

func failure(t *testing.T, answer any, want error) {
	t.Helper()
	if f, ok := answer.(*ChildFailed); !ok || !errors.Is(f.Err, want) {
		t.Fatalf("%T %v, want %v", answer, answer, want)
	}
}

func TestDynamicChildren(t *testing.T) {
	for _, strategy := range []Strategy{OneForOne, OneForAll, RestForOne, SimpleOneForOne} {
		t.Run(strategy.String(), func(t *testing.T) {
			d := &diary{}
			s := boot(t, Spec{Strategy: strategy, Limit: lenient})
			started := ask(t, s, "top", &StartChild{Spec: workerSpec(d, "x", Temporary)}).(*ChildStarted)
			if started.ID != "x" || started.PID.Id != "top/x" || !d.has("x started") {
				t.Fatal(started, d.take())
			}
			failure(t, ask(t, s, "top", &StartChild{Spec: workerSpec(d, "x", Temporary)}), ErrAlreadyStarted)
			failure(t, ask(t, s, "top", RestartChild{ID: "x"}), ErrAlreadyStarted)
			failure(t, ask(t, s, "top", &RestartChild{ID: "y"}), ErrNotFound)
			failure(t, ask(t, s, "top", TerminateChild{ID: "y"}), ErrNotFound)
			if got := ask(t, s, "top", &TerminateChild{ID: "x"}).(*ChildStopped); got.ID != "x" {
				t.Fatal(got)
			}
			if len(s.Tree()) != 1 {
				t.Fatal(s.Tree())
			}
			ask(t, s, "top", StartChild{Spec: workerSpec(d, "x", Temporary)})
			d.expect(t, "x started", "x terminates: gone", "x started")
		})
	}
}

// Done needs no future, and comes in the supervisor's turn; a panic in it is not the supervisor's.
func TestDoneCallbacks(t *testing.T) {
	d := &diary{}
	s := boot(t, Spec{Limit: lenient})
	done := make(chan string, 10)
	started := func(pid *actor.PID, err error) { done <- fmt.Sprint(pid, " ", err) }
	send(s, "top", &StartChild{Spec: workerSpec(d, "x", Permanent), Done: started})
	if got := receive(t, "started", done); !strings.Contains(got, "top/x") || !strings.HasSuffix(got, "<nil>") {
		t.Fatal(got)
	}
	send(s, "top", &StartChild{Spec: ChildSpec{ID: "bad", New: func(uint64) actor.Actor { panic("no") }}, Done: started})
	if got := receive(t, "failed", done); !strings.Contains(got, "top/bad did not start") {
		t.Fatal(got)
	}
	send(s, "top", &TerminateChild{ID: "x", Done: func(err error) { done <- fmt.Sprint(err) }})
	if got := receive(t, "stopped", done); got != "<nil>" {
		t.Fatal(got)
	}
	send(s, "top", &RestartChild{ID: "x", Done: started})
	if got := receive(t, "not found", done); !strings.Contains(got, "not found") {
		t.Fatal(got)
	}
	if len(s.Tree()) != 1 {
		t.Fatal(s.Tree())
	}
}

// A dynamic child that fails its first start is reported and forgotten, whatever its restart type, and counts for nothing.
func TestFailingDynamicStart(t *testing.T) {
	s := boot(t, Spec{})
	bad := ChildSpec{ID: "bad", New: func(uint64) actor.Actor { panic("no") }}
	for range 3 {
		var c *Crash
		f := ask(t, s, "top", &StartChild{Spec: bad}).(*ChildFailed)
		if !errors.As(f.Err, &c) || c.Reason != "no" {
			t.Fatal(f.Err)
		}
	}
	if len(s.Tree()) != 1 {
		t.Fatal(s.Tree())
	}
}

// A static child's spec stays when it is terminated; RestartChild brings it back.
func TestStaticChildIsKept(t *testing.T) {
	d := &diary{}
	s := boot(t, Spec{Children: workers(d, "a b")})
	ask(t, s, "top", &TerminateChild{ID: "a"})
	if got := state(s, "top/a"); got != "stopped" {
		t.Fatal(got)
	}
	failure(t, ask(t, s, "top", &StartChild{Spec: workerSpec(d, "a", Permanent)}), ErrAlreadyPresent)
	if got := ask(t, s, "top", &RestartChild{ID: "a"}).(*ChildStarted); got.ID != "a" {
		t.Fatal(got)
	}
	d.expect(t, "a started", "b started", "a terminates: gone", "a started")
}

// Beyond its own limit a child is given up: the supervisor's limit hears nothing of it, RestartChild brings it back.
func TestGiveUp(t *testing.T) {
	d := &diary{}
	s := boot(t, Spec{Children: workers(d, "a")}) // its own limit allows nothing
	x := workerSpec(d, "x", Transient)
	x.GiveUp = &Limit{Restarts: 2, Within: time.Minute}
	x.OnGiveUp = func(reason any) { d.add("given up: %v", reason.(*Crash).Reason) }
	x.OnExit = func(Reason) { d.add("exit") }
	ask(t, s, "top", &StartChild{Spec: x})
	d.take()
	for i := range 3 {
		eventually(t, "up", func() bool { return state(s, "top/x") == "running" })
		send(s, "top/x", &boom{})
		eventually(t, "restarted or given up", func() bool { return node1(t, s, "top/x").Restarts == i+1 || state(s, "top/x") == "crashed" })
	}
	eventually(t, "crashed", func() bool { return state(s, "top/x") == "crashed" && d.has("given up: boom x") })
	d.expect(t, "x terminates: restart", "x started", "x terminates: restart", "x started", "x terminates: given up", "given up: boom x")
	if n := node1(t, s, "top/x"); !strings.Contains(n.LastReason, "boom x") || n.LastStack == "" {
		t.Fatalf("%+v", n)
	}
	failure(t, ask(t, s, "top", &StartChild{Spec: x}), ErrAlreadyPresent)
	if got := ask(t, s, "top", &RestartChild{ID: "x"}).(*ChildStarted); got.ID != "x" {
		t.Fatal(got)
	}
	send(s, "top/x", &boom{}) // a fresh limit
	eventually(t, "restart", func() bool { return d.count("x started") == 2 })
	ask(t, s, "top", &TerminateChild{ID: "x"})
	if !d.has("exit") || state(s, "top/x") != "" {
		t.Fatal(d.take())
	}
}

// A queue that recovers for long keeps nobody else waiting, and can be terminated meanwhile.
func TestStartsOverlap(t *testing.T) {
	d := &diary{}
	release := make(chan struct{})
	s := boot(t, Spec{Limit: lenient})
	answers := make(chan error, 1)
	send(s, "top", &StartChild{
		Spec: ChildSpec{ID: "slow", New: func(uint64) actor.Actor { <-release; return &worker{id: "slow", d: d} }},
		Done: func(_ *actor.PID, err error) { answers <- err }})
	ask(t, s, "top", &StartChild{Spec: workerSpec(d, "quick", Permanent)})
	stopped := make(chan error, 1)
	send(s, "top", &TerminateChild{ID: "slow", Done: func(err error) { stopped <- err }})
	ask(t, s, "top", &TerminateChild{ID: "quick"})
	close(release)
	if err := receive(t, "start refused", answers); !errors.Is(err, ErrTerminated) {
		t.Fatal(err)
	}
	if err := receive(t, "stopped", stopped); err != nil {
		t.Fatal(err)
	}
}

// Requests to a supervisor that shuts down are refused, not lost.
func TestRequestsWhileShuttingDown(t *testing.T) {
	d := &diary{}
	release, stopping := make(chan struct{}), make(chan struct{})
	s := boot(t, Spec{})
	ask(t, s, "top", &StartChild{Spec: ChildSpec{ID: "x", New: func(uint64) actor.Actor {
		return &worker{id: "x", d: d, stop: func(Reason) { close(stopping); <-release }}
	}}})
	done := make(chan error)
	go func() { done <- s.Stop() }()
	receive(t, "stopping", stopping)
	failure(t, ask(t, s, "top", &StartChild{Spec: workerSpec(d, "y", Permanent)}), ErrShuttingDown)
	failure(t, ask(t, s, "top", &TerminateChild{ID: "x"}), ErrShuttingDown)
	close(release)
	if err := receive(t, "stop", done); err != nil {
		t.Fatal(err)
	}
}

// 10 000 dynamic children on one supervisor: each start and end is cheap, and they stop in parallel, not one by one.
func TestManyChildren(t *testing.T) {
	const n = 10_000
	d := &diary{}
	s := boot(t, Spec{Strategy: SimpleOneForOne, Limit: lenient})
	var started, ended atomic.Int32
	sup := s.PID("top")
	begin := time.Now()
	for i := range n {
		s.Send(sup, &StartChild{Spec: ChildSpec{ID: fmt.Sprint(i), Restart: Temporary, New: func(uint64) actor.Actor {
			return &worker{id: "x", d: d, stop: func(Reason) { ended.Add(1) }}
		}}, Done: func(_ *actor.PID, err error) {
			if err != nil {
				t.Error(err)
			}
			started.Add(1)
		}})
	}
	eventually(t, "all started", func() bool { return started.Load() == n })
	t.Logf("%d starts in %v", n, time.Since(begin))
	if got := len(s.Tree()); got != n+1 {
		t.Fatal(got)
	}
	begin = time.Now()
	for i := range n / 2 { // one by one, from the middle of everything
		s.Send(sup, &TerminateChild{ID: fmt.Sprint(i * 2)})
	}
	eventually(t, "half ended", func() bool { return len(s.Tree()) == n/2+1 })
	t.Logf("%d ends in %v", n/2, time.Since(begin))
	begin = time.Now()
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	t.Logf("the rest in %v", time.Since(begin))
	if ended.Load() != n {
		t.Fatal(ended.Load())
	}
}

// Children that take their time to stop take it together.
func TestParallelStop(t *testing.T) {
	const n = 500
	d := &diary{}
	s := boot(t, Spec{Limit: lenient})
	var stopping atomic.Int32
	all := make(chan struct{})
	for i := range n {
		ask(t, s, "top", &StartChild{Spec: ChildSpec{ID: fmt.Sprint(i), New: func(uint64) actor.Actor {
			return &worker{id: "x", d: d, stop: func(Reason) {
				if stopping.Add(1) == n {
					close(all)
				}
				<-all // each waits for the last
			}}
		}}})
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
}
