package channel

import (
	"slices"
	"testing"

	eventv1 "warren/proto/event/v1"
	"warren/protocol/amqp091"
)

// renew is what the connection does when its user has a new secret.
func (c *client) renew() {
	c.renewed.Add(1)
	c.inbox.Put(nil)
}

// mayRead changes what guest may read from.
func (o *office) mayRead(pattern string) {
	o.allow(&eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_PermissionsSet{
		PermissionsSet: &eventv1.PermissionsSet{User: "guest", Vhost: "/", Configure: ".*", Write: ".*", Read: pattern},
	}})
}

func TestANewSecretEndsConsumersThatMayNotRead(t *testing.T) {
	// P-15: behind the last delivery to it the consumer hears basic.cancel; what it has stays its own; others go on; and without
	// a new secret nothing ends.
	o := newOffice(t, nil)
	c := o.open()
	c.do(&amqp091.QueueDeclare{Queue: "q"}, &amqp091.QueueDeclare{Queue: "other"}, &amqp091.BasicConsume{Queue: "q", ConsumerTag: "a"},
		&amqp091.BasicConsume{Queue: "other", ConsumerTag: "b"}, &amqp091.BasicConsume{Queue: "amq.rabbitmq.reply-to", ConsumerTag: "r", NoAck: true})
	c.publish("", "q", 0, "1")
	c.send()
	o.run()
	c.hear()
	o.mayRead("^other$")
	c.publish("", "q", 0, "2")
	c.send()
	o.run()
	c.expect("deliver a 2 2")
	c.renew()
	o.run()
	c.expect("cancel a")
	c.publish("", "q", 0, "3")
	c.publish("", "other", 0, "4")
	c.send()
	o.run()
	c.expect("deliver b 3 4")
	if q := o.directory.Queue("q"); q.Ready.Load() != 1 || q.Unacked.Load() != 2 || len(q.Consumers()) != 0 {
		t.Errorf("%d ready, %d unacknowledged, consumers %v", q.Ready.Load(), q.Unacked.Load(), q.Consumers())
	}
	c.ack(1, 2)
	c.send()
	o.run()
	if n := o.directory.Queue("q").Unacked.Load(); n != 0 {
		t.Errorf("%d unacknowledged", n)
	}
	o.mayRead(".*")
	c.do(&amqp091.BasicConsume{Queue: "q", ConsumerTag: "a"})
	c.expect("consume-ok a", "deliver a 4 3")
	c.renew()
	o.run()
	c.expect()
}

func TestAConsumerInTheMakingIsLookedAt(t *testing.T) {
	// P-15: whoever asks for a consumer while the secret is renewed may have been allowed it by what holds no more.
	o := newOffice(t, nil)
	c := o.open()
	c.do(&amqp091.QueueDeclare{Queue: "q"})
	c.hear()
	c.method(&amqp091.BasicConsume{Queue: "q", ConsumerTag: "a"})
	c.send()
	for !o.has(o.ids("core/queues/q")[0], func(any) bool { return true }) {
		if !o.step() {
			t.Fatal("the queue is not asked")
		}
	}
	o.mayRead("^$")
	c.renew()
	mail := o.find(c.id).mail
	if len(mail) == 0 {
		t.Fatal("the channel is not woken")
	}
	o.run()
	c.expect("consume-ok a", "cancel a")
}

func TestRevokedWhoeverCrashes(t *testing.T) {
	// P-15 and promise 1: the client hears of the end once, and nothing is lost or comes twice.
	run := func(victim string, after int) (heard []string, turns int) {
		o := newOffice(t, nil)
		c := o.open()
		c.do(&amqp091.QueueDeclare{Queue: "q"}, &amqp091.BasicConsume{Queue: "q", ConsumerTag: "a"},
			&amqp091.BasicConsume{Queue: "q", ConsumerTag: "n", NoAck: true})
		c.publish("", "q", 0, "1", "2", "3", "4")
		c.send()
		o.run()
		c.hear()
		o.mayRead("^$")
		c.renew()
		for turns = 0; ; turns++ {
			if turns == after {
				for _, id := range o.ids(victim) {
					o.crash(id)
				}
			}
			if !o.step() {
				break
			}
		}
		heard = c.hear()
		q := o.directory.Queue("q")
		if q.Ready.Load() != 0 || q.Unacked.Load() != 2 || len(q.Consumers()) != 0 {
			t.Errorf("%s crashed after turn %d: %d ready, %d unacknowledged, consumers %v", victim, after, q.Ready.Load(), q.Unacked.Load(), q.Consumers())
		}
		return heard, turns
	}
	_, turns := run("nobody", -1)
	for _, victim := range []string{"channel", "core/queues/q"} {
		for after := range turns + 1 {
			if heard, _ := run(victim, after); !slices.Equal(heard, []string{"cancel a", "cancel n"}) {
				t.Errorf("%s crashed after turn %d: the client heard %q", victim, after, heard)
			}
		}
	}
}
