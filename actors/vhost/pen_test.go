package vhost

import (
	"errors"
	"sync"
	"testing"

	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/persistence/volatile"
	eventv1 "warren/proto/event/v1"
)

// stale expects that f panics because somebody else holds the pen.
func stale(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if err, _ := recover().(error); !errors.Is(err, volatile.ErrStale) {
			t.Errorf("%s: %v", what, err)
		}
	}()
	f()
}

// DESIGN section 5, incarnations: one of several holds the pen, and never one before the newest.
func TestPen(t *testing.T) {
	var p pen
	stale(t, "nobody holds it", func() { p.write(1, func() { t.Error("written") }) })
	p.take(3)
	stale(t, "an older one takes it", func() { p.take(2) })
	written := false
	p.write(3, func() { written = true })
	p.take(5)
	stale(t, "it is another's", func() { p.write(3, func() { t.Error("written") }) })
	p.drop()
	stale(t, "it was dropped", func() { p.write(5, func() { t.Error("written") }) })
	stale(t, "an older one takes what was dropped", func() { p.take(4) })
	p.take(6)
	if !written {
		t.Error("the holder did not write")
	}
	// Whoever has seen his write is the holder while he writes.
	var wg sync.WaitGroup
	newest := uint64(6)
	for i := uint64(7); i < 60; i++ {
		wg.Go(func() {
			defer func() { _ = recover() }()
			p.take(i)
			for range 100 {
				p.write(i, func() {
					if i < newest {
						t.Errorf("%d writes behind %d", i, newest)
					}
					newest = i
				})
			}
		})
	}
	wg.Wait()
}

// Issue 5, point 6: a vhost's actor that was stuck between its stream and its directory, and wakes up when its successor has the directory,
// changes nothing in it: what is deleted meanwhile does not come back, what is there does not go.
func TestStaleVHostLeavesTheDirectoryAlone(t *testing.T) {
	s := newScene(t)
	s.declare(DeclareQueue{Name: "there"})
	if a := s.ask(&DeclareExchange{Request: s.request(1), Name: "x", Type: exchange.Direct}); a.Err != nil {
		t.Fatal(a.Err)
	}
	old := New(s.options(), 1) // an incarnation before that of the scene, whose events have happened
	version, table := s.dir.RoutingVersion(), s.dir.Exchange("x").Table()
	for what, e := range map[string]*eventv1.Definition{
		"a queue comes":     {Event: &eventv1.Definition_QueueDeclared{QueueDeclared: &eventv1.QueueDeclared{Name: "back"}}},
		"an exchange comes": {Event: &eventv1.Definition_ExchangeDeclared{ExchangeDeclared: &eventv1.ExchangeDeclared{Name: "back", Type: exchange.Direct}}},
		"a queue goes":      queueDeleted("there"),
		"an exchange goes":  exchangeDeleted("x"),
		"a binding comes": {Event: &eventv1.Definition_Bound{Bound: &eventv1.Bound{Source: "x", Destination: "there", RoutingKey: []byte("k"),
			DestinationKind: eventv1.DestinationKind_DESTINATION_KIND_QUEUE}}},
	} {
		stale(t, what, func() { old.put(nil, []*eventv1.Definition{e}) })
	}
	if s.dir.Queue("back") != nil || s.dir.Exchange("back") != nil || s.dir.Queue(queue.Name("there")) == nil || s.dir.Exchange("x") == nil ||
		s.dir.Queue("there").Gone() || s.dir.Exchange("x").Gone() || s.dir.RoutingVersion() != version || s.dir.Exchange("x").Table() != table {
		t.Error("the directory has changed")
	}
	s.declare(DeclareQueue{Name: "more"}) // and the one who holds it goes on
}
