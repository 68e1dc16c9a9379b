package supervision

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"
)

func nested(id string, spec Spec) ChildSpec { return ChildSpec{ID: id, Supervisor: &spec} }

// A nested supervisor is ready before its next sibling starts, and stops behind it.
func TestNestedStartIsAcknowledgedByItsChildren(t *testing.T) {
	d := &diary{}
	slow := workerSpec(d, "slow", Permanent)
	release := make(chan struct{})
	slow.New = func(uint64) actor.Actor {
		return &worker{id: "slow", d: d, started: func(actor.Context) { <-release }}
	}
	s := NewSystem(zerolog.Nop())
	done := make(chan error)
	go func() {
		done <- s.Start("top", Spec{Limit: lenient, Children: []ChildSpec{
			workerSpec(d, "a", Permanent),
			nested("in", Spec{Limit: lenient, Children: []ChildSpec{
				nested("deep", Spec{Limit: lenient, Children: []ChildSpec{slow}}),
				workerSpec(d, "y", Permanent)}}),
			workerSpec(d, "z", Permanent)}})
	}()
	eventually(t, "slow in its Started turn", func() bool { return state(s, "top/in/deep/slow") == "starting" })
	d.expect(t, "a started")
	for _, p := range []string{"top", "top/in", "top/in/deep"} {
		if got := state(s, p); got != "starting" {
			t.Fatal(p, got)
		}
	}
	close(release)
	if err := receive(t, "start", done); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "slow started", "y started", "z started")
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "z terminates: shutdown", "y terminates: shutdown", "slow terminates: shutdown", "a terminates: shutdown")
}

// The first child that does not start fails the whole boot; what had started is stopped.
func TestFailingBoot(t *testing.T) {
	d := &diary{}
	bad := ChildSpec{ID: "bad", New: func(uint64) actor.Actor { panic("no disk") }}
	s := NewSystem(zerolog.Nop())
	err := s.Start("top", Spec{Limit: lenient, Children: []ChildSpec{
		workerSpec(d, "a", Permanent),
		nested("in", Spec{Limit: lenient, Children: []ChildSpec{workerSpec(d, "b", Permanent), bad}}),
		workerSpec(d, "c", Permanent)}})
	if err == nil || !strings.Contains(err.Error(), "top/in/bad did not start") || !strings.Contains(err.Error(), "no disk") {
		t.Fatal(err)
	}
	var crash *Crash
	if !errors.As(err, &crash) || crash.Path != "top/in/bad" || !strings.Contains(crash.Stack, "TestFailingBoot") {
		t.Fatalf("%+v", crash)
	}
	d.expect(t, "a started", "b started", "b terminates: gone", "a terminates: shutdown")
	receive(t, "done", s.Done())
	if len(s.Tree()) != 0 {
		t.Fatal(s.Tree())
	}
}

func TestStartTimeout(t *testing.T) {
	stuck := make(chan struct{})
	defer close(stuck)
	s := NewSystem(zerolog.Nop())
	err := s.Start("top", Spec{Children: []ChildSpec{{ID: "x", StartTimeout: 10 * time.Millisecond,
		New: func(uint64) actor.Actor { <-stuck; return nil }}}})
	if !errors.Is(err, ErrStartTimeout) {
		t.Fatal(err)
	}
}

// Beyond the inner limit the whole inner tree is replaced, and its children hear that this is a restart.
func TestEscalationRestartsTheSubtree(t *testing.T) {
	d := &diary{}
	s := boot(t, Spec{Limit: lenient, Children: []ChildSpec{
		workerSpec(d, "a", Permanent),
		nested("in", Spec{Strategy: RestForOne, Limit: Limit{Restarts: 1, Within: time.Minute}, Children: workers(d, "x y")})}})
	d.take()
	send(s, "top/in/y", &boom{})
	eventually(t, "first", func() bool { return d.has("y started") && state(s, "top/in/y") == "running" })
	d.take()
	before := node1(t, s, "top/in")
	send(s, "top/in/y", &boom{})
	eventually(t, "again", func() bool { return d.has("y started") && state(s, "top/in") == "running" })
	d.expect(t, "y terminates: restart", "x terminates: restart", "x started", "y started")
	in := node1(t, s, "top/in")
	if in.Restarts != 1 || in.Incarnation <= before.Incarnation || !strings.Contains(in.LastReason, "exceeded its limit of 1 in 1m0s") ||
		!strings.Contains(in.LastReason, "boom y") || !strings.Contains(in.LastStack, "harness_test.go") {
		t.Fatalf("%+v", in)
	}
}

