package channel

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/actors/session"
	"warren/actors/vhost"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// askVHost sends an operation on definitions to the vhost.
func (c *Channel) askVHost(ctx actor.Context, op *Operation) {
	request, err := c.request(op)
	if err != nil {
		c.failOp(err)
		return
	}
	if !op.Asked {
		asked := *op
		asked.Asked = true
		c.happen(0, &Asked{Op: asked})
	}
	if !c.following {
		c.following = true
		c.VHost.Follow(ctx.Self())
	}
	if c.VHost.Down() { // the connection hears of it, too
		c.failOp(protocol.InternalError("vhost '%s' is down", c.VHost.Name))
		return
	}
	ctx.Send(c.VHost.PID, request)
}

// askAgain is for an operation whose request or answer may be lost, because one of the two sides restarted. What the vhost
// has done already it finds done.
func (c *Channel) askAgain(ctx actor.Context) {
	if op := c.state.Pending; op != nil && op.Asked && op.Queue == nil {
		switch op.Method.(type) {
		case *amqp091.TxCommit, *amqp091.BasicQos: // the queues answer
		default:
			c.askVHost(ctx, op)
		}
	}
}

// request is what an operation asks of the vhost.
func (c *Channel) request(op *Operation) (any, *protocol.Error) {
	r := vhost.Request{Session: c.Session, ID: op.Step, User: c.User, Connection: c.Connection, Again: op.Asked}
	switch m := op.Method.(type) {
	case *amqp091.ExchangeDeclare:
		arguments, err := table(m.Arguments)
		return &vhost.DeclareExchange{Request: r, Name: name(m.Exchange), Type: m.Type, Durable: m.Durable,
			AutoDelete: m.AutoDelete, Internal: m.Internal, Arguments: arguments}, err
	case *amqp091.ExchangeDelete:
		return &vhost.DeleteExchange{Request: r, Name: name(m.Exchange), IfUnused: m.IfUnused}, nil
	case *amqp091.ExchangeBind:
		arguments, err := table(m.Arguments)
		return &vhost.Bind{Request: r, Source: name(m.Source), Destination: name(m.Destination), ToExchange: true,
			Key: m.RoutingKey, Arguments: arguments}, err
	case *amqp091.ExchangeUnbind:
		arguments, err := table(m.Arguments)
		return &vhost.Unbind{Request: r, Source: name(m.Source), Destination: name(m.Destination), ToExchange: true,
			Key: m.RoutingKey, Arguments: arguments}, err
	case *amqp091.QueueDeclare:
		arguments, err := table(m.Arguments)
		return &vhost.DeclareQueue{Request: r, Name: op.Name, Durable: m.Durable, Exclusive: m.Exclusive,
			AutoDelete: m.AutoDelete, ServerNamed: m.Exclusive && m.Queue == "", Arguments: arguments}, err
	case *amqp091.BasicConsume: // from the pseudo queue of replies
		return &vhost.DeclareQueue{Request: r, Name: op.ReplyTo, Exclusive: true, AutoDelete: true, ServerNamed: true}, nil
	case *amqp091.QueueDelete:
		called, err := c.last(m.Queue)
		return &vhost.DeleteQueue{Request: r, Name: called, IfUnused: m.IfUnused, IfEmpty: m.IfEmpty}, err
	case *amqp091.QueueBind:
		called, err := c.last(m.Queue)
		if err != nil {
			return nil, err
		}
		key := m.RoutingKey
		if m.Queue == "" && key == "" {
			key = called
		}
		arguments, err := table(m.Arguments)
		return &vhost.Bind{Request: r, Source: name(m.Exchange), Destination: called, Key: key, Arguments: arguments}, err
	case *amqp091.QueueUnbind:
		called, err := c.last(m.Queue)
		if err != nil {
			return nil, err
		}
		arguments, err := table(m.Arguments)
		return &vhost.Unbind{Request: r, Source: name(m.Exchange), Destination: called, Key: m.RoutingKey, Arguments: arguments}, err
	}
	panic("channel: no request for " + op.Method.ID().String())
}

func table(raw amqp091.RawTable) (protocol.Table, *protocol.Error) {
	t, err := raw.Decode()
	if err != nil {
		return nil, protocol.AsError(err)
	}
	return t, nil
}

