package vhost

import (
	"reflect"
	"slices"
	"testing"

	"warren/actors/exchange"
	"warren/actors/queue"
	eventv1 "warren/proto/event/v1"
	"warren/protocol"
)

// warrenctl import_definitions: what would be refused is known before anything is declared, and the definitions that it is decided on
// are those of the vhost.
func TestRehearse(t *testing.T) {
	d := NewDirectory("/", "/", nil)
	x := &exchange.Slot{Name: "x", Type: exchange.Topic, Durable: true}
	q := &queue.Slot{Name: "q", Durable: true}
	table := exchange.NewTable(exchange.Topic, nil)
	x.Publish(table.With(exchange.Binding{Key: "k", To: exchange.Destination{Queue: q}}))
	d.exchanges.Put(x)
	d.queues.Put(q)

	for _, c := range []struct {
		commands []any
		at       int
		refused  string
	}{
		{commands: []any{&DeclareExchange{Name: "x", Type: exchange.Topic, Durable: true}, &Bind{Source: "x", Destination: "q", Key: "k"}}},
		{commands: []any{&DeclareQueue{Name: "r"}, &Bind{Source: "x", Destination: "r"}}},
		{[]any{&DeclareQueue{Name: "r"}, &Bind{Source: "x", Destination: "s"}}, 1, "no queue 's' in vhost '/'"},
		{[]any{&DeclareQueue{Name: "r"}, &DeclareQueue{Name: "r", Durable: true}}, 1,
			"inequivalent arg 'durable' for queue 'r' in vhost '/': received 'true' but current is 'false'"},
		{[]any{&DeclareQueue{Name: "r", Arguments: protocol.Table{"x-queue-type": "quorum"}}}, 0,
			"invalid arg 'x-queue-type' for queue 'r' in vhost '/': queue type 'quorum' is not supported yet"},
	} {
		at, err := d.Rehearse(c.commands)
		if text := textOf(err); at != c.at || text != c.refused {
			t.Errorf("got %d %q\nwant %d %q", at, text, c.at, c.refused)
		}
	}
	if d.Queue("r") != nil {
		t.Error("it was declared")
	}
	kept := d.definitions()
	want := newDefinitions()
	want.Apply(&eventv1.DefinitionBatch{Definitions: []*eventv1.Definition{
		exchangeDeclared(&eventv1.ExchangeDeclared{Name: "x", Type: exchange.Topic, Durable: true, Arguments: []byte{}}),
		queueDeclared(&eventv1.QueueDeclared{Name: "q", Durable: true, Arguments: []byte{}}),
		bound(&eventv1.Bound{Source: "x", DestinationKind: kindOf(false), Destination: "q", RoutingKey: []byte("k"), Arguments: []byte{}}),
	}})
	if shape(kept) != shape(want) || !reflect.DeepEqual(slices.Collect(kept.Exchanges.All()), slices.Collect(want.Exchanges.All())) ||
		!reflect.DeepEqual(slices.Collect(kept.Queues.All()), slices.Collect(want.Queues.All())) ||
		!reflect.DeepEqual(kept.Bindings, want.Bindings) {
		t.Errorf("got %v\nwant %v", kept, want)
	}
}

func textOf(err *protocol.Error) string {
	if err == nil {
		return ""
	}
	return err.Text
}
