package vhost

import (
	"fmt"
	"strings"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"

	"warren/persistence"
	eventv1 "warren/proto/event/v1"
)

// Kinds of records in a vhost's durable stream; the numbers are on disk. Both are a DefinitionBatch.
const (
	kindBatch    uint8 = 1 // what one command changed
	kindSnapshot uint8 = 2 // everything there is: what came before does not count
)

// checkpointAfter is how many records a checkpoint is worth, at least.
const checkpointAfter = 1000

// save sends what of a batch has to survive the process to the journal. It is called when the batch has been applied;
// before is what was there before it.
func (v *VHost) save(ctx actor.Context, before *lasting, events []*eventv1.Definition) {
	var lasts []*eventv1.Definition
	for _, e := range events {
		if before.includes(e) || v.defs.lasts(e) {
			lasts = append(lasts, e)
		}
	}
	if len(lasts) == 0 {
		return
	}
	v.writer.Append(ctx, kindBatch, marshal(&eventv1.DefinitionBatch{Definitions: lasts}))
	if v.records++; v.records >= max(checkpointAfter, len(v.defs.Queues)+len(v.defs.Bindings)) {
		v.records = 0
		v.writer.Checkpoint(ctx, kindSnapshot, marshal(v.defs.snapshot()))
	}
}

func marshal(b *eventv1.DefinitionBatch) []byte {
	payload, err := proto.Marshal(b)
	if err != nil { // names are checked when they come in
		panic(fmt.Sprintf("vhost: definitions do not encode: %v", err))
	}
	return payload
}

// load returns what was on disk when the broker started, as one batch.
func load(records []persistence.Record) (*eventv1.DefinitionBatch, error) {
	d := newDefinitions()
	for _, r := range records {
		b := &eventv1.DefinitionBatch{}
		if err := proto.Unmarshal(r.Payload, b); err != nil {
			return nil, fmt.Errorf("vhost: definition record %d: %w", r.Index, err)
		}
		switch r.Kind {
		case kindSnapshot:
			d = newDefinitions()
		case kindBatch:
		default:
			return nil, fmt.Errorf("vhost: definition record %d is of unknown kind %d", r.Index, r.Kind)
		}
		d.Apply(b)
	}
	return d.snapshot(), nil
}

// forgetOrphans ends the streams of queues whose deletion reached the disk and whose end did not.
func (v *VHost) forgetOrphans(ctx actor.Context) {
	owned := map[string]bool{}
	for _, q := range v.defs.Queues {
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
	for _, x := range d.Exchanges {
		if x.Durable {
			b.Definitions = append(b.Definitions, exchangeDeclared(x))
		}
	}
	for _, q := range d.Queues {
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
	if x := d.Exchanges[source]; x == nil || !x.Durable {
		return false
	}
	if to.kind == eventv1.DestinationKind_DESTINATION_KIND_EXCHANGE {
		x := d.Exchanges[to.name]
		return x != nil && x.Durable
	}
	q := d.Queues[to.name]
	return q != nil && lastingQueue(q)
}

// lasting are the events of a batch that take away something which is on disk. It has to be asked before they are applied.
type lasting struct{ events map[*eventv1.Definition]bool }

func (d *Definitions) takesAway(events []*eventv1.Definition) *lasting {
	l := &lasting{}
	for _, def := range events {
		away := false
		switch e := def.Event.(type) {
		case *eventv1.Definition_ExchangeDeleted:
			x := d.Exchanges[e.ExchangeDeleted.Name]
			away = x != nil && x.Durable
		case *eventv1.Definition_QueueDeleted:
			q := d.Queues[e.QueueDeleted.Name]
			away = q != nil && lastingQueue(q)
		case *eventv1.Definition_Unbound:
			u := e.Unbound
			away = d.lastingEnds(u.Source, endpoint{u.DestinationKind, u.Destination})
		}
		if away {
			if l.events == nil {
				l.events = map[*eventv1.Definition]bool{}
			}
			l.events[def] = true
		}
	}
	return l
}

func (l *lasting) includes(e *eventv1.Definition) bool { return l.events[e] }