// answer is the vhost's.
func (c *Channel) answer(ctx actor.Context, a *vhost.Answer) {
	op := c.state.Pending
	if op == nil || !op.Asked || op.Queue != nil || op.Step != a.ID {
		return // to an earlier asking
	}
	if a.Err != nil {
		c.failOp(a.Err)
		return
	}
	end := &Ended{}
	switch m := op.Method.(type) {
	case *amqp091.ExchangeDeclare:
		end.Reply = unlessNoWait(m.NoWait, &amqp091.ExchangeDeclareOk{})
	case *amqp091.ExchangeDelete:
		end.Reply = unlessNoWait(m.NoWait, &amqp091.ExchangeDeleteOk{})
	case *amqp091.ExchangeBind:
		end.Reply = unlessNoWait(m.NoWait, &amqp091.ExchangeBindOk{})
	case *amqp091.ExchangeUnbind:
		end.Reply = unlessNoWait(m.NoWait, &amqp091.ExchangeUnbindOk{})
	case *amqp091.QueueDeclare:
		if a.Existed && !m.NoWait { // its counts
			c.command(op, op.Name, a.Queue, &queue.Inspect{})
			return
		}
		end.Queue = op.Name
		end.Reply = unlessNoWait(m.NoWait, &amqp091.QueueDeclareOk{Queue: op.Name})
	case *amqp091.BasicConsume:
		c.consumeReplies(op, m)
		return
	case *amqp091.QueueDelete:
		end.Reply = unlessNoWait(m.NoWait, &amqp091.QueueDeleteOk{MessageCount: uint32(a.Messages)})
	case *amqp091.QueueBind:
		end.Reply = unlessNoWait(m.NoWait, &amqp091.QueueBindOk{})
	case *amqp091.QueueUnbind:
		end.Reply = &amqp091.QueueUnbindOk{}
	}
	c.happen(0, end)
}

// done is a queue's: commands are applied, and perhaps the one that the pending operation waits for.
func (c *Channel) done(ctx actor.Context, m *queue.Done) {
	if _, leaving := c.session.Leaving[m.Queue]; leaving {
		c.session.Left(m.Queue, m.Upto)
		return
	}
	if c.session.Stale(m) {
		return
	}
	op := c.state.Pending
	if op == nil || !op.Asked || op.Queue != m.Queue {
		c.happen(0, m)
		c.lost(m)
		return
	}
	for i := range m.Replies {
		if r := &m.Replies[i]; r.Seq == op.Seq {
			c.replied(op, m, r)
			c.session.Subscribed(ctx, m.Queue)
			return
		}
	}
	c.happen(0, m)
	c.lost(m)
}

// lost closes the channel when the queue has set a command aside that nothing waits for: the client takes its settlement for done.
func (c *Channel) lost(m *queue.Done) {
	for i := range m.Replies {
		if err := m.Replies[i].Err; err != nil && err.OnChannel && c.state.Ending == Alive {
			c.happen(0, &Failed{Err: err})
			return
		}
	}
}

// replied ends the pending operation with its queue's answer.
func (c *Channel) replied(op *Operation, m *queue.Done, r *queue.Reply) {
	if r.Err != nil {
		c.failOp(r.Err, m)
		return
	}
	end := &Ended{Events: []any{m}}
	switch method := op.Method.(type) {
	case *amqp091.BasicConsume:
		end.Events = append(end.Events, &session.Subscribed{Consumer: session.Consumer{
			Tag: op.Name, Number: op.Consumer, Queue: op.Queue, NoAck: method.NoAck,
		}})
		end.Reply = unlessNoWait(method.NoWait, &amqp091.BasicConsumeOk{ConsumerTag: op.Name})
	case *amqp091.BasicCancel:
		end.Events = append(end.Events, &session.Unsubscribed{Tag: method.ConsumerTag})
		end.Reply = unlessNoWait(method.NoWait, &amqp091.BasicCancelOk{ConsumerTag: method.ConsumerTag})
	case *amqp091.BasicGet: // empty: a message comes as a delivery
		end.Reply = &amqp091.BasicGetEmpty{}
	case *amqp091.QueuePurge:
		end.Reply = unlessNoWait(method.NoWait, &amqp091.QueuePurgeOk{MessageCount: uint32(r.Messages)})
	case *amqp091.QueueDeclare:
		end.Queue = string(op.Queue.Name)
		end.Reply = unlessNoWait(method.NoWait, &amqp091.QueueDeclareOk{
			Queue: end.Queue, MessageCount: uint32(r.Messages), ConsumerCount: r.ConsumerCount,
		})
	}
	c.happen(0, end)
}

// deliveries are a queue's, and among them what a pending get waits for.
func (c *Channel) deliveries(m *queue.Deliveries) {
	switch {
	case c.session.Leaving != nil, c.state.Ending == ClosedByUs, c.state.Ending == ConnectionEnd:
		return // the client does not get them, and the queue has them again when the session has left
	case !c.state.Expects(m): // perhaps a copy, and then not the answer to a get that is pending
		c.session.Unexpected(m)
		return
	}
	op := c.state.Pending
	if m.Consumer < queue.FirstConsumer {
		c.taken(m)
	}
	if m.Consumer < queue.FirstConsumer && op != nil && op.Asked && op.Queue == m.Queue {
		if _, get := op.Method.(*amqp091.BasicGet); get {
			c.happen(0, &Ended{Events: []any{m}})
			return
		}
	}
	c.happen(0, m)
}
