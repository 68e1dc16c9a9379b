package supervision

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"
)

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSpace(l.b.String()), "\n")
}

// An injected crash is a crash like any other, but counted apart, and nobody gives up for it unless asked to.
func TestInjectedCrashesDoNotCount(t *testing.T) {
	d := &diary{}
	x := workerSpec(d, "x", Permanent)
	x.GiveUp = &Limit{}
	s := boot(t, Spec{Children: []ChildSpec{workerSpec(d, "a", Permanent), x}}) // both limits allow nothing
	d.take()
	for i := range 5 {
		for _, id := range []string{"a", "x"} {
			if err := s.Crash("top/"+id, false); err != nil {
				t.Fatal(err)
			}
			eventually(t, "restart", func() bool {
				n := node1(t, s, "top/"+id)
				return n.InjectedRestarts == i+1 && n.State == Running
			})
		}
	}
	if n := node1(t, s, "top/a"); n.Restarts != 0 || !strings.Contains(n.LastReason, "injected") || n.LastStack == "" {
		t.Fatalf("%+v", n)
	}
	if !d.has("a terminates: restart") || !d.has("x terminates: restart") {
		t.Fatal(d.take())
	}
	if err := s.Crash("top/x", true); err != nil {
		t.Fatal(err)
	}
	eventually(t, "given up", func() bool { return state(s, "top/x") == "crashed" })
	if err := s.Crash("top/x", true); err == nil || !strings.Contains(err.Error(), "crashed") {
		t.Fatal(err)
	}
	if err := s.Crash("top/a", true); err != nil {
		t.Fatal(err)
	}
	receive(t, "the end", s.Done())
	var c *Crash
	if !errors.As(s.Err(), &c) || !c.Injected || c.Path != "top/a" {
		t.Fatal(s.Err())
	}
}

func TestCrashRefuses(t *testing.T) {
	s := boot(t, Spec{})
	if err := s.Crash("top", true); err == nil {
		t.Fatal("a supervisor")
	}
	if err := s.Crash("top/nobody", true); !errors.Is(err, ErrNotFound) {
		t.Fatal(err)
	}
}

// One structured line per crash, with the stack from where it happened.
func TestCrashIsLogged(t *testing.T) {
	d, out := &diary{}, &lockedBuffer{}
	s := NewSystem(zerolog.New(out))
	x := workerSpec(d, "x", Permanent)
	x.Kind = "queue"
	if err := s.Start("top", Spec{Limit: lenient, Children: []ChildSpec{x}}); err != nil {
		t.Fatal(err)
	}
	send(s, "top/x", &boom{})
	eventually(t, "restart", func() bool { return d.count("x started") == 2 })
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	lines := out.lines()
	if len(lines) != 1 {
		t.Fatalf("%q", lines)
	}
	var line struct {
		Level, Path, Kind, Reason, Stack, Message string
		MessageType                               string `json:"message_type"`
		Incarnation                               uint64
		Injected                                  *bool
	}
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil {
		t.Fatal(err)
	}
	if line.Level != "error" || line.Path != "top/x" || line.Kind != "queue" || line.Reason != "boom x" || line.Incarnation != 2 ||
		line.MessageType != "*supervision.boom" || line.Injected == nil || *line.Injected ||
		!strings.HasPrefix(line.Stack, "warren/supervision.(*worker).Receive(") || line.Message != "actor crashed" {
		t.Fatalf("%+v", line)
	}
}

// runtime.Goexit (a FailNow in a test's actor) wedges Proto.Actor's mailbox for ever; here it is a crash.
func TestGoexitIsACrash(t *testing.T) {
	d := &diary{}
	x := workerSpec(d, "x", Permanent)
	x.New = func(uint64) actor.Actor {
		return actor.ReceiveFunc(func(ctx actor.Context) {
			switch ctx.Message().(type) {
			case *actor.Started:
				d.add("started")
			case *quit:
				goexit()
			}
		})
	}
	s := boot(t, Spec{Limit: lenient, Children: []ChildSpec{x}})
	send(s, "top/x", &quit{})
	eventually(t, "restart", func() bool { return d.count("started") == 2 })
	if n := node1(t, s, "top/x"); !strings.Contains(n.LastReason, "Goexit") {
		t.Fatalf("%+v", n)
	}
}

// What a crashed incarnation had not handled, and what comes while nobody is there, goes to the dead letters and is
// answered there; nothing is logged for it.
func TestLeftoversAreDeadLetters(t *testing.T) {
	d, out := &diary{}, &lockedBuffer{}
	s := NewSystem(zerolog.New(out))
	x := workerSpec(d, "x", Temporary)
	if err := s.Start("top", Spec{Limit: lenient, Children: []ChildSpec{x}}); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	send(s, "top/x", &hold{until: release})
	send(s, "top/x", &quit{})
	send(s, "top/x", &boom{})
	for range 100 {
		send(s, "top/x", &note{"lost"})
	}
	future := s.Actors().Root.RequestFuture(s.PID("top/x"), &ping{}, time.Minute)
	close(release)
	if _, err := future.Result(); !errors.Is(err, actor.ErrDeadLetter) {
		t.Fatal(err)
	}
	send(s, "top/x", &note{"late"})
	eventually(t, "all there", func() bool { return s.DeadLetters() >= 102 })
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	if lines := out.lines(); len(lines) != 1 && lines[0] != "" {
		t.Fatalf("%q", lines)
	}
}

// casualty notes what it died of.
type casualty struct {
	worker
	died func(any)
}

func (c *casualty) Crashed(message any) { c.died(message) }

// DESIGN section 5, poison: an actor hears what it died of before its successor lives, but not of a crash on order.
func TestCasualtyHearsWhatItDiedOf(t *testing.T) {
	d := &diary{}
	spec := workerSpec(d, "x", Permanent)
	spec.New = func(uint64) actor.Actor {
		return &casualty{worker{id: "x", d: d}, func(m any) {
			d.add("died of %T", m)
			panic("once more") // which must not matter
		}}
	}
	s := boot(t, Spec{Limit: lenient, Children: []ChildSpec{spec}})
	send(s, "top/x", &boom{})
	eventually(t, "the successor", func() bool { return d.count("x started") == 2 })
	if err := s.Crash("top/x", false); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the next", func() bool { return d.count("x started") == 3 })
	d.expect(t, "x started", "died of *supervision.boom", "x terminates: restart", "x started", "x terminates: restart", "x started")
}
