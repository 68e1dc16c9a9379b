package vhost

import (
	"testing"

	"warren/actors/exchange"
	"warren/protocol"
)

// Issue 5, point 2: an exchange that panics over a batch twice sets it aside, says that it is lost, and routes what comes behind it. No
// client can send such properties; they stand for whatever the checks do not know of.
func TestExchangeSetsAPoisonedBatchAside(t *testing.T) {
	s := newScene(t)
	if a := s.ask(&DeclareExchange{Request: s.request(1), Name: "h", Type: "headers"}); a.Err != nil {
		t.Fatal(a.Err)
	}
	s.declare(DeclareQueue{Name: "q"})
	if a := s.ask(&Bind{Request: s.request(1), Source: "h", Destination: "q", Arguments: protocol.Table{"a": "1", "x-match": "any"}}); a.Err != nil {
		t.Fatal(a.Err)
	}
	x := s.dir.Exchange("h")
	x.Follow(s.PID(sessionPath))
	bad := protocol.Message{Seq: 1, Properties: []byte{0xff, 0xff, 1}, Flags: protocol.FlagHeaders}
	for range 2 {
		s.Send(x.PID, &exchange.Publish{Session: 1, Incarnation: x.Incarnation(), Messages: []protocol.Message{bad}})
		hear[*exchange.Up](s)
	}
	fine := protocol.Message{Seq: 2, Properties: []byte{0, 0}}
	s.Send(x.PID, &exchange.Publish{Session: 1, Incarnation: x.Incarnation(), Messages: []protocol.Message{bad, fine}})
	got := hear[*exchange.Routed](s)
	if len(got.Routes) != 2 || !got.Routes[0].Lost || got.Routes[0].Last != 1 || got.Routes[1].Lost || got.Routes[1].Last != 2 {
		t.Errorf("routes %+v", got.Routes)
	}
	s.Send(x.PID, &exchange.Publish{Session: 1, Incarnation: x.Incarnation(), Prev: 2, Messages: []protocol.Message{{Seq: 3, Properties: []byte{0, 0}}}})
	if got := hear[*exchange.Routed](s); len(got.Routes) != 1 || got.Routes[0].Lost {
		t.Errorf("behind it: %+v", got.Routes)
	}
}

// Issue 5, point 2: a request that kills its vhost twice would take it down, and every connection with it. It is set aside, and who asked
// hears 541; who asks for something else is served.
func TestPoisonedRequestIsSetAside(t *testing.T) {
	s := newScene(t)
	s.dir.Follow(s.PID(sessionPath))
	m := &DeclareQueue{Request: s.request(1), Name: "bad"}
	for range 2 {
		s.dir.poison.KilledOver(m.asks(), m.ID, m.ID) // as the actor notes it in its last moment
		if err := s.Crash(definitionsPath, false); err != nil {
			t.Fatal(err)
		}
		hear[*Up](s)
	}
	for range 2 {
		a := s.ask(m)
		if a.Err == nil || a.Err.Code != protocol.ReplyInternalError || a.Err.IsConnection() || s.dir.Queue("bad") != nil {
			t.Errorf("answer %+v", a)
		}
	}
	s.declare(DeclareQueue{Name: "good"})
	(&VHost{Options: s.options()}).Crashed(&DeclareQueue{Request: Request{Session: 2, ID: 7}})
	if !s.dir.poison.Guilty(m.asks(), m.ID) || s.dir.poison.Guilty(Request{Session: 2}.asks(), 7) {
		t.Error("guilty is not who killed twice")
	}
}
