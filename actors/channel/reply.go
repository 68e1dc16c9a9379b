package channel

import (
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/actors/session"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// Direct reply-to (contract P-38). A consumer of the pseudo queue has a queue of its own, whose name takes the place of the pseudo
// queue's in what the channel publishes; whoever answers publishes to that name, by the default exchange.

// askForReplies has the vhost make the queue.
func (c *Channel) askForReplies(ctx actor.Context, op *Operation, m *amqp091.BasicConsume) {
	switch _, set := c.state.replyQueue(); {
	case set:
		c.failOp(protocol.PreconditionFailed("reply consumer already set"))
	case !m.NoAck:
		c.failOp(protocol.PreconditionFailed("reply consumer cannot acknowledge"))
	default:
		c.askVHost(ctx, op)
	}
}

// consumeReplies goes on when the queue is there. The client's arguments and its wish to be alone mean nothing here.
func (c *Channel) consumeReplies(op *Operation, m *amqp091.BasicConsume) {
	c.command(op, op.ReplyTo, c.VHost.Queue(queue.Name(op.ReplyTo)), &queue.Consume{
		Consumer: c.state.NextNumber(), Tag: op.Name, NoAck: m.NoAck, Prefetch: c.state.Prefetch,
	})
}

// declareReplies says whether somebody waits for replies under a name: what every declaration of such a name means.
func (c *Channel) declareReplies(op *Operation, m *amqp091.QueueDeclare) {
	if q := c.VHost.Queue(queue.Name(op.Name)); op.Name != queue.ReplyTo && (q == nil || q.Crashed()) {
		c.failOp(c.noQueue(op.Name))
		return
	}
	c.happen(0, &Ended{Queue: op.Name, Reply: unlessNoWait(m.NoWait, &amqp091.QueueDeclareOk{Queue: op.Name, ConsumerCount: 1})})
}

// replyQueue is the name of the queue that has the replies, if there is one.
func (s *State) replyQueue() (name string, ok bool) {
	consumer := s.Consumers[s.replyTag]
	if consumer == nil || !consumer.Queue.Hidden() {
		return "", false
	}
	return string(consumer.Queue.Name), true
}

// withReplyTo returns messages as they go on: with the name of the reply queue where they ask for replies to the pseudo queue. With
// an error it returns those in front of the one that caused it.
func (c *Channel) withReplyTo(messages []protocol.Message) ([]protocol.Message, *protocol.Error) {
	changed := false
	for i := range messages {
		raw := messages[i].Properties
		if len(raw) == 0 || raw[0]&byte(protocol.PropReplyTo>>8) == 0 {
			continue
		}
		// The reader has checked the properties.
		if scan, err := protocol.ScanProperties(raw); err != nil || string(scan.ReplyTo) != queue.ReplyTo {
			continue
		}
		name, ok := c.state.replyQueue()
		if !ok {
			return messages[:i], protocol.PreconditionFailed("fast reply consumer does not exist")
		}
		if !changed {
			messages, changed = slices.Clone(messages), true // the step's are not ours
		}
		messages[i].Properties = protocol.ReplaceReplyTo(raw, name)
	}
	return messages, nil
}

// failReply raises the error of withReplyTo behind what went before it.
func (c *Channel) failReply(ctx actor.Context, s *Step, published *session.Published, err *protocol.Error) {
	if len(published.Messages) == 0 || c.state.Mode == session.Tx { // a transaction goes with its channel
		c.fail(s.Ordinal, err)
		return
	}
	c.fail(s.Ordinal, err, published)
	c.session.SendPublishes(ctx, published.Exchange)
}
