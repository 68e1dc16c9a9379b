package channel

import (
	"slices"
	"time"

	"warren/actors/queue"
	"warren/actors/rate"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// limited says that the pending operation is a basic.get that a limit does not allow yet (contract A-18). It is answered later: this
// actor is woken when it is worth to ask again, and a new incarnation asks by itself.
func (c *Channel) limited() bool {
	if _, get := c.state.Pending.Method.(*amqp091.BasicGet); !get {
		return false
	}
	held := rate.Consuming(c.VHostRates, c.UserRates)
	if held.None() {
		c.Info.Limited.Store(nil)
		return false
	}
	if c.waiters[0] == nil {
		system, self := c.System, c.self
		wakeUp := func() { system.Send(self, wake) }
		c.waiters = [2]*rate.Waiter{rate.NewWaiter(wakeUp), rate.NewWaiter(wakeUp)}
	}
	_, closed := held.Allow(c.waiters[0], c.waiters[1])
	if before := c.Info.Limited.Swap(closed); before == nil && closed != nil {
		c.Info.LimitedSince.Store(time.Now().UnixNano())
	}
	return closed != nil
}

// over says that the connection is: what waits for a limit is not waited for.
func (c *Channel) over() bool {
	return slices.ContainsFunc(c.todo, func(s Step) bool { return s.Closed })
}

// taken counts what a basic.get brought against the limits. What consumers get, their queues count.
func (c *Channel) taken(m *queue.Deliveries) {
	if held := rate.Consuming(c.VHostRates, c.UserRates); !held.None() {
		for _, part := range m.Parts {
			held.Take(len(part.Messages), protocol.Bodies(part.Messages))
		}
	}
}

// leaveLimits is for a channel that ends or restarts.
func (c *Channel) leaveLimits() {
	for _, w := range c.waiters {
		if w != nil {
			w.Leave()
		}
	}
	c.Info.Limited.Store(nil)
}
