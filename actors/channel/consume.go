package channel

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/actors/queue/settings"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// consume is contract P-42.
func (c *Channel) consume(ctx actor.Context, op *Operation, m *amqp091.BasicConsume) {
	_, taken := c.state.Consumers[op.Name]
	switch {
	case !taken && c.ConsumerMax > 0 && len(c.state.Consumers) >= c.ConsumerMax:
		c.failOp(protocol.NotAllowed("reached maximum (%d) of consumers per channel", c.ConsumerMax))
		return
	case taken:
		c.failOp(protocol.NotAllowed("attempt to reuse consumer tag '%s'", op.Name))
		return
	}
	if op.ReplyTo != "" {
		c.askForReplies(ctx, op, m)
		return
	}
	arguments, err := table(m.Arguments)
	if err != nil {
		c.failOp(err)
		return
	}
	called, err := c.last(m.Queue)
	if err != nil {
		c.failOp(err)
		return
	}
	q := c.queue(called)
	if err := c.refusal(called, q); err != nil {
		c.failOp(err)
		return
	}
	priority, err := settings.Consumer("queue '"+called+"' in vhost '"+c.VHost.Name+"'", arguments)
	if err != nil {
		c.failOp(err)
		return
	}
	c.command(op, called, q, &queue.Consume{
		Consumer: c.state.NextNumber(), Tag: op.Name, NoAck: m.NoAck, Exclusive: m.Exclusive, Prefetch: c.state.Prefetch,
		Shared: c.state.Limit > 0 && !m.NoAck, Priority: priority, Arguments: arguments, User: c.User,
	})
}

// cancel is contract P-43: always answered, also for a tag that is not there.
func (c *Channel) cancel(op *Operation, m *amqp091.BasicCancel) {
	consumer := c.state.Consumers[m.ConsumerTag]
	if consumer == nil {
		c.happen(0, &Ended{Reply: unlessNoWait(m.NoWait, &amqp091.BasicCancelOk{ConsumerTag: m.ConsumerTag})})
		return
	}
	c.command(op, string(consumer.Queue.Name), consumer.Queue, &queue.Cancel{Consumer: consumer.Number})
}

// get is contract P-47.
func (c *Channel) get(op *Operation, m *amqp091.BasicGet) {
	called, err := c.last(m.Queue)
	if err != nil {
		c.failOp(err)
		return
	}
	q := c.queue(called)
	if c.refusal(called, q) == nil && q.Settings().SingleActiveConsumer {
		c.failOp(protocol.ResourceLocked("cannot obtain access to locked queue '%s' in vhost '%s'. basic.get operations are not "+
			"supported by classic queues with single active consumer", called, c.VHost.Name))
		return
	}
	c.command(op, called, q, &queue.Get{NoAck: m.NoAck})
}
