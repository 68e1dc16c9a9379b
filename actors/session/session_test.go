package session

import (
	"fmt"
	"slices"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/exchange"
	"warren/actors/queue"
)

// bench is a session whose neighbours are names.
type bench struct {
	*Session
	wire
	t *testing.T
}

func newBench(t *testing.T) *bench {
	s := NewState()
	return &bench{Session: New(7, &s, pid("self")), t: t}
}

// again is the session behind a restart of its actor.
func (b *bench) again() { b.Session = New(7, b.State, pid("self")) }

func (b *bench) publish(x *exchange.Slot, first, last uint64) {
	b.State.Apply(&Published{Exchange: x, Messages: messages(first, last)})
	b.SendPublishes(&b.wire, x)
}

func (b *bench) routed(x *exchange.Slot, last uint64, to *exchange.Route) {
	b.State.Apply(routed(x, last, to))
	b.Routed(&b.wire, x)
}

// hears checks everything that somebody was sent since it was last asked for.
func (b *bench) hears(to *actor.PID, want ...string) {
	b.t.Helper()
	var got []string
	for _, m := range b.take(to) {
		got = append(got, sayLetter(m))
	}
	if !slices.Equal(got, want) {
		b.t.Fatalf("%s heard %q, want %q", to.Id, got, want)
	}
}

func sayLetter(m any) string {
	switch m := m.(type) {
	case *exchange.Publish:
		return fmt.Sprintf("publish %d..%d behind %d for %d", m.Messages[0].Seq, m.Messages[len(m.Messages)-1].Seq, m.Prev, m.Incarnation)
	case *exchange.Resume:
		return fmt.Sprintf("resume behind %d epoch %d for %d", m.Prev, m.Epoch, m.Incarnation)
	case *exchange.Republish:
		line := "republish"
		for _, r := range m.Runs {
			line += fmt.Sprintf(" %d..%d", r.Messages[0].Seq, r.Messages[len(r.Messages)-1].Seq)
			for _, q := range r.Route.Queues {
				line += "/" + string(q.Name)
			}
		}
		return line
	case *queue.Commands:
		if leave, ok := m.Ops[0].(*queue.Leave); ok {
			return fmt.Sprintf("%d leave %v", m.First, leave.Received)
		}
		return fmt.Sprintf("%d+%d", m.First, len(m.Ops))
	case *queue.Resume:
		return fmt.Sprintf("resume %v", m.Received)
	case *queue.Enqueue:
		line := fmt.Sprintf("enqueue %s link %d/%d for %d:", m.Exchange, m.Link.Session, m.Link.Exchange, m.Incarnation)
		for i := range m.Messages {
			line += fmt.Sprintf(" %d", m.Messages[i].Seq)
		}
		return line
	}
	return fmt.Sprintf("%T", m)
}

func TestPublishesNameTheOneBefore(t *testing.T) {
	// Promise: a publish link has a sequence in which a gap shows (DESIGN section 4, links).
	b, x, y := newBench(t), newExchange(1), newExchange(2)
	b.publish(x, 1, 2)
	b.publish(y, 3, 3)
	b.publish(x, 4, 4)
	b.SendPublishes(b, x)
	b.hears(x.PID, "publish 1..2 behind 0 for 0", "publish 4..4 behind 2 for 0")
	b.hears(y.PID, "publish 3..3 behind 0 for 0")
}

func TestResetWaitsForRoutes(t *testing.T) {
	// Promise: behind the restart of a queue everything that was sent has its route first, and is sent again where it went;
	// nothing new goes out in between (DESIGN section 4, routes and confirms).
	b, x, q := newBench(t), newExchange(1), newQueues(2)
	b.publish(x, 1, 4)
	b.routed(x, 2, route(q[0]))
	b.take(x.PID)
	b.Reset(b, &exchange.Reset{Exchange: x, Epoch: 5})
	b.publish(x, 5, 6)
	b.hears(x.PID)
	b.routed(x, 3, route(q[1]))
	b.hears(x.PID)
	b.routed(x, 4, route(q[0], q[1]))
	b.hears(x.PID, "resume behind 4 epoch 5 for 0", "republish 1..2/q1 3..3/q2 4..4/q1/q2", "publish 5..6 behind 4 for 0")
}

func TestResetOfAnotherIncarnationIsOld(t *testing.T) {
	// Promise: what an incarnation says that was replaced is refused (DESIGN section 5, incarnations).
	b, x := newBench(t), newExchange(1)
	b.publish(x, 1, 1)
	b.ExchangeUp(b, &exchange.Up{Exchange: x, Incarnation: 9})
	b.take(x.PID)
	b.Reset(b, &exchange.Reset{Exchange: x, Incarnation: 8, Epoch: 1})
	b.hears(x.PID)
	if b.Current(x, 8) || !b.Current(x, 9) {
		t.Fatal("incarnation 8 is taken for the present one")
	}
}

func TestRepublishLeavesOutWhatIsSafe(t *testing.T) {
	// Promise: only what a queue on the route may not have is sent again.
	b, x, q := newBench(t), newExchange(1), newQueues(2)
	b.publish(x, 1, 4)
	b.routed(x, 4, route(q...))
	b.State.Apply(accepted(x, q[0], 4))
	b.State.Apply(accepted(x, q[1], 2))
	b.take(x.PID)
	b.Reset(b, &exchange.Reset{Exchange: x, Epoch: 1})
	b.hears(x.PID, "resume behind 4 epoch 1 for 0", "republish 3..4/q1/q2")
	b.State.Apply(accepted(x, q[1], 4))
	b.Reset(b, &exchange.Reset{Exchange: x, Epoch: 2})
	b.hears(x.PID, "resume behind 4 epoch 2 for 0")
}

