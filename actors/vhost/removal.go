package vhost

import (
	"warren/actors/queue"
	eventv1 "warren/proto/event/v1"
)

// removal collects the end of entities that go together, with all that goes by it: their bindings on both sides, and the
// auto-delete exchanges that lose their last binding, wherever the others went (contract X-14).
type removal struct {
	defs   *Definitions
	events []*eventv1.Definition
	gone   map[bindingKey]struct{}
	lost   map[string]int  // by exchange, how many bindings from it are in gone
	going  map[string]bool // exchanges
}

func (d *Definitions) removal() *removal {
	return &removal{defs: d, gone: map[bindingKey]struct{}{}, lost: map[string]int{}, going: map[string]bool{}}
}

func (r *removal) queue(name string) {
	if r.defs.Queues[name] == nil {
		return
	}
	r.bindingsTo(endpoint{eventv1.DestinationKind_DESTINATION_KIND_QUEUE, name})
	r.events = append(r.events, queueDeleted(name))
}

func (r *removal) exchange(name string) {
	if r.defs.Exchanges[name] == nil {
		return
	}
	r.going[name] = true
	for k := range r.defs.from[name] {
		r.binding(k)
	}
	r.bindingsTo(endpoint{eventv1.DestinationKind_DESTINATION_KIND_EXCHANGE, name})
	r.events = append(r.events, exchangeDeleted(name))
	r.queue(queue.HoldFor(name))
}

func (r *removal) bindingsTo(to endpoint) {
	for k := range r.defs.to[to] {
		r.binding(k)
	}
}

func (r *removal) binding(k bindingKey) {
	if _, gone := r.gone[k]; gone {
		return
	}
	r.gone[k] = struct{}{}
	r.events = append(r.events, unbound(k))
	r.lost[k.source]++
	x := r.defs.Exchanges[k.source]
	if x != nil && x.AutoDelete && !r.going[k.source] && r.lost[k.source] == len(r.defs.from[k.source]) {
		r.exchange(k.source)
	}
}
