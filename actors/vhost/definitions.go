package vhost

import (
	"maps"

	"warren/actors/exchange"
	eventv1 "warren/proto/event/v1"
)

// Definitions are the exchanges, queues and bindings of one vhost: the fold over its stream. One command is one batch.
type Definitions struct {
	Exchanges map[string]*eventv1.ExchangeDeclared
	Queues    map[string]*eventv1.QueueDeclared
	Bindings  map[bindingKey]*eventv1.Bound
	from      map[string]map[bindingKey]struct{}   // by source
	to        map[endpoint]map[bindingKey]struct{} // by destination
	owned     map[uint64]map[string]struct{}       // exclusive queues, by connection
}

// endpoint is what a binding leads to.
type endpoint struct {
	kind eventv1.DestinationKind
	name string
}

// bindingKey is a binding's identity (contract X-19).
type bindingKey struct {
	source    string
	to        endpoint
	key       string
	arguments string
}

func keyOf(b *eventv1.Bound) bindingKey {
	return bindingKey{b.Source, endpoint{b.DestinationKind, b.Destination}, string(b.RoutingKey), string(b.Arguments)}
}

func (k bindingKey) unbound() *eventv1.Unbound {
	return &eventv1.Unbound{
		Source: k.source, DestinationKind: k.to.kind, Destination: k.to.name,
		RoutingKey: []byte(k.key), Arguments: []byte(k.arguments),
	}
}

func newDefinitions() *Definitions {
	return &Definitions{
		Exchanges: map[string]*eventv1.ExchangeDeclared{},
		Queues:    map[string]*eventv1.QueueDeclared{},
		Bindings:  map[bindingKey]*eventv1.Bound{},
		from:      map[string]map[bindingKey]struct{}{},
		to:        map[endpoint]map[bindingKey]struct{}{},
		owned:     map[uint64]map[string]struct{}{},
	}
}

// predeclared are the exchanges every vhost begins with (contract X-01).
func predeclared() []*eventv1.Definition {
	var out []*eventv1.Definition
	for _, x := range []*eventv1.ExchangeDeclared{
		{Name: "", Type: exchange.Direct},
		{Name: "amq.direct", Type: exchange.Direct},
		{Name: "amq.fanout", Type: exchange.Fanout},
		{Name: "amq.topic", Type: exchange.Topic},
		{Name: "amq.headers", Type: exchange.Headers},
		{Name: "amq.match", Type: exchange.Headers},
		{Name: "amq.rabbitmq.trace", Type: exchange.Topic, Internal: true},
	} {
		x.Durable = true
		out = append(out, exchangeDeclared(x))
	}
	return out
}

// Apply changes the definitions by one batch.
func (d *Definitions) Apply(batch *eventv1.DefinitionBatch) {
	for _, def := range batch.Definitions {
		switch e := def.Event.(type) {
		case *eventv1.Definition_ExchangeDeclared:
			d.Exchanges[e.ExchangeDeclared.Name] = e.ExchangeDeclared
		case *eventv1.Definition_ExchangeDeleted:
			delete(d.Exchanges, e.ExchangeDeleted.Name)
		case *eventv1.Definition_QueueDeclared:
			d.Queues[e.QueueDeclared.Name] = e.QueueDeclared
			if owner := e.QueueDeclared.ExclusiveOwner; owner != 0 {
				index(d.owned, owner, e.QueueDeclared.Name)
			}
		case *eventv1.Definition_QueueDeleted:
			if q := d.Queues[e.QueueDeleted.Name]; q != nil {
				unindex(d.owned, q.ExclusiveOwner, q.Name)
			}
			delete(d.Queues, e.QueueDeleted.Name)
		case *eventv1.Definition_Bound:
			d.bind(e.Bound)
		case *eventv1.Definition_Unbound:
			d.unbind(e.Unbound)
		}
	}
}

func (d *Definitions) bind(b *eventv1.Bound) {
	k := keyOf(b)
	d.Bindings[k] = b
	index(d.from, k.source, k)
	index(d.to, k.to, k)
}

func (d *Definitions) unbind(u *eventv1.Unbound) {
	k := bindingKey{u.Source, endpoint{u.DestinationKind, u.Destination}, string(u.RoutingKey), string(u.Arguments)}
	delete(d.Bindings, k)
	unindex(d.from, k.source, k)
	unindex(d.to, k.to, k)
}

func index[K, V comparable](m map[K]map[V]struct{}, at K, v V) {
	if m[at] == nil {
		m[at] = map[V]struct{}{}
	}
	m[at][v] = struct{}{}
}

func unindex[K, V comparable](m map[K]map[V]struct{}, at K, k V) {
	delete(m[at], k)
	if len(m[at]) == 0 {
		delete(m, at)
	}
}

// Clone returns a copy. The events themselves are immutable and shared.
func (d *Definitions) Clone() *Definitions {
	c := &Definitions{
		Exchanges: maps.Clone(d.Exchanges),
		Queues:    maps.Clone(d.Queues),
		Bindings:  maps.Clone(d.Bindings),
		from:      make(map[string]map[bindingKey]struct{}, len(d.from)),
		to:        make(map[endpoint]map[bindingKey]struct{}, len(d.to)),
		owned:     make(map[uint64]map[string]struct{}, len(d.owned)),
	}
	for k, v := range d.from {
		c.from[k] = maps.Clone(v)
	}
	for k, v := range d.to {
		c.to[k] = maps.Clone(v)
	}
	for k, v := range d.owned {
		c.owned[k] = maps.Clone(v)
	}
	return c
}

func exchangeDeclared(x *eventv1.ExchangeDeclared) *eventv1.Definition {
	return &eventv1.Definition{Event: &eventv1.Definition_ExchangeDeclared{ExchangeDeclared: x}}
}

func exchangeDeleted(name string) *eventv1.Definition {
	return &eventv1.Definition{Event: &eventv1.Definition_ExchangeDeleted{ExchangeDeleted: &eventv1.ExchangeDeleted{Name: name}}}
}

func queueDeclared(q *eventv1.QueueDeclared) *eventv1.Definition {
	return &eventv1.Definition{Event: &eventv1.Definition_QueueDeclared{QueueDeclared: q}}
}

func queueDeleted(name string) *eventv1.Definition {
	return &eventv1.Definition{Event: &eventv1.Definition_QueueDeleted{QueueDeleted: &eventv1.QueueDeleted{Name: name}}}
}

func bound(b *eventv1.Bound) *eventv1.Definition {
	return &eventv1.Definition{Event: &eventv1.Definition_Bound{Bound: b}}
}

func unbound(k bindingKey) *eventv1.Definition {
	return &eventv1.Definition{Event: &eventv1.Definition_Unbound{Unbound: k.unbound()}}
}
