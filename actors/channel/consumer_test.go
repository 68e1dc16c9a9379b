package channel

import (
	"slices"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/protocol/amqp091"
)

func TestDeliveriesUntilCancelOk(t *testing.T) {
	// P-42, P-43: consume-ok before the first delivery, what is under way before cancel-ok, nothing behind it; unacknowledged
	// deliveries stay so.
	c := newOffice(t, nil).open()
	c.method(&amqp091.QueueDeclare{Queue: "q"})
	c.publish("", "q", 0, "a", "b")
	c.do(&amqp091.BasicConsume{Queue: "q", ConsumerTag: "c"}, &amqp091.BasicCancel{ConsumerTag: "c"})
	c.publish("", "q", 0, "c")
	c.do(&amqp091.QueueDeclare{Queue: "q"})
	c.expect("declare-ok q messages=0 consumers=0", "consume-ok c", "deliver c 1 a", "deliver c 2 b", "cancel-ok c", "declare-ok q messages=1 consumers=0")
	c.ack(1, 2)
	c.do(&amqp091.ChannelClose{})
	c.expect("close-ok")
	if q := c.directory.Queue("q"); q.Ready.Load() != 1 || q.Unacked.Load() != 0 {
		t.Errorf("%d ready, %d unacknowledged", q.Ready.Load(), q.Unacked.Load())
	}
}

func TestCloseRequeues(t *testing.T) {
	// P-22, P-50: what a closing channel has not acknowledged waits again, in its place, before close-ok; no-ack deliveries that
	// had left are done.
	o := newOffice(t, nil)
	c := o.open()
	c.method(&amqp091.QueueDeclare{Queue: "q"})
	c.method(&amqp091.QueueDeclare{Queue: "n"})
	c.publish("", "q", 0, "a", "b", "c")
	c.publish("", "n", 0, "d")
	c.do(&amqp091.BasicGet{Queue: "q"}, &amqp091.BasicGet{Queue: "q"}, &amqp091.BasicConsume{Queue: "n", NoAck: true, ConsumerTag: "n"})
	c.hear()
	c.ack(1)
	c.do(&amqp091.ChannelClose{})
	c.expect("close-ok")
	d := o.open()
	d.do(&amqp091.BasicGet{Queue: "q"}, &amqp091.BasicGet{Queue: "q"}, &amqp091.BasicGet{Queue: "n"})
	d.expect("get-ok 1 left=1 again b", "get-ok 2 left=0 c", "BasicGetEmpty")
}

func TestDeliveriesBehindTheEndGoBack(t *testing.T) {
	// P-22: what a queue sends while the channel comes to its end does not reach the client, and so it waits again, no-ack or not.
	o := newOffice(t, nil)
	c, p := o.open(), o.open()
	c.do(&amqp091.QueueDeclare{Queue: "q"}, &amqp091.BasicConsume{Queue: "q", ConsumerTag: "c", NoAck: true})
	c.hear()
	c.put(Step{Closed: true})
	c.send()
	p.publish("", "q", 0, "a")
	p.send()
	delivered := func(m any) bool { _, is := m.(*queue.Deliveries); return is }
	for o.find(c.id).mail = nil; !o.has(c.id, delivered); { // it hears of the end last
		if !o.step() {
			t.Fatal("the queue does not deliver")
		}
	}
	o.find(c.id).mail = append([]any{wake}, o.find(c.id).mail...)
	o.run()
	c.expect()
	if n := o.directory.Queue("q").Ready.Load(); n != 1 {
		t.Errorf("%d messages wait", n)
	}
}

func TestTwoConsumersOnOneChannel(t *testing.T) {
	// P-52, P-46: turn by turn; prefetch counts for each consumer that comes after basic.qos.
	c := newOffice(t, nil).open()
	c.do(&amqp091.QueueDeclare{Queue: "q"}, &amqp091.BasicQos{PrefetchCount: 1},
		&amqp091.BasicConsume{Queue: "q", ConsumerTag: "a"}, &amqp091.BasicConsume{Queue: "q", ConsumerTag: "b"})
	c.hear()
	for _, body := range []string{"1", "2", "3"} {
		c.publish("", "q", 0, body)
		c.send()
		c.run()
	}
	c.expect("deliver a 1 1", "deliver b 2 2")
	c.ack(2)
	c.send()
	c.run()
	c.expect("deliver b 3 3")
	c.do(&amqp091.BasicRecover{Requeue: true})
	c.expect("BasicRecoverOk", "deliver a 4 again 1", "deliver b 5 again 3")
}

