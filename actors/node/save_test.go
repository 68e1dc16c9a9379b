package node

import (
	"maps"
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/auth"
	"warren/persistence"
	"warren/persistence/journal"
	"warren/persistence/vfs"
	eventv1 "warren/proto/event/v1"
	"warren/supervision"
)

// journalOver runs a journal, and returns a writer of the node's stream and what stops it.
func journalOver(t *testing.T, fs vfs.FS) (w *persistence.Writer, stop func() error) {
	t.Helper()
	s := supervision.NewSystem(zerolog.Nop())
	log := persistence.NewLog(s.PID("top/journal"), fs, "data", persistence.Options{Options: journal.Options{SegmentBytes: 1 << 20}})
	err := s.Start("top", supervision.Spec{Children: []supervision.ChildSpec{
		{ID: "journal", New: func(uint64) actor.Actor { return &persistence.Journal{Log: log, Logs: zerolog.Nop()} }},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	return persistence.NewWriter(&persistence.Provider{Log: log, Send: s.Send, Event: &eventv1.NodeBatch{}, Snapshot: &eventv1.NodeBatch{}}, Stream), s.Stop
}

// stored is a writer over what a process before this one has stored.
func stored(t *testing.T, write func(*persistence.Writer)) *persistence.Writer {
	t.Helper()
	fs := vfs.NewMemory()
	w, stop := journalOver(t, fs)
	write(w)
	w.Recover(func(any) {}) // the journal has got all of it
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	w, _ = journalOver(t, fs.Kill())
	return w
}

// docs/formats/streams.md: a snapshot stands for what is before it; what a newer version knows and this one does not is refused.
func TestLoad(t *testing.T) {
	one, two := after(t, AddVHost{Name: "one"}).Snapshot(), after(t, AddVHost{Name: "two"}).Snapshot()
	got, err := load(stored(t, func(w *persistence.Writer) {
		w.Event(one)
		w.Snapshot(two)
		w.Event(&eventv1.NodeBatch{Definitions: []*eventv1.NodeDefinition{vhostPut(&eventv1.VHostPut{Name: "three", Id: 3})}})
	}))
	if err != nil {
		t.Fatal(err)
	}
	if text := got.String(); strings.Contains(text, `"one"`) || !strings.Contains(text, `"two"`) || !strings.Contains(text, `"three"`) {
		t.Errorf("%s", text)
	}
	_, err = load(stored(t, func(w *persistence.Writer) {
		w.Event(&eventv1.NodeBatch{Definitions: []*eventv1.NodeDefinition{{Event: &eventv1.NodeDefinition_PermissionsSet{PermissionsSet: &eventv1.PermissionsSet{Configure: "(?=a)"}}}}})
	}))
	if err == nil || !strings.Contains(err.Error(), "invalid regular expression") {
		t.Error(err)
	}
}

// Old files open in new code: a data directory from before the node had a stream keeps its vhost's queues.
func TestFirstStart(t *testing.T) {
	f := First{User: AddUser{Name: "admin"}, VHost: "v", Permissions: SetPermissions{"admin", "v", ".*", ".*", ".*"}}
	for stream, id := range map[string]uint64{"node": 7, "vhost/v": 0} {
		events, err := f.events(7, auth.NewDefinitions(), []string{stream})
		if err != nil {
			t.Fatal(err)
		}
		if v := events[0].GetVhostPut(); v.GetName() != "v" || v.GetId() != id || len(events) != 3 {
			t.Errorf("%v", events)
		}
	}
	// The node's stream was lost, which was accepted: every vhost that the journal knows of is there, under its newest id.
	events, err := f.events(7, auth.NewDefinitions(), []string{"node", "queue/w/3/q/1", "vhost/a%2Fb/4", "vhost/v/5", "vhost/v/6", "vhost/w/3"})
	if err != nil || len(events) != 5 {
		t.Fatalf("%v, %v", events, err)
	}
	got := map[string]uint64{}
	for _, e := range events {
		if v := e.GetVhostPut(); v != nil {
			got[v.Name] = v.Id
		}
	}
	if !maps.Equal(got, map[string]uint64{"v": 6, "w": 3, "a/b": 4}) {
		t.Errorf("%v", got)
	}
	f.Permissions.Write = "("
	if _, err := f.events(7, auth.NewDefinitions(), nil); err == nil {
		t.Error("a pattern that does not compile is taken")
	}
}