// When the top gives up, Err has who escalated to whom, the last panic and its stack.
func TestEscalationToTheTop(t *testing.T) {
	d := &diary{}
	s := boot(t, Spec{Strategy: OneForOne, Children: []ChildSpec{
		workerSpec(d, "a", Permanent),
		nested("in", Spec{Strategy: OneForAll, Children: workers(d, "x")})}})
	d.take()
	send(s, "top/in/x", &boom{})
	receive(t, "done", s.Done())
	err := s.Err()
	var e *Escalation
	if !errors.As(err, &e) || e.Path != "top" || !errors.As(e.Cause, &e) || e.Path != "top/in" || e.Strategy != OneForAll {
		t.Fatal(err)
	}
	var c *Crash
	if !errors.As(err, &c) || c.Path != "top/in/x" || c.Reason != "boom x" || c.Message != "*supervision.boom" ||
		!strings.HasPrefix(c.Stack, "warren/supervision.(*worker).Receive") {
		t.Fatalf("%+v", c)
	}
	d.expect(t, "x terminates: shutdown", "a terminates: shutdown")
}

func TestAutoShutdown(t *testing.T) {
	for _, c := range []struct {
		auto AutoShutdown
		quit []string
		ends bool
	}{
		{Never, []string{"r1", "r2"}, false},
		{AnySignificant, []string{"r2"}, true},
		{AllSignificant, []string{"r1"}, false},
		{AllSignificant, []string{"r1", "r2"}, true},
	} {
		d := &diary{}
		r1, r2 := workerSpec(d, "r1", Transient), workerSpec(d, "r2", Temporary)
		r1.Significant, r2.Significant = true, true
		s := boot(t, Spec{Strategy: SimpleOneForOne, Limit: lenient})
		in := nested("in", Spec{AutoShutdown: c.auto, Children: []ChildSpec{workerSpec(d, "w", Permanent), r1, r2}})
		in.Restart = Temporary
		ask(t, s, "top", &StartChild{Spec: in})
		for _, id := range c.quit {
			send(s, "top/in/"+id, &quit{})
			eventually(t, id, func() bool { return d.has(id + " terminates: normal") })
		}
		if c.ends {
			eventually(t, "the end", func() bool { return len(s.Tree()) == 1 })
			if !d.has("w terminates: shutdown") {
				t.Fatal(c, d.take())
			}
			continue
		}
		// the supervisor has dealt with the ends when it has answered this
		ask(t, s, "top/in", &TerminateChild{ID: "nobody"})
		if got := state(s, "top/in/w"); got != "running" {
			t.Fatal(c, got)
		}
	}
}

// A child that ignores its shutdown is abandoned, its successor has the name, and what the old one does when it comes
// back harms nobody.
func TestStuckChildIsAbandoned(t *testing.T) {
	d := &diary{}
	release := make(chan struct{})
	var returned atomic.Bool
	slow := workerSpec(d, "slow", Permanent)
	slow.Shutdown = 20 * time.Millisecond
	first := true
	slow.New = func(uint64) actor.Actor {
		w := &worker{id: "slow", d: d}
		if first {
			first = false
			w.stop = func(Reason) { <-release; returned.Store(true) }
		}
		return w
	}
	s := boot(t, Spec{Strategy: RestForOne, Limit: lenient, Children: []ChildSpec{workerSpec(d, "a", Permanent), slow}})
	d.take()
	old := s.PID("top/slow")
	watched := make(chan struct{})
	s.Actors().Root.Spawn(actor.PropsFromFunc(func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case *actor.Started:
			ctx.Watch(old)
		case *actor.Terminated:
			close(watched)
		}
	}))
	ask(t, s, "top/slow", &ping{})
	send(s, "top/a", &boom{})
	eventually(t, "successor", func() bool { return d.has("slow started") })
	receive(t, "watcher told", watched)
	d.expect(t, "a terminates: restart", "slow terminates: restart", "a started", "slow started")
	close(release)
	eventually(t, "old one back", returned.Load)
	for range 3 { // it may take a moment to do harm
		if got := ask(t, s, "top/slow", &ping{}); got != "slow" {
			t.Fatal(got)
		}
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
}

// Stop comes to an end whatever its actors do, and names those that did not.
func TestStopNamesWhomItAbandons(t *testing.T) {
	d := &diary{}
	release := make(chan struct{})
	defer close(release)
	stuck := workerSpec(d, "stuck", Permanent)
	stuck.Shutdown = 20 * time.Millisecond
	s := boot(t, Spec{Limit: lenient, Children: []ChildSpec{workerSpec(d, "a", Permanent), stuck}})
	begun := make(chan struct{})
	send(s, "top/stuck", &hold{until: release, begun: begun})
	receive(t, "its turn", begun) // a stop would overtake the message
	if err := s.Stop(); err == nil || !strings.Contains(err.Error(), `["top/stuck"]`) {
		t.Fatal(err)
	}
	if !d.has("a terminates: shutdown") {
		t.Fatal(d.take())
	}
}

