package channel

import (
	"warren/actors/session"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// method begins a method. Those that look at or change anything outside of the channel are operations: they wait until
// everything in front of them has taken effect, and everything behind waits for them.
func (c *Channel) method(s *Step) {
	switch m := s.Method.(type) {
	case *amqp091.ChannelOpen:
		if s.Ordinal != 1 {
			c.reject(s, protocol.ChannelError("second 'channel.open' seen"))
			return
		}
		c.reply(s, &amqp091.ChannelOpenOk{})
	case *amqp091.ChannelClose:
		c.happen(s.Ordinal, &Over{Ending: ClosedByPeer})
	case *amqp091.ChannelFlow:
		if !m.Active { // contract P-28
			c.reject(s, protocol.NotImplemented("active=false"))
			return
		}
		c.reply(s, &amqp091.ChannelFlowOk{Active: true})
	case *amqp091.AccessRequest: // contract P-29
		c.reply(s, &amqp091.AccessRequestOk{Ticket: 1})
	case *amqp091.BasicQos:
		c.qos(s, m)
	case *amqp091.BasicRecover:
		c.recoverUnacked(s, m.Requeue, &amqp091.BasicRecoverOk{})
	case *amqp091.BasicRecoverAsync:
		c.recoverUnacked(s, m.Requeue, nil)
	case *amqp091.ConfirmSelect:
		c.confirmSelect(s, m)
	case *amqp091.TxSelect:
		c.txSelect(s)
	case *amqp091.TxRollback:
		if c.state.Mode != session.Tx {
			c.reject(s, protocol.PreconditionFailed("channel is not transactional"))
			return
		}
		c.reply(s, &amqp091.TxRollbackOk{}, &session.RolledBack{})
	case *amqp091.BasicCancelOk, *amqp091.ChannelFlowOk: // answers to what we sent: nothing waits for them
		c.happen(s.Ordinal, &Skipped{})
	case *amqp091.ExchangeDeclare, *amqp091.ExchangeDelete, *amqp091.ExchangeBind, *amqp091.ExchangeUnbind,
		*amqp091.QueueDeclare, *amqp091.QueueBind, *amqp091.QueueUnbind, *amqp091.QueuePurge, *amqp091.QueueDelete,
		*amqp091.BasicConsume, *amqp091.BasicCancel, *amqp091.BasicGet, *amqp091.TxCommit:
		c.begin(s)
	default:
		id := s.Method.ID()
		c.reject(s, protocol.CommandInvalid("unexpected %s", id))
	}
}

// reject raises an error that names the method of the step.
func (c *Channel) reject(s *Step, err *protocol.Error) {
	id := s.Method.ID()
	c.fail(s.Ordinal, err.At(id.Class(), id.Method()))
}

// reply answers a step at once, with what it does to the session.
func (c *Channel) reply(s *Step, m amqp091.Method, events ...any) {
	c.happen(s.Ordinal, &Replied{Reply: m, Events: events})
}

// qos is contract P-46. With global it means the same, as in RabbitMQ 4.3, a limit for each consumer that starts later, unless the
// old meaning is permitted: one limit for all consumers of the channel, those that are there too.
func (c *Channel) qos(s *Step, m *amqp091.BasicQos) {
	if m.PrefetchSize != 0 {
		c.reject(s, protocol.NotImplemented("prefetch_size!=0 (%d)", m.PrefetchSize))
		return
	}
	if m.Global && c.GlobalQos {
		c.begin(s)
		return
	}
	prefetch := int(m.PrefetchCount)
	c.happen(s.Ordinal, &Replied{Reply: &amqp091.BasicQosOk{}, Prefetch: &prefetch})
}

// recoverUnacked is contract P-51.
func (c *Channel) recoverUnacked(s *Step, requeue bool, ok amqp091.Method) {
	if !requeue {
		c.reject(s, protocol.NotImplemented("requeue=false"))
		return
	}
	c.reply(s, ok, &session.Recovered{})
}

func (c *Channel) confirmSelect(s *Step, m *amqp091.ConfirmSelect) {
	var ok amqp091.Method = &amqp091.ConfirmSelectOk{}
	if m.NoWait {
		ok = nil
	}
	switch c.state.Mode {
	case session.Tx:
		c.reject(s, protocol.PreconditionFailed("cannot switch from tx to confirm mode"))
	case session.Confirmed:
		c.reply(s, ok)
	default:
		c.reply(s, ok, &session.ModeSet{Mode: session.Confirmed})
	}
}

func (c *Channel) txSelect(s *Step) {
	switch c.state.Mode {
	case session.Confirmed:
		c.reject(s, protocol.PreconditionFailed("cannot switch from confirm to tx mode"))
	case session.Tx:
		c.reply(s, &amqp091.TxSelectOk{})
	default:
		c.reply(s, &amqp091.TxSelectOk{}, &session.ModeSet{Mode: session.Tx})
	}
}
