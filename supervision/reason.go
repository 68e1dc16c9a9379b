package supervision

import "github.com/asynkron/protoactor-go/actor"

// Reason says why an actor stops. An actor that owns something outside of itself (a socket, a stream) needs it: a
// restart keeps what belongs to the client, everything else gives it back.
type Reason int

const (
	// Normal: it stopped itself.
	Normal Reason = iota
	// Restarting: it crashed and will come back, or its supervisor restarts it together with a sibling. Should it be
	// terminated in the very middle of that, OnExit of its ChildSpec tells.
	Restarting
	// Shutdown: its supervisor shuts down.
	Shutdown
	// Gone: it will not come back: terminated, dropped, or temporary and crashed; or that holds for a supervisor above it.
	Gone
	// GivenUp: it has crashed beyond its own limit (ChildSpec.GiveUp).
	GivenUp
)

var reasonNames = [...]string{"normal", "restart", "shutdown", "gone", "given up"}

func (r Reason) String() string { return name(reasonNames[:], int(r)) }

// Terminator is gen_server's terminate/2. An actor that has it gets this one call instead of *actor.Stopping and
// *actor.Stopped, in its last turn, also after it has crashed. A panic in it is logged and otherwise ignored.
//
// It is not called when the actor is abandoned: by Brutal, or because it did not stop in time.
type Terminator interface {
	Terminate(ctx actor.Context, reason Reason)
}
