package supervision

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"
)

// diary is what actors and supervisors write down, in order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) add(format string, a ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, a...))
}

func (d *diary) take() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.lines
	d.lines = nil
	return l
}

func (d *diary) count(line string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for _, l := range d.lines {
		if l == line {
			n++
		}
	}
	return n
}

func (d *diary) has(line string) bool { return d.count(line) > 0 }

// expect takes the whole diary.
func (d *diary) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := d.take(); !slices.Equal(got, want) {
		t.Fatalf("diary:\n got %q\nwant %q", got, want)
	}
}

// eventually polls: the event it waits for is another goroutine's.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func receive[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(10 * time.Second):
		t.Fatalf("never: %s", what)
		panic("unreachable")
	}
}

// what a worker understands
type (
	boom struct{}
	quit struct{}
	ping struct{}
	note struct{ text string }
	hold struct {
		until <-chan struct{} // the turn does not end before that
		begun chan<- struct{} // may be nil
	}
)

// worker writes its life into the diary.
type worker struct {
	id      string
	d       *diary
	started func(ctx actor.Context)
	stop    func(Reason)
}

func (w *worker) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		if w.started != nil {
			w.started(ctx)
		}
		w.d.add("%s started", w.id)
	case *boom:
		panic("boom " + w.id)
	case *quit:
		ctx.Stop(ctx.Self())
	case *note:
		w.d.add("%s %s", w.id, m.text)
	case *hold:
		if m.begun != nil {
			close(m.begun)
		}
		<-m.until
	case *ping:
		ctx.Respond(w.id)
	}
}

func (w *worker) Terminate(_ actor.Context, r Reason) {
	w.d.add("%s terminates: %v", w.id, r)
	if w.stop != nil {
		w.stop(r)
	}
}

func workerSpec(d *diary, id string, r Restart) ChildSpec {
	return ChildSpec{ID: id, Restart: r, Shutdown: time.Second, New: func(uint64) actor.Actor { return &worker{id: id, d: d} }}
}

func workers(d *diary, ids string) []ChildSpec {
	var out []ChildSpec
	for _, id := range strings.Fields(ids) {
		out = append(out, workerSpec(d, id, Permanent))
	}
	return out
}

// boot starts "top" with that spec, and stops it with the test.
func boot(t *testing.T, spec Spec) *System {
	t.Helper()
	s := NewSystem(zerolog.Nop())
	if err := s.Start("top", spec); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return s
}

func send(s *System, path string, msg any) { s.Send(s.PID(path), msg) }

// ask returns the answer of whoever lives at path.
func ask(t *testing.T, s *System, path string, msg any) any {
	t.Helper()
	answer, err := s.Actors().Root.RequestFuture(s.PID(path), msg, 10*time.Second).Result()
	if err != nil {
		t.Fatalf("ask %s: %v", path, err)
	}
	return answer
}

func node1(t *testing.T, s *System, path string) Node {
	t.Helper()
	for _, n := range s.Tree() {
		if n.Path == path {
			return n
		}
	}
	t.Fatalf("no node %s", path)
	return Node{}
}

func state(s *System, path string) string {
	for _, n := range s.Tree() {
		if n.Path == path {
			return n.State.String()
		}
	}
	return ""
}
