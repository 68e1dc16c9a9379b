package supervision

import (
	"fmt"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// What a supervisor, or System for the top, hears of the incarnations it has started, in the incarnation's goroutine. They name the
// incarnation, not its path: a late word of a predecessor is told apart.
type (
	childStarted struct{ who *incarnation }
	childFailed  struct {
		who *incarnation
		err error // *Crash, *Escalation or *StartError
	}
	childExited struct{ who *incarnation }
	childStuck  struct {
		who *incarnation
		err *Crash
	}
)

func (childStarted) signal() {}
func (childFailed) signal()  {}
func (childExited) signal()  {}
func (childStuck) signal()   {}

// shutdown is what a supervisor gets instead of a Stop: it stops its children first.
type shutdown struct{}

func (shutdown) signal() {}

// incarnation is one life of a child: from its spawn to its end, with the mailbox it has for that time.
type incarnation struct {
	mailbox
	number   uint64
	sys      *System
	child    *child       // the supervisor's record
	overseer *incarnation // the supervisor above that has started it; nil for the top
	own      actor.Actor  // whose life it is: a worker, nil before Started, or a supervisor
	reason   atomic.Int32 // a Reason: why it will stop. Normal until somebody else decides so.
	crashes  atomic.Int32
	doomed   atomic.Bool // System.Shake has chosen it
	finished atomic.Bool // a supervisor whose children are gone: the next Stop is real
	// supervisor: acknowledges its start and ends on its own account, see supervisor.go.
	supervisor bool
}

func (s *System) newIncarnation(c *child, o *incarnation) *incarnation {
	i := &incarnation{number: s.incarnations.Add(1), sys: s, child: c, overseer: o, supervisor: c.spec.Supervisor != nil}
	i.life, i.blocks, i.drains = i, c.spec.Blocks, c.spec.Drains
	return i
}

// stopFor asks the actor to stop, for a reason.
func (i *incarnation) stopFor(r Reason) {
	i.reason.Store(int32(r))
	i.PostSystemMessage(stopMessage)
}

func (i *incarnation) why() Reason { return Reason(i.reason.Load()) }

// hear: a supervisor's own children report into its mailbox, ahead of user messages.
func (i *incarnation) hear(s signal) { i.PostSystemMessage(s) }

// report to whoever has started it.
func (i *incarnation) report(s signal) {
	if i.overseer != nil {
		i.overseer.hear(s)
	} else {
		i.sys.hear(s)
	}
}

// started: the Started turn is done.
func (i *incarnation) started() {
	if !i.supervisor {
		i.report(childStarted{i})
	}
}

// holdStop turns a Stop into a message to the actor, which then stops itself when it is ready to. nil: just stop.
func (i *incarnation) holdStop() any {
	if i.supervisor && !i.finished.Load() {
		return shutdown{}
	}
	return nil
}

// failed: a turn panicked; the mailbox is suspended until it is stopped.
func (i *incarnation) failed(reason, msg any, stack string) {
	crash := &Crash{
		Path: i.child.path, Kind: i.child.spec.kind(), Incarnation: i.number,
		Reason: reason, Message: fmt.Sprintf("%T", msg), Stack: stack,
	}
	if x, ok := reason.(*injection); ok {
		crash.Injected, crash.uncounted = true, !x.count
	} else if !i.supervisor {
		(*guard)(i).crashed(msg)
	}
	if _, refuses := reason.(*Refusal); refuses {
		// The first start is the boot: whoever called System.Start is told, and says it.
		st := i.sys.nodes.status(i.child)
		if crash.Stack = ""; st.restarts+st.injectedRestarts > 0 {
			i.sys.log.Error().Str("path", crash.Path).Str("reason", fmt.Sprint(reason)).Msg("actor does not start")
		}
	} else {
		i.sys.log.Error().EmbedObject(crash).Msg("actor crashed")
	}
	if i.crashes.Add(1) > 1 && i.supervisor {
		i.own.(*supervisor).collapse()
		return
	}
	i.report(childFailed{i, crash})
}

// ended: the process is gone and the mailbox empty. Not called when it was killed.
func (i *incarnation) ended() { i.report(childExited{i}) }
