// Package persistence is the persistence actor and what it stands on: the streams whose folds all other actors are.
package persistence

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/persistence/volatile"
)

// Journal is the persistence actor. Streams are objects that it hands out, so that an append is a call and not a message;
// they outlive its incarnations, and everything that stands on them is started behind it.
//
// All streams are volatile so far: they survive every actor, and end with the process.
type Journal struct{ Streams *volatile.Store }

// CountStreams asks how many streams there are; answered by StreamCount.
type (
	CountStreams struct{}
	StreamCount  struct{ N int }
)

// Receive is the journal's table of contents.
func (j *Journal) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*CountStreams); ok {
		ctx.Respond(&StreamCount{N: j.Streams.Len()})
	}
}
