package persistence

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// Issue 3: what a client was told is there is there after a kill -9. The word of what a former incarnation wrote is no word of what this
// one writes.
func TestWriterWaitsForItsOwn(t *testing.T) {
	var tokens []uint64
	log := &Log{PID: &actor.PID{Id: "journal"}}
	writer := func(incarnation uint64) *Writer {
		return NewWriter(&Provider{Log: log, Incarnation: incarnation, Send: func(_ *actor.PID, m any) { tokens = append(tokens, m.(*Append).Token) }}, "s")
	}
	before := writer(7)
	before.Event(wrapperspb.String("a"))
	before.Event(wrapperspb.String("b"))
	now := writer(8)
	now.Event(wrapperspb.String("c"))
	safe := false
	now.WhenSafe(nil, func(actor.Context) { safe = true })
	now.Durable(nil, &Durable{Token: tokens[1]})
	if safe {
		t.Error("another incarnation's")
	}
	now.Durable(nil, &Durable{Token: tokens[2]})
	if !safe {
		t.Error("its own is safe")
	}
	now.WhenSafe(nil, func(actor.Context) { safe = false })
	if safe {
		t.Error("there is nothing to wait for")
	}
}
