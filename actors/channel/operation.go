package channel

import (
	"crypto/rand"
	"encoding/base64"
	"strings"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/actors/queue/settings"
	"warren/actors/session"
	"warren/actors/vhost"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// begin makes a step the operation that everything behind it waits for. What must be the same when it is asked again, a
// name the broker makes up, is settled here.
func (c *Channel) begin(s *Step) {
	op := Operation{Method: s.Method, Step: s.Ordinal}
	if m, ok := s.Method.(*amqp091.QueueDeclare); ok {
		if op.Name = name(m.Queue); op.Name == "" && !m.Passive {
			op.Name = serverName(m)
		}
	}
	if m, ok := s.Method.(*amqp091.BasicConsume); ok {
		if op.Name = m.ConsumerTag; op.Name == "" {
			op.Name = "amq.ctag-" + randomName()
		}
		if m.Queue == queue.ReplyTo {
			op.ReplyTo = queue.ReplyTo + "." + randomName()
		}
	}
	c.happen(s.Ordinal, &Begun{Op: op})
}

// name is a queue's or an exchange's as RabbitMQ takes it: without line ends (contract P-26).
func name(s string) string { return strings.NewReplacer("\r", "", "\n", "").Replace(s) }

// serverName is made up for a queue without one. A declaration that must have one is refused when its turn comes.
func serverName(m *amqp091.QueueDeclare) string {
	prefix := ""
	if arguments, err := table(m.Arguments); err == nil {
		prefix, _ = settings.ServerNamed(arguments)
	}
	return name(prefix) + "-" + randomName()
}

// randomName has the form of RabbitMQ's: 16 random bytes in 22 characters.
func randomName() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails: crypto/rand ends the process first
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// proceed takes the pending operation further, and says whether it is worth to look again at once.
func (c *Channel) proceed(ctx actor.Context) bool {
	op := c.state.Pending
	_, commit := op.Method.(*amqp091.TxCommit)
	_, qos := op.Method.(*amqp091.BasicQos)
	switch {
	case op.Asked && qos:
		if c.state.Commanding() { // the limit holds when the client hears so
			return false
		}
		c.happen(0, &Ended{Reply: &amqp091.BasicQosOk{}})
		return true
	case op.Asked && commit:
		if !c.state.Safe() || c.state.Commanding() { // RabbitMQ's commit-ok stands for the disk, as a confirm does
			return false
		}
		c.happen(0, &Ended{Reply: &amqp091.TxCommitOk{}})
		return true
	case op.Asked, !c.state.Drained(), c.state.Commanding(): // what came before, settlements too, has taken effect
		return false
	}
	if c.limited() {
		if !c.over() {
			return false
		}
		c.Info.Limited.Store(nil)
		c.happen(0, &Ended{})
		return true
	}
	c.ask(ctx, op)
	return commit || qos || c.state.Pending == nil
}

// ask sends an operation to where it is answered, or answers it.
func (c *Channel) ask(ctx actor.Context, op *Operation) {
	if err := c.permitted(op); err != nil {
		c.failOp(err)
		return
	}
	switch m := op.Method.(type) {
	case *amqp091.ExchangeDeclare:
		if m.Passive {
			c.exchangeExists(name(m.Exchange), m)
			return
		}
		c.askVHost(ctx, op)
	case *amqp091.QueueDeclare:
		switch {
		case strings.HasPrefix(op.Name, queue.ReplyTo):
			c.declareReplies(op, m)
		case m.Passive && op.Name == "":
			c.declareLast(ctx, op)
		case m.Passive:
			c.command(op, op.Name, c.queue(op.Name), &queue.Inspect{})
		case m.Queue != "" && strings.HasPrefix(op.Name, "amq."): // contract P-56
			c.failOp(protocol.AccessRefused("queue name '%s' contains reserved prefix 'amq.*'", op.Name))
		case m.Queue == "":
			c.declareServerNamed(ctx, op, m)
		default:
			c.askVHost(ctx, op)
		}
	case *amqp091.QueuePurge:
		c.commandTo(op, m.Queue, &queue.Purge{})
	case *amqp091.BasicGet:
		c.get(op, m)
	case *amqp091.BasicConsume:
		c.consume(ctx, op, m)
	case *amqp091.BasicCancel:
		c.cancel(op, m)
	case *amqp091.BasicQos:
		asked := *op
		asked.Asked = true
		c.happen(0, &Asked{Op: asked, Events: c.state.Share(int(m.PrefetchCount))})
	case *amqp091.TxCommit:
		if c.state.Mode != session.Tx {
			c.failOp(protocol.PreconditionFailed("channel is not transactional"))
			return
		}
		asked := *op
		asked.Asked = true
		exchanges := c.state.StagedExchanges()
		c.happen(0, &Asked{Op: asked, Events: []any{&session.Committed{}}})
		for _, x := range exchanges {
			c.session.SendPublishes(ctx, x)
		}
	default:
		c.askVHost(ctx, op)
	}
}

// failOp ends the pending operation with a channel exception, or the connection with it. events are what it learnt of that
// by.
func (c *Channel) failOp(err *protocol.Error, events ...any) {
	id := c.state.Pending.Method.ID()
	err = err.At(id.Class(), id.Method())
	if err.IsConnection() {
		c.raise(err)
		c.happen(0, &Over{Ending: ClosedByUs})
		return
	}
	c.Log().Warn().Uint16("channel", c.Number).Str("error", err.ReplyText()).Msg("channel exception")
	c.happen(0, &Failed{Err: err, Events: events})
}

func (c *Channel) noQueue(name string) *protocol.Error {
	return protocol.NotFound("no queue '%s' in vhost '%s'", name, c.VHost.Name)
}

// last is the name of the queue a method means: the one it names, or the last declared (contract P-57).
func (c *Channel) last(given string) (string, *protocol.Error) {
	switch {
	case given != "":
		return name(given), nil
	case c.state.Queue != "":
		return c.state.Queue, nil
	}
	return "", protocol.NotFound("no previously declared queue")
}

func (c *Channel) declareLast(_ actor.Context, op *Operation) {
	last, err := c.last("")
	if err != nil {
		c.failOp(err)
		return
	}
	c.command(op, last, c.queue(last), &queue.Inspect{})
}

func (c *Channel) declareServerNamed(ctx actor.Context, op *Operation, m *amqp091.QueueDeclare) {
	arguments, err := table(m.Arguments)
	if err == nil {
		_, err = settings.ServerNamed(arguments)
	}
	if err != nil {
		c.failOp(err)
		return
	}
	c.askVHost(ctx, op)
}

// commandTo sends a command to the queue a method means.
func (c *Channel) commandTo(op *Operation, given string, command queue.Op) {
	called, err := c.last(given)
	if err != nil {
		c.failOp(err)
		return
	}
	c.command(op, called, c.queue(called), command)
}

// queue is the one that a method may name.
func (c *Channel) queue(called string) *queue.Slot {
	if q := c.VHost.Queue(queue.Name(called)); q != nil && !q.Hidden() {
		return q
	}
	return nil
}

// refusal is why this connection cannot use a queue, or nil.
func (c *Channel) refusal(called string, q *queue.Slot) *protocol.Error {
	switch {
	case q == nil:
		return c.noQueue(called)
	case q.Crashed():
		return q.CrashedError()
	case q.Owner != 0 && q.Owner != c.Connection:
		return vhost.Locked(called, c.VHost.Name)
	}
	return nil
}

func (c *Channel) command(op *Operation, called string, q *queue.Slot, command queue.Op) {
	if err := c.refusal(called, q); err != nil {
		c.failOp(err)
		return
	}
	asked := *op
	asked.Asked, asked.Queue, asked.Seq, asked.Name = true, q, c.state.NextCommand(q), op.Name
	if m, ok := command.(*queue.Consume); ok {
		asked.Consumer = m.Consumer
	}
	c.happen(0, &Asked{Op: asked, Events: []any{&session.Commanded{Queue: q, Op: command}}})
}

func (c *Channel) exchangeExists(called string, m *amqp091.ExchangeDeclare) {
	if called == "" { // contract P-56
		c.failOp(protocol.AccessRefused("operation not permitted on the default exchange"))
		return
	}
	if c.VHost.Exchange(exchange.Name(called)) == nil {
		c.failOp(protocol.NotFound("no exchange '%s' in vhost '%s'", called, c.VHost.Name))
		return
	}
	c.happen(0, &Ended{Reply: unlessNoWait(m.NoWait, &amqp091.ExchangeDeclareOk{})})
}

func unlessNoWait(noWait bool, m amqp091.Method) amqp091.Method {
	if noWait {
		return nil
	}
	return m
}
