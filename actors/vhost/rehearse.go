package vhost

import (
	"fmt"

	eventv1 "warren/proto/event/v1"
	"warren/protocol"
)

// Rehearse decides commands, one after the other, on a copy of what is declared now, and changes nothing. It returns the position of
// the first that would be refused, and why. It takes DeclareExchange, DeclareQueue and Bind.
func (d *Directory) Rehearse(commands []any) (at int, err *protocol.Error) {
	return rehearse(d.Name, d.definitions(), commands)
}

// RehearseNew is Rehearse for a vhost that is yet to be made.
func RehearseNew(name string, commands []any) (at int, err *protocol.Error) {
	defs := newDefinitions()
	defs.Apply(&eventv1.DefinitionBatch{Definitions: predeclared()})
	return rehearse(name, defs, commands)
}

func rehearse(vhost string, defs *Definitions, commands []any) (at int, err *protocol.Error) {
	for i, c := range commands {
		var decided decision
		switch m := c.(type) {
		case *DeclareExchange:
			decided = defs.declareExchange(vhost, m)
		case *DeclareQueue:
			decided = defs.declareQueue(vhost, m)
		case *Bind:
			decided = defs.bindDecision(vhost, m)
		default:
			panic(fmt.Sprintf("vhost: a %T cannot be rehearsed", c))
		}
		if decided.err != nil {
			return i, decided.err
		}
		defs.Apply(&eventv1.DefinitionBatch{Definitions: decided.events})
	}
	return 0, nil
}

// definitions is what the directory says, as the vhost's actor keeps it.
func (d *Directory) definitions() *Definitions {
	var batch eventv1.DefinitionBatch
	add := func(e *eventv1.Definition) { batch.Definitions = append(batch.Definitions, e) }
	for _, x := range d.Exchanges() {
		add(exchangeDeclared(&eventv1.ExchangeDeclared{
			Name: string(x.Name), Type: x.Type, Durable: x.Durable, AutoDelete: x.AutoDelete, Internal: x.Internal, Arguments: encode(x.Arguments),
		}))
	}
	for _, q := range d.Queues() {
		add(queueDeclared(&eventv1.QueueDeclared{
			Name: string(q.Name), Durable: q.Durable, AutoDelete: q.AutoDelete, ExclusiveOwner: q.Owner, Arguments: encode(q.Arguments),
		}))
	}
	for _, b := range d.Bindings() {
		add(bound(&eventv1.Bound{
			Source: b.Source, DestinationKind: kindOf(b.Kind == "exchange"), Destination: b.Destination, RoutingKey: []byte(b.Key),
			Arguments: encode(b.Arguments),
		}))
	}
	defs := newDefinitions()
	defs.Apply(&batch)
	return defs
}

// Predeclared says whether every vhost begins with an exchange of that name.
func Predeclared(exchangeName string) bool {
	for _, def := range predeclared() {
		if def.GetExchangeDeclared().GetName() == exchangeName {
			return true
		}
	}
	return false
}