func TestConsumerOfADeletedQueue(t *testing.T) {
	// P-44: basic.cancel, once, and only for a client that can take it; the tag is free again and an ack of the past no mistake.
	for _, notify := range []bool{true, false} {
		o := newOffice(t, nil)
		c := o.open()
		c.actor().CancelNotify = notify
		c.method(&amqp091.QueueDeclare{Queue: "q"})
		c.publish("", "q", 0, "a")
		c.do(&amqp091.BasicConsume{Queue: "q", ConsumerTag: "c"})
		c.hear()
		o.openOn(2, o.sessions.NewID(), 0).do(&amqp091.QueueDelete{Queue: "q"})
		if notify {
			c.expect("cancel c")
		} else {
			c.expect()
		}
		c.ack(1)
		c.do(&amqp091.BasicCancelOk{ConsumerTag: "c"}, &amqp091.BasicCancel{ConsumerTag: "c"}, &amqp091.QueueDeclare{Queue: "q"}, &amqp091.BasicConsume{Queue: "q", ConsumerTag: "c"})
		c.expect("cancel-ok c", "declare-ok q messages=0 consumers=0", "consume-ok c")
	}
}

func TestWhoDeletesAQueueHearsOfItsConsumersAfterwards(t *testing.T) {
	// P-44, P-58: delete-ok, and behind it the cancels of the channel's own consumers; without delete-ok they come all the same.
	for _, noWait := range []bool{false, true} {
		o := newOffice(t, nil)
		c := o.open()
		c.actor().CancelNotify = true
		c.method(&amqp091.QueueDeclare{Queue: "q"})
		c.do(&amqp091.BasicConsume{Queue: "q", ConsumerTag: "c"}, &amqp091.BasicConsume{Queue: "q", ConsumerTag: "d"})
		c.hear()
		c.do(&amqp091.QueueDelete{Queue: "q", NoWait: noWait})
		if noWait {
			c.expect("cancel c", "cancel d")
		} else {
			c.expect("delete-ok 0", "cancel c", "cancel d")
		}
		c.do(&amqp091.QueueDelete{Queue: "q", IfUnused: true})
		c.expect("delete-ok 0")
	}
}

// actor is the one at the channel's desk.
func (c *client) actor() *Channel { return c.find(c.id).actor.(*Channel) }

func TestOperationsOnAQueueThatGoesMeanwhile(t *testing.T) {
	// Promise: an operation that waits for a queue which is deleted or given up is answered: cancel-ok, a new queue for a
	// declaration, 404 for the others.
	for _, e := range []struct {
		m             amqp091.Method
		gone, crashed string
	}{
		{&amqp091.BasicCancel{ConsumerTag: "c"}, "cancel-ok c", "cancel-ok c"},
		{&amqp091.QueueDeclare{Queue: "q"}, "declare-ok q messages=0 consumers=0", "close 404 NOT_FOUND - queue 'q' in vhost '/' has crashed and failed to restart (50.10)"},
		{&amqp091.QueueDeclare{Queue: "q", Passive: true}, "close 404 NOT_FOUND - no queue 'q' in vhost '/' (50.10)", "close 404 NOT_FOUND - queue 'q' in vhost '/' has crashed and failed to restart (50.10)"},
		{&amqp091.BasicGet{Queue: "q"}, "close 404 NOT_FOUND - no queue 'q' in vhost '/' (60.70)", "close 404 NOT_FOUND - queue 'q' in vhost '/' has crashed and failed to restart (60.70)"},
		{&amqp091.BasicConsume{Queue: "q", ConsumerTag: "d"}, "close 404 NOT_FOUND - no queue 'q' in vhost '/' (60.20)", "close 404 NOT_FOUND - queue 'q' in vhost '/' has crashed and failed to restart (60.20)"},
	} {
		for _, crash := range []bool{false, true} {
			o := newOffice(t, nil)
			c, other := o.open(), o.open()
			c.do(&amqp091.QueueDeclare{Queue: "q"}, &amqp091.BasicConsume{Queue: "q", ConsumerTag: "c"})
			c.hear()
			if crash { // its letters are never read
				q := o.directory.Queue("q")
				o.find("core/queues/q").actor = deaf{}
				c.method(e.m)
				c.send()
				o.run()
				q.GiveUp(o.Send)
			} else { // the deletion is in front
				other.method(&amqp091.QueueDelete{Queue: "q"})
				other.send()
				for o.directory.Queue("q") != nil && !o.has("core/queues/q", func(m any) bool { _, is := m.(*queue.Delete); return is }) {
					o.step()
				}
				c.method(e.m)
				c.send()
			}
			o.run()
			want := e.gone
			if crash {
				want = e.crashed
			}
			c.expect("cancel c", want)
		}
	}
}

type deaf struct{}

func (deaf) Receive(actor.Context) {}

// has says whether a letter of that kind is on somebody's desk.
func (o *office) has(id string, is func(any) bool) bool {
	d := o.find(id)
	return d != nil && slices.ContainsFunc(d.mail, is)
}
