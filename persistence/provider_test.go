package persistence

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	proto_actor "github.com/asynkron/protoactor-go/persistence"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"warren/persistence/journal"
	"warren/persistence/vfs"
)

const ledger = "ledger"

func (d *desk) provider(incarnation uint64) *Provider {
	return &Provider{
		Log: d.log, Send: d.sys.Send, Incarnation: incarnation, From: d.owner,
		Event: &wrapperspb.StringValue{}, Snapshot: &wrapperspb.BytesValue{}, Interval: 3,
	}
}

// all is what a recovery sees: the snapshot with its index, then the events.
func all(s proto_actor.ProviderState, name string) (out string) {
	s.Restart()
	from := 0
	if snapshot, at, ok := s.GetSnapshot(name); ok {
		out = fmt.Sprintf("[%s]%d ", snapshot.(*wrapperspb.BytesValue).Value, at)
		from = at
	}
	s.GetEvents(name, from, 0, func(e any) { out += e.(*wrapperspb.StringValue).Value })
	return out
}

func persist(s proto_actor.ProviderState, from int, events ...string) {
	for i, e := range events {
		s.PersistEvent(ledger, from+i, wrapperspb.String(e))
	}
}

func (d *desk) expect(s proto_actor.ProviderState, want string) {
	d.t.Helper()
	if got := all(s, ledger); got != want {
		d.t.Errorf("%q, want %q", got, want)
	}
}

func panics(t *testing.T, what string, f func()) (reason string) {
	t.Helper()
	defer func() {
		t.Helper()
		if r := recover(); r != nil {
			reason = fmt.Sprint(r)
		} else {
			t.Errorf("%s: taken", what)
		}
	}()
	f()
	return ""
}

// What Proto.Actor's interface promises: events in order, from an index to another; a snapshot in front of what is not in it; all of
// it the same for the incarnation that wrote it, for the next one, and for the next process.
func TestProviderState(t *testing.T) {
	fs := vfs.NewMemory()
	d := newDesk(t, fs)
	s := d.provider(1).GetState()
	d.expect(s, "")
	if s.GetSnapshotInterval() != 3 || (&Provider{}).GetState().GetSnapshotInterval() != 1 {
		t.Error("interval")
	}
	persist(s, 0, "a", "b", "c", "d")
	d.expect(s, "abcd")
	persist(s, 2, "again", "again") // a repeat is there already
	d.expect(s, "abcd")
	s.PersistSnapshot(ledger, 3, wrapperspb.Bytes([]byte("abc")))
	persist(s, 4, "e", "f")
	d.expect(s, "[abc]3 def")
	part := ""
	s.Restart()
	s.GetEvents(ledger, 4, 5, func(e any) { part += e.(*wrapperspb.StringValue).Value })
	if part != "e" {
		t.Errorf("events 4 to 5: %s", part)
	}
	panics(t, "a gap", func() { persist(s, 7, "x") })
	panics(t, "a snapshot of what is not there", func() { s.PersistSnapshot(ledger, 7, wrapperspb.Bytes(nil)) })

	second := d.provider(2).GetState()
	d.expect(second, "[abc]3 def")
	persist(second, 6, "g")
	if reason := panics(t, "a stale writer", func() { persist(s, 7, "x") }); !strings.Contains(reason, journal.ErrStale.Error()) {
		t.Error(reason)
	}
	d.durable(7)
	next := newDesk(t, fs.Kill())
	third := next.provider(1).GetState()
	next.expect(third, "[abc]3 defg")
	next.expect(third, "[abc]3 defg") // the second time from the disk
	persist(third, 7, "h")
	next.expect(third, "[abc]3 defgh")
}

