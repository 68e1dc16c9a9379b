package supervision

import (
	"fmt"
	"sync/atomic"
)

// overseer hears of the incarnations it has started: the supervisor above, or System for the top. It is called in the
// incarnation's goroutine and must not block.
type overseer interface{ hear(signal) }

// What an overseer hears. They name the incarnation, not its path: a late word of a predecessor is told apart.
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
	child    *child // the overseer's record
	overseer overseer
	guard    *guard       // nil for a supervisor
	reason   atomic.Int32 // a Reason: why it will stop. Normal until somebody else decides so.
	crashes  atomic.Int32
	doomed   atomic.Bool // System.Shake has chosen it
	finished atomic.Bool // a supervisor whose children are gone: the next Stop is real
	// supervisor: acknowledges its start and ends on its own account, see supervisor.go.
	supervisor bool
}

func (s *System) newIncarnation(c *child, o overseer) *incarnation {
	i := &incarnation{number: s.incarnations.Add(1), sys: s, child: c, overseer: o, supervisor: c.spec.Supervisor != nil}
	i.keeper, i.blocks, i.drains = i, c.spec.Blocks, c.spec.Drains
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

func (i *incarnation) started() {
	if !i.supervisor {
		i.overseer.hear(childStarted{i})
	}
}

func (i *incarnation) holdStop() any {
	if i.supervisor && !i.finished.Load() {
		return shutdown{}
	}
	return nil
}

func (i *incarnation) failed(reason, msg any, stack string) {
	crash := &Crash{
		Path: i.child.node.path, Kind: i.child.node.kind, Incarnation: i.number,
		Reason: reason, Message: fmt.Sprintf("%T", msg), Stack: stack,
	}
	if x, ok := reason.(*injection); ok {
		crash.Injected, crash.uncounted = true, !x.count
	} else if i.guard != nil {
		i.guard.crashed(msg)
	}
	if _, refuses := reason.(*Refusal); refuses {
		// The first start is the boot: whoever called System.Start is told, and says it.
		st := i.child.node.status.Load()
		if crash.Stack = ""; st.restarts+st.injectedRestarts > 0 {
			i.sys.log.Error().Str("path", crash.Path).Str("reason", fmt.Sprint(reason)).Msg("actor does not start")
		}
	} else {
		i.sys.log.Error().EmbedObject(crash).Msg("actor crashed")
	}
	if i.crashes.Add(1) > 1 && i.supervisor {
		// A supervisor that cannot even shut down: Proto.Actor stops its children, all at once.
		i.finished.Store(true)
		i.PostSystemMessage(stopMessage)
		return
	}
	i.overseer.hear(childFailed{i, crash})
}

func (i *incarnation) ended() { i.overseer.hear(childExited{i}) }
