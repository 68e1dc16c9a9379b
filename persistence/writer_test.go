package persistence

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"
)

// outbox is a turn of an actor that sends to nobody.
type outbox struct {
	actor.Context
	tokens []uint64
}

func (o *outbox) Self() *actor.PID { return &actor.PID{Id: "writer"} }
func (o *outbox) Send(_ *actor.PID, m any) {
	if a, ok := m.(*Append); ok {
		o.tokens = append(o.tokens, a.Token)
	}
}

// Issue 3: what a client was told is there is there after a kill -9. The word of what a former incarnation wrote is no word of what this
// one writes.
func TestWriterWaitsForItsOwn(t *testing.T) {
	ctx, log := &outbox{}, &Log{PID: &actor.PID{Id: "journal"}}
	before, now := NewWriter(log, "s", 7), NewWriter(log, "s", 8)
	before.Append(ctx, 1, nil)
	before.Append(ctx, 1, nil)
	now.Append(ctx, 1, nil)
	safe := false
	now.WhenSafe(ctx, func(actor.Context) { safe = true })
	now.Durable(ctx, &Durable{Token: ctx.tokens[1]})
	if safe {
		t.Error("another incarnation's")
	}
	now.Durable(ctx, &Durable{Token: ctx.tokens[2]})
	if !safe {
		t.Error("its own is safe")
	}
	now.WhenSafe(ctx, func(actor.Context) { safe = false })
	if safe {
		t.Error("there is nothing to wait for")
	}
}
