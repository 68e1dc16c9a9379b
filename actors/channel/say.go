package channel

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/actors/session"

	"warren/protocol/amqp091"
)

// handFrom is how many encoded bytes go to the socket before the turn ends.
const handFrom = 256 << 10

// encode makes frames of what the state has to say and has not said. It runs right behind the event, before the next one can
// push the event out of the stream.
func (c *Channel) encode() {
	for _, o := range c.state.unsaid(c.encoded) {
		if c.frames == nil {
			c.frames = &Frames{}
		}
		before := c.frames.Size()
		switch w := o.what.(type) {
		case *reply:
			c.frames.Method(c.Number, w.method)
		case *session.Acknowledged:
			for _, a := range w.Confirms {
				if a.Nack {
					c.frames.grown(amqp091.AppendNack(c.frames.space(methodRoom), c.Number, a.Tag, a.Multiple, false))
				} else {
					c.frames.grown(amqp091.AppendAck(c.frames.space(methodRoom), c.Number, a.Tag, a.Multiple))
				}
			}
		case *session.Returned:
			c.returned(w)
		case *session.Delivered:
			c.delivered(w)
			before = c.frames.Size() // a delivery is not a reply: it has a window of its own
		case *session.Got:
			c.gotOk(w)
		case *session.Cancelled:
			if c.CancelNotify {
				c.frames.Method(c.Number, &amqp091.BasicCancel{ConsumerTag: w.Tag, NoWait: true})
			}
		}
		c.replies += c.frames.Size() - before
		c.encoded = o.ordinal
	}
	if c.frames != nil && c.frames.Size() >= handFrom {
		c.hand()
	}
}

// hand gives the frames of this turn to the outlet.
func (c *Channel) hand() {
	if c.frames == nil {
		return
	}
	f, replies := c.frames, c.replies
	c.frames, c.replies = nil, 0
	c.Outlet.Put(c.incarnation, c.encoded, f, replies)
}

func (c *Channel) delivered(d *session.Delivered) {
	f := c.frames
	for i := range d.Delivery.Messages {
		m := &d.Delivery.Messages[i]
		f.deliver(c.Number, d.Tag, d.FirstTag+uint64(i), d.Delivery.Redelivered, d.Delivery.Exchange, m.RoutingKey)
		f.content(c.Number, m, c.Outlet.frameMax)
	}
	c.flights = append(c.flights, flight{
		position: c.Outlet.Queued() + uint64(f.Size()), queue: d.Queue, consumer: d.Consumer,
		seq: d.Delivery.Seq + uint64(len(d.Delivery.Messages)) - 1,
	})
}

func (c *Channel) gotOk(g *session.Got) {
	f, m := c.frames, &g.Delivery.Messages[0]
	f.grown(amqp091.AppendGetOk(f.space(methodRoom), c.Number, g.Tag, g.Delivery.Redelivered, g.Delivery.Exchange, m.RoutingKey, uint32(g.Ready)))
	f.content(c.Number, m, c.Outlet.frameMax)
	consumer := queue.GetConsumer // its queue need not have it in memory any more, nor what others have that came behind it
	if g.NoAck {
		consumer = queue.GetConsumerNoAck
	}
	c.flights = append(c.flights, flight{
		position: c.Outlet.Queued() + uint64(f.Size()), queue: g.Queue, consumer: consumer, seq: g.Delivery.Seq,
	})
}

// returned is contract P-33: the message as it came, with the reason.
func (c *Channel) returned(r *session.Returned) {
	f := c.frames
	f.grown(amqp091.AppendReturn(f.space(methodRoom), c.Number, 312, "NO_ROUTE", string(r.Exchange), r.Message.RoutingKey))
	f.content(c.Number, &r.Message, c.Outlet.frameMax)
}

// creditedKept is how large the scratch of credit may have become to be used again: to clear a map costs what it was once.
const creditedKept = 64

// credit tells the queues what has left for the client, each consumer's once: the newest of it.
func (c *Channel) credit(ctx actor.Context) {
	written, n := c.Outlet.Written(), 0
	for n < len(c.flights) && c.flights[n].position <= written {
		n++
	}
	for i := n - 1; i >= 0; i-- {
		f := &c.flights[i]
		to := credited{f.queue, f.consumer}
		if i < n-1 {
			if _, newer := c.credited[to]; newer {
				continue
			}
		}
		if i > 0 {
			if c.credited == nil {
				c.credited = map[credited]struct{}{}
			}
			c.credited[to] = struct{}{}
		}
		c.session.Credit(ctx, f.queue, f.consumer, f.seq)
	}
	if len(c.credited) > creditedKept {
		c.credited = nil
	} else {
		clear(c.credited)
	}
	c.flights = c.flights[:copy(c.flights, c.flights[n:])]
}

// creditAll is for a channel that restarted and does not know any more what is on its way to the socket: it counts as gone.
// The most that it costs is one window a restart.
func (c *Channel) creditAll(ctx actor.Context) {
	c.state.EachReceived(func(q *queue.Slot, consumer uint32, seq uint64) { c.session.Credit(ctx, q, consumer, seq) })
}