// Abandoning a supervisor takes everything below it out of the way.
func TestStuckSubtreeIsAbandoned(t *testing.T) {
	d := &diary{}
	release := make(chan struct{})
	defer close(release)
	x := workerSpec(d, "x", Permanent)
	x.Shutdown = Infinity
	first := true
	x.New = func(uint64) actor.Actor {
		w := &worker{id: "x", d: d}
		if first {
			first = false
			w.stop = func(Reason) { <-release }
		}
		return w
	}
	in := nested("in", Spec{Limit: lenient, Children: []ChildSpec{x}})
	in.Shutdown = 20 * time.Millisecond
	s := boot(t, Spec{Strategy: OneForAll, Limit: lenient, Children: []ChildSpec{workerSpec(d, "a", Permanent), in}})
	send(s, "top/a", &boom{})
	eventually(t, "again", func() bool { return d.count("x started") == 2 && state(s, "top/in") == "running" })
	if got := ask(t, s, "top/in/x", &ping{}); got != "x" {
		t.Fatal(got)
	}
}

func TestBrutalShutdownDoesNotTerminate(t *testing.T) {
	d := &diary{}
	x := workerSpec(d, "x", Permanent)
	x.Shutdown = Brutal
	s := boot(t, Spec{Limit: lenient, Children: []ChildSpec{x}})
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "x started")
}

// A child is told why it goes: its own wish, a restart, the shutdown, the end.
func TestTerminateReasons(t *testing.T) {
	d := &diary{}
	s := boot(t, Spec{Strategy: OneForAll, Limit: Limit{Restarts: 1, Within: time.Minute}, Children: workers(d, "a b")})
	if got := ask(t, s, "top", &StartChild{Spec: workerSpec(d, "c", Transient)}); got.(*ChildStarted).ID != "c" {
		t.Fatal(got)
	}
	d.take()
	send(s, "top/a", &boom{})
	eventually(t, "restart", func() bool { return d.has("c started") })
	ask(t, s, "top", &TerminateChild{ID: "c"})
	send(s, "top/a", &boom{})
	receive(t, "the end", s.Done())
	d.expect(t, "a terminates: restart", "c terminates: restart", "b terminates: restart",
		"a started", "b started", "c started", "c terminates: gone",
		"b terminates: shutdown", "a terminates: shutdown")
}

// An actor without Terminate gets Proto.Actor's messages; a panic in them neither revives it nor keeps it undead.
func TestPanicWhileStoppingIsSwallowed(t *testing.T) {
	d := &diary{}
	s := boot(t, Spec{Limit: lenient, Children: []ChildSpec{{ID: "x", New: func(uint64) actor.Actor {
		return actor.ReceiveFunc(func(ctx actor.Context) {
			switch ctx.Message().(type) {
			case *actor.Started:
				d.add("started")
			case *boom:
				panic("boom")
			case *actor.Stopping, *actor.Stopped:
				d.add("%T", ctx.Message())
				panic("cleanup")
			}
		})
	}}}})
	send(s, "top/x", &boom{})
	eventually(t, "restart", func() bool { return d.count("started") == 2 && state(s, "top/x") == "running" })
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "started", "*actor.Stopping", "*actor.Stopped", "started", "*actor.Stopping", "*actor.Stopped")
}

// Stopping a supervisor from outside, the Proto.Actor way, still is an ordered shutdown.
func TestPlainStopOfASupervisor(t *testing.T) {
	d := &diary{}
	in := nested("in", Spec{Limit: lenient, Children: workers(d, "a b")})
	in.Restart = Transient
	s := boot(t, Spec{Limit: lenient, Children: []ChildSpec{in}})
	d.take()
	s.Actors().Root.Stop(s.PID("top/in"))
	eventually(t, "gone", func() bool { return state(s, "top/in") == "stopped" })
	d.expect(t, "b terminates: shutdown", "a terminates: shutdown")
}

