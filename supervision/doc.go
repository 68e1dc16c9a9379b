// Package supervision is OTP's supervision on Proto.Actor.
//
// Proto.Actor has supervisor strategies of its own, but they are not OTP's: limits are per child, exceeding one stops
// the child silently, nothing is ordered, nothing has a reason and a restart happens inside the broken actor's own
// mailbox. Here a supervisor is an actor that follows the supervisor behaviour of OTP (stdlib, supervisor.erl):
//
//   - children start in order, each after its predecessor has acknowledged, and stop in reverse, each within its own
//     shutdown time;
//   - four strategies, three restart types, one intensity per supervisor, significant children and automatic shutdown;
//   - a supervisor beyond its intensity fails itself, and its own supervisor decides. Above the top stands System, whose
//     Done and Err tell the process that it is over.
//
// The way of a crash:
//
//	panic in a turn -> mailbox recovers, keeps the stack, suspends -> childFailed to the supervisor
//	supervisor decides (strategy, limits) -> Stop with a Reason -> guard calls Terminate(reason)
//	process leaves the registry, its mailbox goes to the dead letters -> childExited to the supervisor
//	supervisor spawns the next incarnation under the same name -> Started -> childStarted
//
// A crashed worker is thus never repaired in place: it is replaced, as in Erlang. Its PID is a registered name, so PIDs
// that others keep reach the new incarnation. What the old one had not handled is gone to the dead letters; whoever
// talks to it resynchronises by the incarnation number given to ChildSpec.New.
//
// Every actor runs with three adapters: the mailbox (mailbox.go), the guard (guard.go) and the dispatcher that reuses
// goroutines (dispatcher.go). What they repair in Proto.Actor is held, fault by fault, in supervision/pitfalls.
package supervision
