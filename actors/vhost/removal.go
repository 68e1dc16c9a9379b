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
	gone   map[*eventv1.Bound]struct{}
	lost   map[string]int  // by exchange, how many bindings from it are in gone
	going  map[string]bool // exchanges
}

func (d *Definitions) removal() *removal {
	return &removal{defs: d, gone: map[*eventv1.Bound]struct{}{}, lost: map[string]int{}, going: map[string]bool{}}
}

func (r *removal) queue(name string) {
	if r.defs.Queues.Get(name) == nil {
		return
	}
	r.bindingsTo(endpoint{eventv1.DestinationKind_DESTINATION_KIND_QUEUE, name})
	r.events = append(r.events, queueDeleted(name))
}

func (r *removal) exchange(name string) {
	if r.defs.Exchanges.Get(name) == nil {
		return
	}
	r.going[name] = true
	for b := range r.defs.from[name] {
		r.binding(b)
	}
	r.bindingsTo(endpoint{eventv1.DestinationKind_DESTINATION_KIND_EXCHANGE, name})
	r.events = append(r.events, exchangeDeleted(name))
	r.queue(queue.HoldFor(name))
}

func (r *removal) bindingsTo(to endpoint) {
	for b := range r.defs.to[to] {
		r.binding(b)
	}
}

func (r *removal) binding(b *eventv1.Bound) {
	if _, gone := r.gone[b]; gone {
		return
	}
	r.gone[b] = struct{}{}
	r.events = append(r.events, unbound(b))
	r.lost[b.Source]++
	x := r.defs.Exchanges.Get(b.Source)
	if x != nil && x.AutoDelete && !r.going[b.Source] && r.lost[b.Source] == len(r.defs.from[b.Source]) {
		r.exchange(b.Source)
	}
}