// A supervisor that panics while it shuts down, too: its children terminate all the same, a supervisor among them in order, one that is stuck is
// left behind, and its successor finds all names free.
func TestSupervisorThatCannotShutDown(t *testing.T) {
	d := &diary{}
	below := nested("below", Spec{Limit: lenient, Children: workers(d, "b c")})
	in := nested("in", Spec{Limit: lenient, Children: []ChildSpec{workerSpec(d, "a", Permanent), below, workerSpec(d, "stuck", Permanent)}})
	broken := workerSpec(d, "broken", Temporary)
	var s *System
	broken.OnExit = func(Reason) { // in the supervisor's turn
		s.nodes.find("top/in").life.own.(*supervisor).spec = nil
	}
	s = boot(t, Spec{Limit: lenient, Children: []ChildSpec{in}})
	s.Watch(Watchdog{StuckAfter: 10 * time.Millisecond, ReplaceAfter: 20 * time.Millisecond})
	for _, spec := range []ChildSpec{broken, workerSpec(d, "dynamic", Temporary)} {
		ask(t, s, "top/in", &StartChild{Spec: spec})
	}
	d.take()
	begun, until := make(chan struct{}), make(chan struct{})
	defer close(until)
	send(s, "top/in/stuck", &hold{until: until, begun: begun})
	receive(t, "stuck", begun)
	send(s, "top/in/broken", &quit{})
	eventually(t, "broken", func() bool { return state(s, "top/in/broken") == "" })
	send(s, "top/in/a", &boom{})
	eventually(t, "all again", func() bool {
		return d.count("stuck started") == 1 && state(s, "top/in") == "running" && node1(t, s, "top/in").Restarts == 1
	})
	lines := d.take()
	for _, want := range []string{"a terminates: restart", "b terminates: restart", "c terminates: restart", "dynamic terminates: restart", "a started", "b started", "c started", "stuck started"} {
		if !slices.Contains(lines, want) {
			t.Errorf("no %q in %q", want, lines)
		}
	}
	if slices.Index(lines, "c terminates: restart") > slices.Index(lines, "b terminates: restart") {
		t.Errorf("not in order: %q", lines)
	}
	if got := ask(t, s, "top/in/below/b", &ping{}); got != "b" {
		t.Error(got)
	}
}

// The spec is looked at before anything starts.
func TestInvalidSpecs(t *testing.T) {
	ok := func(uint64) actor.Actor { return &worker{} }
	for want, spec := range map[string]Spec{
		"without an id":   {Children: []ChildSpec{{New: ok}}},
		"not escaped":     {Children: []ChildSpec{{ID: "a/b", New: ok}}},
		"either New":      {Children: []ChildSpec{{ID: "a"}}},
		"appears twice":   {Children: []ChildSpec{{ID: "a", New: ok}, {ID: "a", New: ok}}},
		"permanent":       {Children: []ChildSpec{{ID: "a", New: ok, Significant: true}}},
		"no static":       {Strategy: SimpleOneForOne, Children: []ChildSpec{{ID: "a", New: ok}}},
		`below "in"`:      {Children: []ChildSpec{nested("in", Spec{Children: []ChildSpec{{ID: "a"}}})}},
		"unknown strateg": {Strategy: 7},
	} {
		err := NewSystem(zerolog.Nop()).Start("top", spec)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestTreeSnapshot(t *testing.T) {
	d := &diary{}
	s := boot(t, Spec{Strategy: RestForOne, Limit: lenient, Children: []ChildSpec{
		nested("z", Spec{Strategy: SimpleOneForOne, Limit: lenient}),
		nested("m", Spec{Strategy: OneForAll, Limit: lenient, Children: workers(d, "b a")}),
		{ID: "w", Kind: "queue", Restart: Transient, New: workerSpec(d, "w", Transient).New}}})
	for _, id := range []string{"2", "10", "1"} {
		ask(t, s, "top/z", &StartChild{Spec: workerSpec(d, id, Temporary)})
	}
	var paths []string
	for _, n := range s.Tree() {
		paths = append(paths, n.Path)
	}
	want := []string{"top", "top/z", "top/z/2", "top/z/10", "top/z/1", "top/m", "top/m/b", "top/m/a", "top/w"}
	if !slices.Equal(paths, want) {
		t.Fatal(paths)
	}
	if n := node1(t, s, "top/m"); n.Strategy != "one_for_all" || n.Kind != "supervisor" || n.State != Running {
		t.Fatalf("%+v", n)
	}
	n := node1(t, s, "top/w")
	if n.Strategy != "" || n.Kind != "queue" || n.Restart != Transient || time.Since(n.Since) > time.Minute || n.LastReason != "" {
		t.Fatalf("%+v", n)
	}
	// mailbox length of an actor that is busy
	release := make(chan struct{})
	send(s, "top/w", &hold{until: release})
	for range 10 {
		send(s, "top/w", &note{"x"})
	}
	eventually(t, "length", func() bool { l := node1(t, s, "top/w").MailboxLength; return l >= 10 && l <= 11 })
	close(release)
	eventually(t, "drained", func() bool { return node1(t, s, "top/w").MailboxLength == 0 })
	send(s, "top/w", &boom{})
	eventually(t, "restart", func() bool { return node1(t, s, "top/w").Restarts == 1 && state(s, "top/w") == "running" })
	m := node1(t, s, "top/w")
	if m.Incarnation <= n.Incarnation || !strings.Contains(m.LastReason, "boom w") || m.LastStack == "" || m.InjectedRestarts != 0 {
		t.Fatalf("%+v", m)
	}
}
