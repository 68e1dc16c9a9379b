package node

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/auth"
	"warren/actors/vhost"
	"warren/persistence"
	"warren/persistence/journal"
	"warren/persistence/vfs"
	"warren/persistence/volatile"
	"warren/supervision"
)

// scene is the node's actor over a journal in memory, with a supervisor of vhosts that are mere names, and somebody who asks.
type scene struct {
	*supervision.System
	t       *testing.T
	log     *persistence.Log
	options Options
	heard   chan any
	ids     uint64

	mu     sync.Mutex
	closed []string
	lives  map[string]int // vhosts that run
}

const askerPath = "top/asker"

type noLedger struct{}

func (noLedger) Resident(int) {}

// stand is a vhost that does nothing.
type stand struct {
	*scene
	name     string
	governed int
}

// told asks it how often it was told of policies.
type told struct{ policies int }

func (s *stand) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		s.count(1)
	case *vhost.PoliciesChanged:
		s.governed++
	case *told:
		m.policies = s.governed
		s.heard <- m
	}
}

func (s *stand) Terminate(actor.Context, supervision.Reason) { s.count(-1) }

func (s *stand) count(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lives[s.name] += n
}

func newScene(t *testing.T, fs vfs.FS) *scene {
	t.Helper()
	s := &scene{System: supervision.NewSystem(zerolog.Nop()), t: t, heard: make(chan any, 1000), lives: map[string]int{}}
	s.log = persistence.NewLog(s.PID("top/core/journal"), fs, "data", persistence.Options{Options: journal.Options{SegmentBytes: 1 << 20}})
	vhosts := &VHosts{
		Supervisor: "top/core/vhosts", PID: func(name string) *actor.PID { return s.PID("top/core/vhosts/" + supervision.Escape(name)) },
		Spec: func(d *vhost.Directory) supervision.ChildSpec {
			return supervision.ChildSpec{ID: supervision.Escape(d.Name), New: func(uint64) actor.Actor { return &stand{scene: s, name: d.Name} }}
		},
	}
	s.options = Options{
		PID: s.PID("top/core/definitions"), Access: auth.NewAccess(nil), VHosts: vhosts, System: s.System, Streams: volatile.NewStore(),
		Journal: s.log, Ledger: noLedger{}, Log: zerolog.Nop(), CloseStrangers: func() {},
		First: func() (First, error) {
			return First{User: AddUser{Name: "guest"}, VHost: "/", Permissions: SetPermissions{"guest", "/", ".*", ".*", ".*"}}, nil
		},
		Close: func(user, vhost, reason string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.closed = append(s.closed, user+"@"+vhost+": "+reason)
		},
	}
	limit := supervision.Limit{Restarts: 100, Within: time.Second}
	asker := actor.ReceiveFunc(func(ctx actor.Context) {
		switch m := ctx.Message().(type) {
		case *Answer, *Up:
			s.heard <- m
		}
	})
	err := s.Start("top", supervision.Spec{Limit: limit, Children: []supervision.ChildSpec{
		{ID: "asker", New: func(uint64) actor.Actor { return asker }},
		{ID: "core", Supervisor: &supervision.Spec{Strategy: supervision.RestForOne, Limit: limit, Children: []supervision.ChildSpec{
			{ID: "journal", New: func(uint64) actor.Actor { return &persistence.Journal{Log: s.log, Logs: zerolog.Nop()} }},
			{ID: "definitions", New: func(i uint64) actor.Actor { return New(s.options, i) }},
			{ID: "vhosts", Supervisor: &supervision.Spec{Limit: limit, Dynamic: s.options.Specs}},
		}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	s.options.VHosts.Follow(s.PID(askerPath))
	return s
}

func (s *scene) request(c Command) *Request {
	s.ids++
	return &Request{ID: s.ids, From: s.PID(askerPath), Command: c}
}

// hear returns the next message to the asker.
func hear[T any](s *scene) T {
	s.t.Helper()
	for {
		select {
		case m := <-s.heard:
			if m, is := m.(T); is {
				return m
			}
		case <-time.After(20 * time.Second):
			s.t.Fatalf("never heard a %T", *new(T))
		}
	}
}

func (s *scene) tell(r *Request) error {
	s.t.Helper()
	s.Send(s.options.PID, r)
	for {
		switch m := hear[any](s).(type) {
		case *Up: // of a crash that came late: what was on its way is lost
			s.Send(s.options.PID, r)
		case *Answer:
			if m.ID == r.ID {
				return m.Err
			}
		}
	}
}

func (s *scene) must(c Command) {
	s.t.Helper()
	if err := s.tell(s.request(c)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) crash(path string) {
	s.t.Helper()
	if err := s.Crash(path, false); err != nil {
		s.t.Fatal(err)
	}
}

// running are the vhosts that run now.
func (s *scene) running() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for name, n := range s.lives {
		for range n {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func (s *scene) expect(want ...string) {
	s.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !slices.Equal(s.running(), want); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%v run, want %v", s.running(), want)
		}
	}
}

// O-13: an answer says that the vhost runs, or that nothing of it does; another of its name has another key.
func TestVHostsComeAndGo(t *testing.T) {
	s := newScene(t, vfs.NewMemory())
	s.expect("/")
	s.must(AddVHost{Name: "v"})
	if got := s.running(); !slices.Equal(got, []string{"/", "v"}) {
		t.Fatalf("%v run", got)
	}
	first := s.options.VHosts.Find("v")
	s.must(DeleteVHost{"v"})
	if got := s.running(); !slices.Equal(got, []string{"/"}) {
		t.Fatalf("%v run", got)
	}
	if s.options.VHosts.Find("v") != nil || !first.Gone() || !slices.Contains(s.closed, "@v: vhost 'v' is deleted") {
		t.Errorf("the vhost is still to be found, or its connections were not closed: %v", s.closed)
	}
	// Asked for at once, the second waits until nothing of the first runs.
	s.must(AddVHost{Name: "v"})
	deletion, addition := s.request(DeleteVHost{"v"}), s.request(AddVHost{Name: "v"})
	s.Send(s.options.PID, deletion)
	if err := s.tell(addition); err != nil {
		t.Fatal(err)
	}
	s.expect("/", "v")
	if second := s.options.VHosts.Find("v"); second == nil || second.Key == first.Key {
		t.Error("the second has the streams of the first")
	}
	s.must(DeleteUser{"guest"})
	if !slices.Contains(s.closed, "guest@: user 'guest' is deleted") {
		t.Errorf("connections of a deleted user: %v", s.closed)
	}
}

// Design 0002: a request whose answer is lost is sent again, and is not refused for what it has done itself.
func TestARequestThatComesTwice(t *testing.T) {
	s := newScene(t, vfs.NewMemory())
	r := s.request(AddUser{Name: "u"})
	if err := s.tell(r); err != nil {
		t.Fatal(err)
	}
	s.crash("top/core/definitions")
	hear[*Up](s)
	if err := s.tell(r); err != nil {
		t.Errorf("the same request again: %v", err)
	}
	var e *Error
	if err := s.tell(s.request(AddUser{Name: "u"})); !errors.As(err, &e) || e.Reason != Exists {
		t.Errorf("another request for the same: %v", err)
	}
	s.expect("/")
}

// Whoever crashes, the journal and the supervisor of vhosts included, all that was answered is there, and runs.
func TestCrashes(t *testing.T) {
	fs := vfs.NewMemory()
	s := newScene(t, fs)
	want := []string{"/"}
	for i, path := range []string{"top/core/definitions", "top/core/journal", "top/core/definitions", "top/core/journal"} {
		name := "v" + string(rune('a'+i))
		r := s.request(AddVHost{Name: name})
		s.Send(s.options.PID, r)
		s.crash(path)
		for answered := false; !answered; {
			switch m := hear[any](s).(type) {
			case *Up:
				s.Send(s.options.PID, r)
			case *Answer:
				answered = m.ID == r.ID
			}
		}
		want = append(want, name)
		s.expect(want...)
	}
	s.must(DeleteVHost{"va"})
	got := newScene(t, fs.Kill()).options.Access.Now()
	if len(got.VHosts) != 4 || got.VHosts["va"] != nil || got.Of("guest", "/") == nil {
		t.Errorf("after the death of the process: %v", got.Snapshot())
	}
}

// O-13, docs/formats: a broker that is killed between the record of a deletion and the end of the streams ends them when it comes back.
func TestADeletionThatWasCutShort(t *testing.T) {
	fs := vfs.NewMemory()
	s := newScene(t, fs)
	s.must(AddVHost{Name: "kept"})
	kept := s.options.VHosts.Find("kept").Key
	living := []string{"vhost/" + kept, "queue/" + kept + "/q/1"}
	for _, stream := range append(living, "vhost/gone/7", "queue/gone/7/q/1", "queue/gone/7/a/b/2") {
		s.Send(s.log.PID, &persistence.Append{Stream: stream, From: s.PID(askerPath), Records: []persistence.Record{{Kind: 1, Payload: []byte("x")}}})
	}
	s.must(AddUser{Name: "later"}) // durable, and so is what came before

	fs = fs.Kill()
	next := newScene(t, fs)
	next.must(AddUser{Name: "later still"}) // the deletions are in front of it
	last := newScene(t, fs.Kill())
	if got := last.log.Streams(); !slices.Equal(got, []string{"queue/" + kept + "/q/1", "vhost/" + kept}) {
		t.Errorf("streams %s, want %s", strings.Join(got, ", "), strings.Join(living, ", "))
	}
}
