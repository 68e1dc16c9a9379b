package vhost

import (
	"maps"

	"warren/actors/exchange"
	"warren/internal/index"
	eventv1 "warren/proto/event/v1"
)

// Definitions are the exchanges, queues and bindings of one vhost: the fold over its stream. One command is one batch.
type Definitions struct {
	Exchanges *index.Index[eventv1.ExchangeDeclared]
	Queues    *index.Index[eventv1.QueueDeclared]
	Bindings  map[bindingKey]*eventv1.Bound
	from      map[string]map[*eventv1.Bound]struct{}   // those bindings, by source
	to        map[endpoint]map[*eventv1.Bound]struct{} // by destination
	owned     map[uint64]map[string]struct{}           // exclusive queues, by connection
	most      int                                      // bindings there were since the memory for them was made
	bytes     int                                      // about what all of it takes in memory
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

func newDefinitions() *Definitions {
	return &Definitions{
		Exchanges: index.New((*eventv1.ExchangeDeclared).GetName),
		Queues:    index.New((*eventv1.QueueDeclared).GetName),
		Bindings:  map[bindingKey]*eventv1.Bound{},
		from:      map[string]map[*eventv1.Bound]struct{}{},
		to:        map[endpoint]map[*eventv1.Bound]struct{}{},
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
			if d.Exchanges.Get(e.ExchangeDeclared.Name) == nil {
				d.bytes += entityBytes
			}
			d.Exchanges.Put(e.ExchangeDeclared)
		case *eventv1.Definition_ExchangeDeleted:
			if d.Exchanges.Get(e.ExchangeDeleted.Name) != nil {
				d.bytes -= entityBytes
			}
			d.Exchanges.Delete(e.ExchangeDeleted.Name)
		case *eventv1.Definition_QueueDeclared:
			if d.Queues.Get(e.QueueDeclared.Name) == nil {
				d.bytes += entityBytes
			}
			d.Queues.Put(e.QueueDeclared)
			if owner := e.QueueDeclared.ExclusiveOwner; owner != 0 {
				enlist(d.owned, owner, e.QueueDeclared.Name)
			}
		case *eventv1.Definition_QueueDeleted:
			if q := d.Queues.Get(e.QueueDeleted.Name); q != nil {
				d.bytes -= entityBytes
				strike(d.owned, q.ExclusiveOwner, q.Name)
			}
			d.Queues.Delete(e.QueueDeleted.Name)
		case *eventv1.Definition_Bound:
			d.bind(e.Bound)
		case *eventv1.Definition_Unbound:
			d.unbind(e.Unbound)
		}
	}
	d.shrink()
}

// What definitions take in memory, by the heap of 100 000 of each (24 November 2026): the fold and the stream's own, the routing table, slots.
// The actors and messages of queues count by themselves.
const (
	entityBytes  = 2 << 10
	bindingBytes = 1 << 10
)

// shrink makes the map of the bindings anew when most of them are gone. A map never gives memory back.
func (d *Definitions) shrink() {
	if d.most = max(d.most, len(d.Bindings)); d.most < shrinkFrom || len(d.Bindings) > d.most/4 {
		return
	}
	smaller := make(map[bindingKey]*eventv1.Bound, len(d.Bindings))
	maps.Copy(smaller, d.Bindings)
	d.Bindings, d.most = smaller, len(smaller)
}

const shrinkFrom = 4096

func (d *Definitions) bind(b *eventv1.Bound) {
	k := keyOf(b)
	if d.Bindings[k] != nil {
		return // the indexes have the one that is there
	}
	d.Bindings[k] = b
	enlist(d.from, k.source, b)
	enlist(d.to, k.to, b)
	d.bytes += bytesOf(b)
}

func (d *Definitions) unbind(u *eventv1.Unbound) {
	k := bindingKey{u.Source, endpoint{u.DestinationKind, u.Destination}, string(u.RoutingKey), string(u.Arguments)}
	b := d.Bindings[k]
	if b == nil {
		return
	}
	delete(d.Bindings, k)
	strike(d.from, k.source, b)
	strike(d.to, k.to, b)
	d.bytes -= bytesOf(b)
}

func bytesOf(b *eventv1.Bound) int { return bindingBytes + 2*(len(b.RoutingKey)+len(b.Arguments)) }

func enlist[K, V comparable](m map[K]map[V]struct{}, at K, v V) {
	if m[at] == nil {
		m[at] = map[V]struct{}{}
	}
	m[at][v] = struct{}{}
}

func strike[K, V comparable](m map[K]map[V]struct{}, at K, k V) {
	delete(m[at], k)
	if len(m[at]) == 0 {
		delete(m, at)
	}
}

// Clone returns a copy. The events themselves are immutable and shared.
func (d *Definitions) Clone() *Definitions {
	c := &Definitions{
		Exchanges: d.Exchanges.Clone(),
		Queues:    d.Queues.Clone(),
		Bindings:  maps.Clone(d.Bindings),
		from:      make(map[string]map[*eventv1.Bound]struct{}, len(d.from)),
		to:        make(map[endpoint]map[*eventv1.Bound]struct{}, len(d.to)),
		owned:     make(map[uint64]map[string]struct{}, len(d.owned)),
		most:      d.most,
		bytes:     d.bytes,
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

func unbound(b *eventv1.Bound) *eventv1.Definition {
	return &eventv1.Definition{Event: &eventv1.Definition_Unbound{Unbound: &eventv1.Unbound{
		Source: b.Source, DestinationKind: b.DestinationKind, Destination: b.Destination,
		RoutingKey: b.RoutingKey, Arguments: b.Arguments, // events are immutable, and share them
	}}}
}
