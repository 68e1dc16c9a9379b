package supervision

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// errAbandoned unwinds the last turn of a killed incarnation out of Proto.Actor's hands; its mailbox swallows it.
var errAbandoned = errors.New("supervision: abandoned")

// guard stands between Proto.Actor and a worker:
//
//   - it makes the actor in its own first turn, so that whatever goes wrong there is its own crash;
//   - Stopping becomes Terminate with a Reason, for those who want to know;
//   - a panic in Stopping or Stopped is logged and swallowed. Unguarded it would bring the actor back to life, or leave
//     a zombie its supervisor waits for;
//   - an incarnation that was killed while it stopped never gets to finalizeStop, which unregisters by name and so would
//     take its successor with it;
//   - an injected crash panics here, below the actor's turn.
type guard incarnation

func (g *guard) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		g.own = g.child.spec.New(g.number)
		g.own.Receive(ctx)
	case *actor.Stopping:
		g.last(ctx, g.stopping)
	case *actor.Stopped:
		g.last(ctx, g.stopped)
	case *injection:
		g.injected(m)
	default:
		g.own.Receive(ctx)
	}
}

// Casualty is an actor that wants to know of a panic in its turn, in its last moment, what it was working on: to note it where its
// successor looks. Crashed is called in the actor's goroutine before its supervisor hears of the crash, and not for injected ones. A panic
// in it is logged and otherwise ignored.
type Casualty interface {
	Crashed(message any)
}

func (g *guard) crashed(message any) {
	if a, ok := g.own.(Casualty); ok {
		defer func() {
			if reason := recover(); reason != nil {
				g.sys.log.Error().Str("path", g.child.path).Str("reason", fmt.Sprint(reason)).Str("stack", panicStack()).
					Msg("panic while noting a crash")
			}
		}()
		a.Crashed(message)
	}
}

func (g *guard) stopping(ctx actor.Context) {
	switch a := g.own.(type) {
	case nil: // New panicked
	case Terminator:
		a.Terminate(ctx, g.life.why())
	default:
		a.Receive(ctx)
	}
}

func (g *guard) stopped(ctx actor.Context) {
	switch a := g.own.(type) {
	case nil, Terminator:
	default:
		a.Receive(ctx)
	}
}

// last runs one of the last two turns.
func (g *guard) last(ctx actor.Context, turn func(actor.Context)) {
	g.leaveIfKilled()
	func() {
		defer func() {
			if reason := recover(); reason != nil {
				g.sys.log.Error().Str("path", g.child.path).Str("kind", g.child.spec.kind()).Uint64("incarnation", g.number).
					Str("reason", fmt.Sprint(reason)).Stringer("terminate", g.life.why()).Str("stack", panicStack()).
					Msg("panic while terminating")
			}
		}()
		turn(ctx)
	}()
	g.leaveIfKilled()
}

func (g *guard) leaveIfKilled() {
	if g.killed.Load() {
		panic(errAbandoned)
	}
}

// injection is a crash on order, see System.Crash and System.Hang.
type injection struct {
	count, hang bool
	text        string
}

// Injection is what to panic with for a crash on order in the middle of a turn. As after System.Crash, nobody's limit hears of it.
func Injection(text string) any { return &injection{text: text} }

func (*injection) signal() {}

func (i *injection) String() string { return strings.TrimSuffix("injected crash: "+i.text, ": ") }

func (g *guard) injected(m *injection) {
	if !m.hang {
		panic(m)
	}
	for !g.killed.Load() {
		time.Sleep(10 * time.Millisecond)
	}
}
