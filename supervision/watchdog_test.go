package supervision

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"
)

// watched boots a tree with a watchdog and returns what it logs.
func watched(t *testing.T, w Watchdog, spec Spec) (*System, *lockedBuffer) {
	t.Helper()
	out := &lockedBuffer{}
	s := NewSystem(zerolog.New(out))
	s.Watch(w)
	if err := s.Start("top", spec); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s, out
}

// line is the first logged one with that message.
func line(t *testing.T, out *lockedBuffer, message string) map[string]any {
	t.Helper()
	var found map[string]any
	eventually(t, message, func() bool {
		for _, l := range out.lines() {
			var fields map[string]any
			if json.Unmarshal([]byte(l), &fields) == nil && strings.HasPrefix(fields["message"].(string), message) {
				found = fields
				return true
			}
		}
		return false
	})
	return found
}

// Issue 5, point 6: a stuck actor is named with its stack and replaced after a deadline. When its turn ends after all, nothing comes
// of it: what waited in its mailbox is gone, and its successor lives.
func TestStuckActorIsNamedAndReplaced(t *testing.T) {
	d := &diary{}
	x := workerSpec(d, "x", Permanent)
	x.Kind = "queue"
	x.Shutdown = time.Hour // nobody waits for a turn that does not end
	s, out := watched(t, Watchdog{StuckAfter: 50 * time.Millisecond, ReplaceAfter: 100 * time.Millisecond},
		Spec{Limit: lenient, Children: []ChildSpec{x, workerSpec(d, "y", Permanent)}})
	until, begun := make(chan struct{}), make(chan struct{})
	before := node1(t, s, "top/x").Incarnation
	send(s, "top/x", &hold{until, begun})
	receive(t, "the turn", begun)
	send(s, "top/x", &note{"lost"})

	l := line(t, out, "actor is stuck")
	if l["path"] != "top/x" || l["kind"] != "queue" || l["incarnation"] != float64(before) || l["message_type"] != "*supervision.hold" ||
		!strings.Contains(l["stack"].(string), "(*worker).Receive") || strings.Contains(l["stack"].(string), "(*mailbox)") {
		t.Errorf("%v", l)
	}
	eventually(t, "the successor", func() bool {
		n := node1(t, s, "top/x")
		return n.State == Running && n.Incarnation > before && n.Restarts == 1
	})
	if n := node1(t, s, "top/x"); !strings.Contains(n.LastReason, "was stuck in *supervision.hold") || !strings.Contains(n.LastStack, "Receive") {
		t.Errorf("%+v", n)
	}
	send(s, "top/x", &note{"first"})
	eventually(t, "first", func() bool { return d.has("x first") })
	close(until)
	send(s, "top/x", &note{"second"})
	eventually(t, "second", func() bool { return d.has("x second") })
	if d.has("x lost") || d.count("x started") != 2 || d.has("x terminates: restart") || d.count("y started") != 1 {
		t.Errorf("%q", d.take())
	}
	lines := out.lines()
	if n := len(slices.DeleteFunc(lines, func(l string) bool { return !strings.Contains(l, "actor is stuck") })); n != 1 {
		t.Errorf("named %d times", n)
	}
}

// A busy actor is not a stuck one, however long it is busy; neither is one that starts or stops, which have deadlines of their own.
func TestBusyIsNotStuck(t *testing.T) {
	d := &diary{}
	const after = time.Second
	slow := workerSpec(d, "slow", Permanent)
	slow.StartTimeout = time.Hour
	gate := make(chan struct{})
	slow.New = func(uint64) actor.Actor { return &worker{id: "slow", d: d, started: func(actor.Context) { <-gate }} }
	go func() {
		<-time.After(after * 5 / 4)
		close(gate)
	}()
	s, out := watched(t, Watchdog{StuckAfter: after, ReplaceAfter: after}, Spec{Children: append([]ChildSpec{slow}, workers(d, "busy")...)})
	for end := time.Now().Add(after * 3 / 2); time.Now().Before(end); {
		until := make(chan struct{})
		close(until)
		for range 100 {
			send(s, "top/busy", &hold{until: until})
		}
		send(s, "top/busy", &note{"done"})
		eventually(t, "the burst", func() bool { return d.count("busy done") > 0 })
		d.take()
	}
	for _, l := range out.lines() {
		if strings.Contains(l, "stuck") {
			t.Error(l)
		}
	}
}

// A hang on order counts against no limit; an actor that must not be two at once is named and kept.
func TestHang(t *testing.T) {
	d := &diary{}
	kept := workerSpec(d, "kept", Permanent)
	kept.Irreplaceable = true
	s, out := watched(t, Watchdog{StuckAfter: 10 * time.Millisecond, ReplaceAfter: 20 * time.Millisecond},
		Spec{Children: append(workers(d, "a"), kept)}) // no limit allows anything
	if err := s.Hang("top/a"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "replaced", func() bool { return d.count("a started") == 2 })
	if n := node1(t, s, "top/a"); n.InjectedRestarts != 1 || n.Restarts != 0 {
		t.Errorf("%+v", n)
	}
	until, begun := make(chan struct{}), make(chan struct{})
	send(s, "top/kept", &hold{until, begun})
	receive(t, "the turn", begun)
	eventually(t, "named", func() bool { return strings.Contains(strings.Join(out.lines(), ""), `"path":"top/kept"`) })
	if err := s.Hang("top/a"); err != nil { // which begins later, and is replaced
		t.Fatal(err)
	}
	eventually(t, "replaced", func() bool { return d.count("a started") == 3 })
	close(until)
	send(s, "top/kept", &note{"goes on"})
	eventually(t, "it goes on", func() bool { return d.has("kept goes on") })
	if d.count("kept started") != 1 {
		t.Error("it was replaced")
	}
}
