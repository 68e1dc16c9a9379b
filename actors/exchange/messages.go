package exchange

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/protocol"
)

// What an exchange takes.
type (
	// Publish brings the next messages of a session. Prev is the sequence of the session's message before them on this
	// exchange, 0 for the first, by which a gap shows.
	Publish struct {
		Session     uint64
		Incarnation uint64 // of the exchange it is meant for
		Prev        uint64
		// Settled is the sequence up to which the session waits for nothing any more on this link.
		Settled  uint64
		Messages []protocol.Message
	}
	// Resume opens a session's link again, behind a restart of either side or of one of the link's queues. Prev is the
	// last sequence that was routed and must not be again. Epoch is that of the Reset it answers, 0 behind an Up.
	Resume struct {
		Session     uint64
		Incarnation uint64
		Epoch       uint64
		Prev        uint64
	}
	// Republish brings messages that were routed before, to go where they went then.
	Republish struct {
		Session     uint64
		Incarnation uint64
		Runs        []Run
	}
	// Run is consecutive messages of one link with one route.
	Run struct {
		Route    *Route
		Messages []protocol.Message
	}
)

type (
	// Passed brings messages that another exchange routed through this one, which remembers them.
	Passed struct {
		Through  *Slot
		From     ready.Link
		Messages []protocol.Message
	}
	// Greet asks for word when every binding that is there now has got what it gets of the past. The vhost sends it.
	Greet struct {
		From   *actor.PID
		Number uint64
	}
	// Greeted answers it.
	Greeted struct {
		Exchange *Slot
		Number   uint64
	}
)

// What an exchange says.
type (
	// Routed tells a session where its messages went, before any queue hears of them: those behind Prev, which is the Publish's. A
	// session that restarted and has lost what came before does not take it.
	Routed struct {
		Exchange    *Slot
		Incarnation uint64
		Prev        uint64
		Routes      []RoutedTo
	}
	// RoutedTo is the route of every message behind the one before it and up to Last.
	RoutedTo struct {
		Last  uint64
		Route *Route
		// Lost: they are set aside, and go nowhere. Their publisher is told that.
		Lost bool
	}
	// SetAside: messages that have a route go nowhere any more, because they have killed the exchange twice. Where they are, they are.
	SetAside struct {
		Exchange    *Slot
		Incarnation uint64
		Sequences   []ready.Interval
	}
	// Reset: a queue of this link restarted, so what is on the way to it is lost. Nothing of the link goes on to any
	// queue until the session resumes with this epoch.
	Reset struct {
		Exchange    *Slot
		Incarnation uint64
		Epoch       uint64
	}
	// Up: the exchange has a new incarnation. Whatever was sent to the one before may be lost.
	Up struct {
		Exchange    *Slot
		Incarnation uint64
	}
	// Gone: the exchange was deleted. What it had not routed is unroutable.
	Gone struct{ Exchange *Slot }
)
