package channel

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/protocol"
	"warren/protocol/amqp091"
	"warren/supervision"
)

// afterClose takes what still comes for a channel that is closing: everything is dropped but the end (contract P-22).
func (c *Channel) afterClose(s *Step) {
	switch s.Method.(type) {
	case *amqp091.ChannelClose: // both sides closed at once
		c.happen(s.Ordinal, &Over{Ending: ClosedByPeer})
	case *amqp091.ChannelCloseOk:
		c.happen(s.Ordinal, &Over{Ending: ConnectionEnd})
	default:
		c.happen(s.Ordinal, &Skipped{})
	}
}

// end takes a channel to its end: every queue has what was published, has heard what was settled, and lets the session go,
// with what is not settled waiting again; then the client hears close-ok.
func (c *Channel) end(ctx actor.Context) {
	switch {
	case c.left:
	case !c.state.Drained() || c.state.Commanding():
		return
	case c.session.Leaving == nil:
		c.hand() // what the client gets is known to have been on its way
		c.session.Leave(ctx)
	}
	if len(c.session.Leaving) > 0 {
		return
	}
	if !c.left {
		c.left = true
		c.session.Unfollow()
		c.VHost.Unfollow(ctx.Self())
		c.Sessions.Remove(c.Session)
	}
	if c.state.Ending == ClosedByUs {
		return // until close-ok
	}
	if c.state.Ending == ClosedByPeer {
		// From here on a restart has nothing more to say: the client may have opened another channel of that number.
		c.happen(0, &Over{Ending: ConnectionEnd, Reply: &amqp091.ChannelCloseOk{}})
		c.hand()
	}
	c.halted = true
	ctx.Send(c.Owner, &Closed{Session: c.Session})
	ctx.Stop(ctx.Self())
}

// Terminate is called when the actor stops. Only a channel that is over takes its stream along.
func (c *Channel) Terminate(ctx actor.Context, why supervision.Reason) {
	c.leaveLimits()
	if why == supervision.Restarting {
		return
	}
	c.Inbox.Attach(nil, c.incarnation)
	c.Outlet.Claim(nil, c.incarnation)
	if !c.left { // given up, or stopped from above: the queues must not wait for it
		c.depart(ctx, ctx.Self())
	}
	c.account(0)
	c.Streams.Drop(c.streamName())
}

// queueGone ends everything with a queue that was deleted or given up; an operation that waits for it gets err.
func (c *Channel) queueGone(q *queue.Slot, m any, err *protocol.Error) {
	c.session.QueueGone(q)
	op := c.state.Pending
	if op == nil || !op.Asked || op.Queue != q {
		c.happen(0, m)
		return
	}
	switch method := op.Method.(type) {
	case *amqp091.BasicCancel: // contract P-43: its consumer is gone, which is all it asked for
		c.happen(0, &Ended{Events: []any{m}, Reply: unlessNoWait(method.NoWait, &amqp091.BasicCancelOk{ConsumerTag: method.ConsumerTag})})
	case *amqp091.QueueDeclare:
		if q.Gone() && !method.Passive { // while it was asked for its counts: it is to be there again
			again := *op
			again.Asked, again.Queue, again.Seq = false, nil, 0
			c.happen(0, &Asked{Op: again, Events: []any{m}})
			return
		}
		c.failOp(err, m)
	default:
		c.failOp(err, m)
	}
}
