package channel

import (
	"bytes"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/queue/ready"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// client is one channel of a connection, from the client's side.
type client struct {
	*office
	id      string
	inbox   *Inbox
	outlet  *Outlet
	info    *Info
	in      *bytes.Buffer // what has left for the client
	stalled []Chunk       // what has not, while stall is set
	stall   bool
	owner   []any // what the connection heard
	credit  int   // bytes the inbox holds
	renewed atomic.Uint64
	seq     uint64
	steps   []Step // of this read
}

// open seats a channel of connection 1.
func (o *office) open() *client { return o.openOn(1, o.sessions.NewID(), 0) }

func (o *office) openOn(connection, id uint64, frameMax int) *client {
	c := &client{office: o, id: fmt.Sprintf("channel %d", id), info: &Info{Number: 1, Session: id}, in: &bytes.Buffer{}}
	owner := fmt.Sprintf("owner %d", id)
	o.desks = append(o.desks, &desk{id: owner, actor: &ear{c}})
	o.system.Actors().ProcessRegistry.Add(&door{o}, owner)
	c.inbox = NewInbox(o.Send, func(delta int) { c.credit += delta })
	c.outlet = NewOutlet(c, frameMax)
	log := zerolog.Nop()
	options := Options{Session: id, Number: 1, Inbox: c.inbox, Outlet: c.outlet, Info: c.info, Client: &Client{
		Connection: connection, User: "guest", Owner: o.system.PID(owner), VHost: o.directory, Access: o.access,
		Sessions: o.sessions, Streams: o.streams, System: o.system, Ledger: o,
		Log: func() *zerolog.Logger { return &log }, CancelNotify: true, Renewals: &c.renewed,
	}}
	o.seat(c.id, func(i uint64) actor.Actor { return New(options, i) })
	c.do(&amqp091.ChannelOpen{})
	c.expect("open-ok")
	return c
}

// ear is the connection.
type ear struct{ *client }

func (e *ear) Receive(ctx actor.Context) { e.owner = append(e.owner, ctx.Message()) }

// Write implements Sink: the socket.
func (c *client) Write(chunk Chunk) {
	if c.stall {
		c.stalled = append(c.stalled, chunk)
		return
	}
	for _, s := range chunk.Frames.Segments() {
		c.in.Write(s)
	}
	size := chunk.Frames.Size()
	chunk.Frames.Release()
	chunk.Outlet.Wrote(size)
}

// drain lets out what was stalled.
func (c *client) drain() {
	chunks := c.stalled
	c.stalled, c.stall = nil, false
	for _, chunk := range chunks {
		c.Write(chunk)
	}
}

func (c *client) put(s Step) { c.steps = append(c.steps, s) }

func (c *client) method(m amqp091.Method) { c.put(Step{Method: m}) }

func (c *client) publish(exchange, key string, flags protocol.Flags, bodies ...string) {
	s := Step{Exchange: exchange}
	for _, body := range bodies {
		c.seq++
		m := protocol.Message{Seq: c.seq, RoutingKey: key, Properties: []byte{0, 0}, Body: []byte(body), Flags: flags}
		s.Messages = append(s.Messages, m)
		s.Bytes += m.Size()
	}
	c.put(s)
}

func (c *client) ack(tags ...uint64) {
	s := Step{}
	for _, tag := range tags {
		s.Acks = append(s.Acks, Ack{Tag: tag, Method: amqp091.MethodBasicAck, Outcome: ready.Acked})
	}
	c.put(s)
}

// send hands over what one read brought.
func (c *client) send() {
	steps := c.steps
	c.steps = nil
	c.inbox.Put(steps)
}

// do is a read with these methods, and everything that comes of it.
func (c *client) do(methods ...amqp091.Method) {
	for _, m := range methods {
		c.method(m)
	}
	c.send()
	c.run()
}

// hear is what has come, a line for each method, content with its method.
func (c *client) hear() []string {
	var out []string
	var body []byte
	b := c.in.Bytes()
	for len(b) > 0 {
		f, n, err := amqp091.ParseFrame(b, 0)
		if err != nil || n == 0 {
			c.t.Fatalf("client cannot read %q: %v", b, err)
		}
		b = b[n:]
		switch f.Type {
		case amqp091.FrameMethod:
			m, err := amqp091.ParseMethod(f.Payload)
			if err != nil {
				c.t.Fatal(err)
			}
			out = append(out, sayMethod(m))
		case amqp091.FrameHeader:
			body = nil
		case amqp091.FrameBody:
			if body == nil {
				out[len(out)-1] += " "
			}
			body = append(body, f.Payload...)
			out[len(out)-1] += string(f.Payload)
		}
	}
	c.in.Reset()
	return out
}

func (c *client) expect(want ...string) {
	c.t.Helper()
	if got := c.hear(); !slices.Equal(got, want) {
		c.t.Fatalf("%s heard\n%q, want\n%q", c.id, got, want)
	}
}

func sayMethod(m amqp091.Method) string {
	switch m := m.(type) {
	case *amqp091.ChannelOpenOk:
		return "open-ok"
	case *amqp091.ChannelClose:
		return fmt.Sprintf("close %d %s (%d.%d)", m.ReplyCode, m.ReplyText, m.ClassID, m.MethodID)
	case *amqp091.ChannelCloseOk:
		return "close-ok"
	case *amqp091.BasicDeliver:
		return fmt.Sprintf("deliver %s %d%s", m.ConsumerTag, m.DeliveryTag, again(m.Redelivered))
	case *amqp091.BasicGetOk:
		return fmt.Sprintf("get-ok %d left=%d%s", m.DeliveryTag, m.MessageCount, again(m.Redelivered))
	case *amqp091.BasicReturn:
		return fmt.Sprintf("return %d", m.ReplyCode)
	case *amqp091.BasicAck:
		if m.Multiple {
			return fmt.Sprintf("ack <=%d", m.DeliveryTag)
		}
		return fmt.Sprintf("ack %d", m.DeliveryTag)
	case *amqp091.BasicNack:
		return fmt.Sprintf("nack %d", m.DeliveryTag)
	case *amqp091.BasicConsumeOk:
		return "consume-ok " + m.ConsumerTag
	case *amqp091.BasicCancelOk:
		return "cancel-ok " + m.ConsumerTag
	case *amqp091.BasicCancel:
		return "cancel " + m.ConsumerTag
	case *amqp091.QueueDeclareOk:
		return fmt.Sprintf("declare-ok %s messages=%d consumers=%d", m.Queue, m.MessageCount, m.ConsumerCount)
	case *amqp091.QueueDeleteOk:
		return fmt.Sprintf("delete-ok %d", m.MessageCount)
	case *amqp091.QueuePurgeOk:
		return fmt.Sprintf("purge-ok %d", m.MessageCount)
	}
	return fmt.Sprintf("%T", m)[len("*amqp091."):]
}

func again(redelivered bool) string {
	if redelivered {
		return " again"
	}
	return ""
}

func TestOfficeWorks(t *testing.T) {
	// Promise: publish-then-get on one channel finds the message (DESIGN section 4, order on a channel).
	c := newOffice(t, nil).open()
	c.method(&amqp091.QueueDeclare{Queue: "q"})
	c.publish("", "q", 0, "a", "b")
	c.do(&amqp091.BasicGet{Queue: "q"}, &amqp091.BasicGet{Queue: "q", NoAck: true}, &amqp091.BasicGet{Queue: "q"})
	c.expect("declare-ok q messages=0 consumers=0", "get-ok 1 left=1 a", "get-ok 2 left=0 b", "BasicGetEmpty")
}
