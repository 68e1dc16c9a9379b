package session

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/exchange"
	"warren/actors/queue"
)

func (b *bench) post(to *actor.PID, m any) { b.Send(to, m) }

// goes applies what an exchange or a queue says of its end.
func (b *bench) exchangeGone(x *exchange.Slot) {
	b.State.Apply(&exchange.Gone{Exchange: x})
	b.ExchangeGone(b, x)
}

func TestPublishToAnExchangeThatIsGoneAlready(t *testing.T) {
	// Promise: an exchange that is deleted between the lookup and the publish, or before tx.commit, loses no confirm: the
	// session hears of the end although it follows too late.
	b, x := newBench(t), newExchange(1)
	x.Bury(b.post)
	b.publish(x, 1, 1)
	b.hears(b.self, "*exchange.Gone", "*exchange.Gone")
	b.exchangeGone(x)
	if !b.State.Drained() {
		t.Fatal("the message waits for ever")
	}
	b.State.Apply(&Published{Exchange: x, Messages: messages(2, 2)}) // as tx.commit does with what was staged
	b.SendPublishes(b, x)
	b.hears(b.self, "*exchange.Gone", "*exchange.Gone")
}

func TestCommandToAQueueThatIsGoneAlready(t *testing.T) {
	// Promise: a queue that is deleted, or given up, between the lookup and the command keeps no operation waiting.
	b, gone, crashed := newBench(t), newQueue(1), newQueue(2)
	gone.Bury(b.post)
	crashed.GiveUp(b.post)
	for _, q := range []*queue.Slot{gone, crashed} {
		b.State.Apply(&Commanded{Queue: q, Op: &queue.Get{}})
	}
	b.sendCommands(b, gone, b.State.peers[gone])
	b.sendCommands(b, crashed, b.State.peers[crashed])
	b.hears(b.self, "*queue.Gone", "*queue.Crashed")
}

func TestOrphanedLinkIsCarriedOn(t *testing.T) {
	// Promise: what an exchange routed and no queue has yet arrives, also when the exchange is deleted and then the queue or the
	// session restarts; nobody else is left to send it again.
	b, x, q := newBench(t), newExchange(1), newQueues(2)
	b.publish(x, 1, 3)
	b.routed(x, 1, route(q...))
	b.routed(x, 3, route(q[0]))
	b.State.Apply(accepted(x, q[0], 1))
	b.exchangeGone(x)
	b.hears(q[0].PID(), "enqueue x1 link 7/1 for 0: 1 2 3")
	b.hears(q[1].PID(), "enqueue x1 link 7/1 for 0: 1")
	b.State.Apply(accepted(x, q[1], 1))
	b.QueueUp(b, q[0])
	b.hears(q[0].PID(), "enqueue x1 link 7/1 for 0: 2 3")
	b.QueueUp(b, q[1])
	b.hears(q[1].PID())

	b.again()
	x.Bury(b.post)
	b.Recover(b)
	b.take(x.PID)
	b.hears(b.self, "*exchange.Gone", "*exchange.Gone")
	b.exchangeGone(x)
	b.hears(q[0].PID(), "enqueue x1 link 7/1 for 0: 2 3")
	b.State.Apply(accepted(x, q[0], 3))
	b.exchangeGone(x)
	if !b.State.Drained() || len(b.State.ledger.links) != 0 || len(b.links) != 0 {
		t.Fatal("the link is kept")
	}
}
