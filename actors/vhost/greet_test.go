package vhost

import (
	"testing"

	"warren/actors/exchange"
	"warren/protocol"
)

func TestBindingWaitsForWhatIsRemembered(t *testing.T) {
	// Contract X-10: whoever has heard bind-ok finds the past in the queue; also when the exchange restarts before it has
	// greeted, and when it is deleted with a binding that waits.
	s := newScene(t)
	if a := s.ask(&DeclareExchange{Request: s.request(1), Name: "x", Type: exchange.RecentHistory}); a.Err != nil {
		t.Fatal(a.Err)
	}
	x := s.dir.Exchange("x")
	s.Send(x.PID, &exchange.Publish{Session: 1, Incarnation: x.Incarnation(), Messages: []protocol.Message{{Seq: 1, Body: []byte("1")}, {Seq: 2, Body: []byte("2")}}})
	hear[*exchange.Routed](s)
	for i, name := range []string{"q", "r"} {
		q := s.declare(DeclareQueue{Name: name})
		if i == 1 {
			if err := s.Crash(exchangesPath+"/x", false); err != nil { // in its next turn
				t.Fatal(err)
			}
		}
		if a := s.ask(&Bind{Request: s.request(1), Source: "x", Destination: name}); a.Err != nil {
			t.Fatal(a.Err)
		}
		if got := q.Ready.Load(); got != 2 {
			t.Errorf("bind-ok with %d of 2 messages in %s", got, name)
		}
	}
	if a := s.ask(&Bind{Request: s.request(1), Source: "x", Destination: "q"}); a.Err != nil { // nothing new
		t.Fatal(a.Err)
	}
	if a := s.ask(&DeleteExchange{Request: s.request(1), Name: "x"}); a.Err != nil {
		t.Fatal(a.Err)
	}
	if a := s.ask(&DeclareExchange{Request: s.request(1), Name: "x", Type: exchange.Direct}); a.Err != nil { // its namesake has ended
		t.Fatal(a.Err)
	}
	if s.own.Load() != nil {
		t.Error("the exchange is a session still")
	}
}
