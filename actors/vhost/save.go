package vhost

import (
	"strings"

	"github.com/asynkron/protoactor-go/actor"

	"warren/persistence"
	eventv1 "warren/proto/event/v1"
)

// snapshotAfter is how many events a snapshot is worth, at least.
const snapshotAfter = 1000

// store makes the way to the durable stream, whose events and snapshots are batches.
func (v *VHost) store(ctx actor.Context) {
	v.writer = persistence.NewWriter(&persistence.Provider{
		Log: v.Journal, Send: v.System.Send, Incarnation: v.incarnation, From: ctx.Self(),
		Event: &eventv1.DefinitionBatch{}, Snapshot: &eventv1.DefinitionBatch{}, Interval: snapshotAfter,
	}, storedName(v.Directory.Key))
}

// save sends what of a batch has to survive the process to the journal. It is called when the batch has been applied;
// away says which of them took away what is on disk.
func (v *VHost) save(away []bool, events []*eventv1.Definition) {
	var lasts []*eventv1.Definition
	for i, e := range events {
		if away[i] || v.defs.lasts(e) {
			lasts = append(lasts, e)
		}
	}
	if len(lasts) == 0 {
		return
	}
	v.writer.Event(&eventv1.DefinitionBatch{Definitions: lasts})
	if v.events++; v.events >= max(snapshotAfter, v.defs.Queues.Len()+len(v.defs.Bindings)) {
		v.events = 0
		v.writer.Snapshot(v.defs.snapshot())
	}
}

// load returns what is on disk, as one batch.
func (v *VHost) load() *eventv1.DefinitionBatch {
	d := newDefinitions()
	v.writer.Recover(func(m any) { d.Apply(m.(*eventv1.DefinitionBatch)) })
	return d.snapshot()
}

// forgetOrphans ends the streams of queues whose deletion reached the disk and whose end did not.
func (v *VHost) forgetOrphans(ctx actor.Context) {
	owned := map[string]bool{}
	for q := range v.defs.Queues.All() {
		owned[storedAs(v.Directory.Key, q)] = true
	}
	prefix := storedPrefix(v.Directory.Key)
	for _, name := range v.Journal.Streams() {
		if strings.HasPrefix(name, prefix) && !owned[name] {
			v.Journal.Recovered(name) // nobody else will
			ctx.Send(v.Journal.PID, &persistence.Forget{Stream: name})
		}
	}
}

// snapshot are the definitions that survive the process.
func (d *Definitions) snapshot() *eventv1.DefinitionBatch {
	b := &eventv1.DefinitionBatch{}
	for x := range d.Exchanges.All() {
		if x.Durable {
			b.Definitions = append(b.Definitions, exchangeDeclared(x))
		}
	}
	for q := range d.Queues.All() {
		if lastingQueue(q) {
			b.Definitions = append(b.Definitions, queueDeclared(q))
		}
	}
	for _, k := range d.Bindings {
		if e := bound(k); d.lasts(e) {
			b.Definitions = append(b.Definitions, e)
		}
	}
	return b
}

// lastingQueue: an exclusive queue ends with its connection, whatever else it is.
func lastingQueue(q *eventv1.QueueDeclared) bool { return q.Durable && q.ExclusiveOwner == 0 }

// lasts says whether what an event brought survives the process (contract D-01, X-20).
func (d *Definitions) lasts(e *eventv1.Definition) bool {
	switch e := e.Event.(type) {
	case *eventv1.Definition_ExchangeDeclared:
		return e.ExchangeDeclared.Durable
	case *eventv1.Definition_QueueDeclared:
		return lastingQueue(e.QueueDeclared)
	case *eventv1.Definition_Bound:
		b := e.Bound
		return d.lastingEnds(b.Source, endpoint{b.DestinationKind, b.Destination})
	}
	return false
}

func (d *Definitions) lastingEnds(source string, to endpoint) bool {
	if x := d.Exchanges.Get(source); x == nil || !x.Durable {
		return false
	}
	if to.kind == eventv1.DestinationKind_DESTINATION_KIND_EXCHANGE {
		x := d.Exchanges.Get(to.name)
		return x != nil && x.Durable
	}
	q := d.Queues.Get(to.name)
	return q != nil && lastingQueue(q)
}

// takesAway says which events of a batch take away something that is on disk, by their positions. It has to be asked before they are
// applied.
func (d *Definitions) takesAway(events []*eventv1.Definition) []bool {
	away := make([]bool, len(events))
	for i, def := range events {
		switch e := def.Event.(type) {
		case *eventv1.Definition_ExchangeDeleted:
			x := d.Exchanges.Get(e.ExchangeDeleted.Name)
			away[i] = x != nil && x.Durable
		case *eventv1.Definition_QueueDeleted:
			q := d.Queues.Get(e.QueueDeleted.Name)
			away[i] = q != nil && lastingQueue(q)
		case *eventv1.Definition_Unbound:
			u := e.Unbound
			away[i] = d.lastingEnds(u.Source, endpoint{u.DestinationKind, u.Destination})
		}
	}
	return away
}