// DeleteSnapshots and DeleteEvents take away what they name, in this process and in the next; what is newer stays.
func TestProviderDeletes(t *testing.T) {
	for _, c := range []struct {
		what string
		do   func(proto_actor.ProviderState)
		want string
	}{
		{"a snapshot", func(s proto_actor.ProviderState) { s.DeleteSnapshots(ledger, 2) }, "cd"},
		{"an older snapshot", func(s proto_actor.ProviderState) { s.DeleteSnapshots(ledger, 1) }, "[ab]2 cd"},
		{"events of the snapshot", func(s proto_actor.ProviderState) { s.DeleteEvents(ledger, 1) }, "[ab]2 cd"},
		{"one event more", func(s proto_actor.ProviderState) { s.DeleteEvents(ledger, 2) }, "[ab]3 d"},
		{"a snapshot, then an event", func(s proto_actor.ProviderState) { s.DeleteSnapshots(ledger, 9); s.DeleteEvents(ledger, 2) }, "d"},
		{"all events", func(s proto_actor.ProviderState) { s.DeleteEvents(ledger, 3) }, "[ab]4 "},
	} {
		fs := vfs.NewMemory()
		d := newDesk(t, fs)
		s := d.provider(1).GetState()
		persist(s, 0, "a", "b", "c", "d")
		s.PersistSnapshot(ledger, 2, wrapperspb.Bytes([]byte("ab")))
		c.do(s)
		if got := all(s, ledger); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
		if err := d.sys.Stop(); err != nil { // writes what waits
			t.Fatal(err)
		}
		next := newDesk(t, fs.Kill())
		s = next.provider(1).GetState()
		if got := all(s, ledger); got != c.want {
			t.Errorf("%s, after the process: %q, want %q", c.what, got, c.want)
		}
		persist(s, 4, "e")
		if got := all(s, ledger); got != c.want+"e" {
			t.Errorf("%s, one more: %q", c.what, got)
		}
	}
}

// DESIGN 5, the journal dies: appends are kept by the persistence layer until they are durable, and the new incarnation writes that
// tail. Who wrote them need not even notice.
func TestProviderOverCrashesOfTheJournal(t *testing.T) {
	fs := vfs.NewMemory()
	d := newDesk(t, fs)
	w := NewWriter(d.provider(1), ledger)
	const n = 100
	for i := range n {
		w.Event(wrapperspb.String("x"))
		if i%30 == 29 {
			w.Snapshot(wrapperspb.Bytes([]byte("so far")))
		}
		if i%20 == 10 {
			_ = d.sys.Crash("top/journal", false) // or it is between two incarnations
		}
	}
	for deadline := time.Now().Add(20 * time.Second); ; {
		if next, sent, safe := d.log.tail(ledger).state(); next == n && sent == safe {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("never durable")
		}
		select {
		case <-d.heard:
		case <-time.After(100 * time.Millisecond):
		}
	}
	if len(d.log.unwritten()) > 0 {
		t.Error("what is on disk is kept")
	}
	s := newDesk(t, fs.Kill()).provider(1).GetState()
	s.Restart()
	_, at, ok := s.GetSnapshot(ledger)
	events := 0
	s.GetEvents(ledger, at, 0, func(any) { events++ })
	if !ok || at != 90 || events != 10 {
		t.Errorf("snapshot at %d %v, %d events", at, ok, events)
	}
}

// Answers wait for the disk, also those to what was only asked again of a new incarnation.
func TestWriterAnswersWhenSafe(t *testing.T) {
	memory := vfs.NewMemory()
	fs := vfs.NewFaulty(memory)
	d := newDesk(t, fs)
	w := NewWriter(d.provider(1), ledger)
	answers := 0
	answer := func(actor.Context) { answers++ }
	w.WhenSafe(nil, answer)
	if answers != 1 {
		t.Error("nothing to wait for")
	}
	fs.Watch(func(vfs.Op, string) error { return errors.New("no") })
	w.Event(wrapperspb.String("a"))
	w.WhenSafe(nil, answer)
	again := NewWriter(d.provider(2), ledger)
	again.WhenSafe(nil, answer)
	again.Snapshot(wrapperspb.Bytes([]byte("a")))
	again.WhenSafe(nil, answer)
	if answers != 1 {
		t.Fatal("answered before anything is on disk")
	}
	fs.Heal()
	for deadline := time.After(20 * time.Second); answers < 4; {
		select {
		case m := <-d.heard:
			w.Durable(nil, m)
			again.Durable(nil, m)
		case <-deadline:
			t.Fatalf("%d answers", answers)
		}
	}
	if got := all(newDesk(t, memory.Kill()).provider(1).GetState(), ledger); got != "[a]1 " {
		t.Error(got)
	}
}