func TestExchangeUpResends(t *testing.T) {
	// Promise: a new incarnation of an exchange is told everything: what has a route goes there, the rest is routed anew.
	b, x, q := newBench(t), newExchange(1), newQueue(1)
	b.publish(x, 1, 2)
	b.publish(x, 3, 4)
	b.routed(x, 3, route(q))
	b.take(x.PID)
	b.Reset(b, &exchange.Reset{Exchange: x, Epoch: 3}) // of the one that dies before it is answered
	b.ExchangeUp(b, &exchange.Up{Exchange: x, Incarnation: 2})
	b.hears(x.PID, "resume behind 3 epoch 0 for 2", "republish 1..2/q1 3..3/q1", "publish 4..4 behind 3 for 2")
	b.publish(x, 5, 5)
	b.hears(x.PID, "publish 5..5 behind 4 for 2")
}

func TestRestartedSessionResumesEverything(t *testing.T) {
	// Promise: a session that restarts sends again all that is under way; whoever has it takes it once (DESIGN section 5).
	b, x, q := newBench(t), newExchange(1), newQueue(1)
	b.publish(x, 1, 2)
	b.State.Apply(&Commanded{Queue: q, Op: &queue.Get{}})
	b.SendCommands(b)
	b.hears(q.PID(), "1+1")
	b.State.Apply(deliveries(q, queue.GetConsumer, 1, 1))
	b.take(x.PID)
	b.again()
	b.Recover(b)
	b.hears(x.PID, "resume behind 0 epoch 0 for 0", "publish 1..2 behind 0 for 0")
	b.hears(q.PID(), "resume map[0:1]", "1+1")
}

func TestQueueUpResumesCommands(t *testing.T) {
	// Promise: a queue that restarts hears what it was told and did not apply, in order, and what arrived of its deliveries.
	b, q := newBench(t), newQueue(1)
	for range 3 {
		b.State.Apply(&Commanded{Queue: q, Op: &queue.Inspect{}})
	}
	b.SendCommands(b)
	b.SendCommands(b)
	b.hears(q.PID(), "1+3")
	b.State.Apply(&queue.Done{Queue: q, Upto: 1})
	b.State.Apply(&Subscribed{Consumer: Consumer{Tag: "c", Number: queue.FirstConsumer, Queue: q}})
	b.State.Apply(deliveries(q, queue.FirstConsumer, 1, 2))
	b.QueueUp(b, q)
	b.hears(q.PID(), "resume map[2:2]", "2+2")
	b.State.Apply(&Commanded{Queue: q, Op: &queue.Inspect{}})
	b.SendCommands(b)
	b.hears(q.PID(), "4+1")
	b.QueueUp(b, newQueue(2)) // one it has nothing to do with
	if len(b.letters) != 0 {
		t.Fatalf("sent %+v", b.letters)
	}
}

func TestEarlyDeliveriesAreAskedForWithCommands(t *testing.T) {
	// Promise: a queue that is asked to deliver again hears again what it may have put off, too; nobody else would say it.
	b, q := newBench(t), newQueue(1)
	b.State.Apply(&Commanded{Queue: q, Op: &queue.Consume{Consumer: queue.FirstConsumer}})
	b.State.Apply(&Commanded{Queue: q, Op: &queue.Get{}})
	b.SendCommands(b)
	b.hears(q.PID(), "1+2")
	b.Unexpected(deliveries(q, queue.FirstConsumer, 1, 2))
	b.State.Apply(&queue.Done{Queue: q, Upto: 1})
	b.State.Apply(&Subscribed{Consumer: Consumer{Tag: "c", Number: queue.FirstConsumer, Queue: q}})
	b.Subscribed(b, q)
	b.hears(q.PID(), "resume map[2:0]", "2+1")
	b.Subscribed(b, q) // it has been asked for
	b.hears(q.PID())
}

func TestLeaveEndsWithItsOwnAnswer(t *testing.T) {
	// Promise: the client hears close-ok when the queues have let the session go, and not by the copy of an older answer.
	b, q := newBench(t), newQueues(2)
	for _, q := range q {
		b.State.Apply(&Commanded{Queue: q, Op: &queue.Inspect{}})
		b.State.Apply(&queue.Done{Queue: q, Upto: 1})
	}
	b.Leave(b)
	b.hears(q[0].PID(), "2 leave map[]")
	b.hears(q[1].PID(), "2 leave map[]")
	b.Left(q[0], 1)
	b.QueueUp(b, q[0]) // it restarted before it heard
	b.hears(q[0].PID(), "2 leave map[]")
	b.Left(q[0], 2)
	b.QueueGone(q[1])
	if len(b.Leaving) != 0 {
		t.Fatalf("still leaving %v", b.Leaving)
	}
	b.Unfollow()
	b.QueueUp(b, q[0])
	q[0].GiveUp(func(*actor.PID, any) { t.Error("a session that is over still follows") })
}
