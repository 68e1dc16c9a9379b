package channel

import (
	"testing"

	"warren/protocol"
	"warren/protocol/amqp091"
)

// dies has the channel panic over whatever is at the front of its inbox, and start again.
func (c *client) dies() {
	c.t.Helper()
	func() {
		defer func() {
			if reason := recover(); reason != nil {
				c.actor().Crashed(nil)
			} else {
				c.t.Error("no panic")
			}
		}()
		c.run()
	}()
	c.crash(c.id)
}

// Issue 5, point 2: a step that kills its channel twice is set aside. A method closes the channel with 541, and no other channel.
func TestPoisonedMethodClosesItsChannel(t *testing.T) {
	o := newOffice(t, nil)
	c, sibling := o.open(), o.open()
	c.put(Step{Method: (*amqp091.QueueDeclare)(nil)}) // a broken invariant: the reader makes no such thing
	c.method(&amqp091.QueueDeclare{Queue: "behind"})
	c.send()
	c.dies()
	c.dies()
	c.run()
	c.expect("close 541 INTERNAL_ERROR - what was asked for made the channel fail twice (50.10)")
	sibling.do(&amqp091.QueueDeclare{Queue: "q"})
	sibling.expect("declare-ok q messages=0 consumers=0")
	if c.info.Fault.Load() != nil {
		t.Error("the connection is to close")
	}
}

// Issue 5, point 2: publishes that kill their channel twice are nacked, and what comes behind them goes on.
func TestPoisonedPublishIsNacked(t *testing.T) {
	o := newOffice(t, nil)
	c := o.open()
	c.do(&amqp091.QueueDeclare{Queue: "q"}, &amqp091.ConfirmSelect{})
	c.expect("declare-ok q messages=0 consumers=0", "ConfirmSelectOk")
	c.publish("", "q", 0, "a", "b")
	bad := c.actor().state.step + 1
	for range deadly {
		c.info.poison.killed(bad)
	}
	c.crash(c.id)
	c.publish("", "q", 0, "c")
	c.method(&amqp091.QueueDeclare{Queue: "q", Passive: true})
	c.send()
	c.run()
	c.expect("nack 1", "nack 2", "ack 3", "declare-ok q messages=1 consumers=0")

	// A transaction of which a part is missing is none.
	c = o.open()
	c.do(&amqp091.TxSelect{})
	c.expect("TxSelectOk")
	c.publish("", "q", protocol.FlagMandatory, "a")
	bad = c.actor().state.step + 1
	for range deadly {
		c.info.poison.killed(bad)
	}
	c.crash(c.id)
	c.send()
	c.run()
	c.expect("close 541 INTERNAL_ERROR - what was asked for made the channel fail twice (0.0)")
}