// What a newer version wrote is refused, and what is not protobuf.
func TestProviderRefuses(t *testing.T) {
	for want, r := range map[string]Record{
		"unknown kind 9": {Kind: 9}, "stream ledger: record 1": {Kind: kindEvent, Payload: []byte{0xff}},
	} {
		fs := vfs.NewMemory()
		d := newDesk(t, fs)
		d.stream = ledger
		d.append(r)
		d.durable(1)
		s := newDesk(t, fs.Kill()).provider(1).GetState()
		if reason := panics(t, want, func() { all(s, ledger) }); !strings.Contains(reason, want) {
			t.Errorf("%s, want %s", reason, want)
		}
	}
}

// A stream that was forgotten leaves nothing that a later incarnation of the journal would write.
func TestForgottenStreamStaysForgotten(t *testing.T) {
	memory := vfs.NewMemory()
	fs := vfs.NewFaulty(memory)
	d := newDesk(t, fs)
	fs.Watch(func(vfs.Op, string) error { return errors.New("no") })
	persist(d.provider(1).GetState(), 0, "a")
	d.sys.Send(d.log.PID, &Forget{Stream: ledger})
	fs.Heal()
	d.append(record(1))
	d.durable(1)
	if got := len(d.log.unwritten()); got > 0 {
		t.Errorf("%d", got)
	}
	if got := newDesk(t, memory.Kill()).log.Streams(); len(got) != 1 {
		t.Errorf("streams %v", got)
	}
}

// A stream that begins while the journal asks which are over is not taken for one of them.
func TestRetainLeavesWhatBegins(t *testing.T) {
	d := newDesk(t, vfs.NewMemory())
	s := d.provider(1).GetState()
	s.PersistEvent("over", 0, wrapperspb.String("x"))
	asked, done := make(chan struct{}), make(chan struct{})
	d.sys.Send(d.log.PID, &Retain{Keep: func() func(string) bool {
		close(asked)
		<-done
		return func(string) bool { return false }
	}})
	<-asked
	persist(s, 0, "a")
	close(done)
	persist(s, 1, "b")
	d.expect(s, "ab")
	d.append(record(1))
	d.durable(1) // the journal is behind all that
	d.expect(s, "ab")
	if got := all(s, "over"); got != "" {
		t.Errorf("over: %q", got)
	}
}

// account is an actor as Proto.Actor's documentation has it: what it receives it persists, and a snapshot when it is asked for one.
type account struct {
	proto_actor.Mixin
	text string
}

func (a *account) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *proto_actor.RequestSnapshot:
		a.PersistSnapshot(wrapperspb.Bytes([]byte(a.text)))
	case *wrapperspb.BytesValue:
		a.text = string(m.Value)
	case *wrapperspb.StringValue:
		if !a.Recovering() {
			a.PersistReceive(m)
		}
		a.text += m.Value
	case chan string:
		m <- a.text
	case string:
		panic(m)
	}
}

// Proto.Actor's Mixin stands on it: an actor that crashes, and one of the next process, have what they had.
func TestMixin(t *testing.T) {
	fs := vfs.NewMemory()
	run := func(d *desk) (tell func(any), text func() string) {
		incarnation := uint64(0)
		props := actor.PropsFromProducer(func() actor.Actor { return &account{} }, actor.WithReceiverMiddleware(func(next actor.ReceiverFunc) actor.ReceiverFunc {
			return func(c actor.ReceiverContext, e *actor.MessageEnvelope) {
				if _, started := e.Message.(*actor.Started); started {
					incarnation++
					proto_actor.Using(d.provider(incarnation))(next)(c, e)
					return
				}
				next(c, e)
			}
		}))
		root := d.sys.Actors().Root
		pid, err := root.SpawnNamed(props, ledger)
		if err != nil {
			t.Fatal(err)
		}
		return func(m any) { root.Send(pid, m) }, func() string {
			got := make(chan string, 1)
			root.Send(pid, got)
			select {
			case s := <-got:
				return s
			case <-time.After(20 * time.Second):
				t.Fatal("no answer")
				return ""
			}
		}
	}
	d := newDesk(t, fs)
	tell, text := run(d)
	for _, e := range []string{"a", "b", "c", "d", "e"} {
		tell(wrapperspb.String(e))
	}
	if got := text(); got != "abcde" {
		t.Fatal(got)
	}
	tell("a crash")
	tell(wrapperspb.String("f"))
	if got := text(); got != "abcdef" {
		t.Fatalf("after a crash %q", got)
	}
	d.durable(6)
	_, text = run(newDesk(t, fs.Kill()))
	if got := text(); got != "abcdef" {
		t.Errorf("in the next process %q", got)
	}
}
