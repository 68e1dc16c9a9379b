package vhost

import (
	"fmt"
	"testing"

	"warren/actors/exchange"
	eventv1 "warren/proto/event/v1"
)

func TestDefinitionsCountAsMemory(t *testing.T) {
	// DESIGN section 7, one ledger: what clients declare and bind is memory as messages are, and given back when it is gone, by a vhost
	// that is given up as well.
	s := newScene(t)
	before := s.ledger.read()
	if before <= 0 {
		t.Errorf("the exchanges of every vhost count %d bytes", before)
	}
	if a := s.ask(&DeclareExchange{Request: s.request(1), Name: "x", Type: exchange.Topic}); a.Err != nil {
		t.Fatal(a.Err)
	}
	s.declare(DeclareQueue{Name: "q"})
	for i := range 10 {
		for range 2 { // the second time it is there
			if a := s.ask(&Bind{Request: s.request(1), Source: "x", Destination: "q", Key: fmt.Sprint("key.", i)}); a.Err != nil {
				t.Fatal(a.Err)
			}
		}
	}
	if got, want := s.ledger.read()-before, 2*entityBytes+10*(bindingBytes+2*len("key.0")); got != want {
		t.Errorf("they count %d bytes, want %d", got, want)
	}
	if a := s.ask(&DeleteExchange{Request: s.request(1), Name: "x"}); a.Err != nil {
		t.Fatal(a.Err)
	}
	if a := s.ask(&DeleteQueue{Request: s.request(1), Name: "q"}); a.Err != nil {
		t.Fatal(a.Err)
	}
	if got := s.ledger.read(); got != before {
		t.Errorf("%d bytes are left of them", got-before)
	}
	s.dir.account(s.ledger, 0)
	if got := s.ledger.read(); got != 0 {
		t.Errorf("%d bytes are left of the vhost", got)
	}
}

func TestManyBindingsGoAndTheirMemoryToo(t *testing.T) {
	// DESIGN section 7: a vhost that had 10 000 bindings once is as small as one that had none; a fold that finds a binding made twice
	// has it once.
	d := newDefinitions()
	d.Apply(&eventv1.DefinitionBatch{Definitions: []*eventv1.Definition{
		exchangeDeclared(&eventv1.ExchangeDeclared{Name: "x", Type: exchange.Direct}), queueDeclared(&eventv1.QueueDeclared{Name: "q"}),
	}})
	for range 2 {
		for i := range 10_000 {
			d.Apply(&eventv1.DefinitionBatch{Definitions: []*eventv1.Definition{bound(&eventv1.Bound{
				Source: "x", DestinationKind: kindOf(false), Destination: "q", RoutingKey: fmt.Append(nil, i),
			})}})
		}
	}
	if len(d.Bindings) != 10_000 || len(d.from["x"]) != 10_000 || d.most != 10_000 {
		t.Fatalf("%d bindings, %d from x, %d at most", len(d.Bindings), len(d.from["x"]), d.most)
	}
	r := d.removal()
	r.queue("q")
	d.Apply(&eventv1.DefinitionBatch{Definitions: r.events})
	if d.bytes != entityBytes || d.most != 0 || len(d.Bindings)+len(d.from)+len(d.to) != 0 {
		t.Errorf("%d bytes, %d bindings, memory for %d", d.bytes, len(d.Bindings), d.most)
	}
}
