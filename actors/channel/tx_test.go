package channel

import (
	"testing"

	"warren/protocol"
	"warren/protocol/amqp091"
)

func TestTransaction(t *testing.T) {
	// P-39: publishes and acks take effect with commit, whose ok comes when they have; rollback forgets both; mandatory
	// messages come back at commit.
	c := newOffice(t, nil).open()
	c.method(&amqp091.QueueDeclare{Queue: "q"})
	c.publish("", "q", 0, "a", "b")
	c.method(&amqp091.TxSelect{})
	c.do(&amqp091.BasicGet{}, &amqp091.BasicGet{})
	c.hear()
	c.publish("", "q", 0, "c")
	c.publish("", "nobody", protocol.FlagMandatory, "d")
	c.ack(1)
	c.do(&amqp091.QueueDeclare{Queue: "q"})
	c.expect("declare-ok q messages=0 consumers=0")
	if i := c.info; i.Uncommitted.Load() != 2 || i.Unsettled.Load() != 1 {
		t.Errorf("%d publishes and %d acks wait", i.Uncommitted.Load(), i.Unsettled.Load())
	}
	c.do(&amqp091.TxRollback{})
	c.expect("TxRollbackOk")
	c.publish("", "q", 0, "e")
	c.publish("", "nobody", protocol.FlagMandatory, "f")
	c.ack(1)
	c.do(&amqp091.TxCommit{}, &amqp091.QueueDeclare{Queue: "q"})
	c.expect("return 312 f", "TxCommitOk", "declare-ok q messages=1 consumers=0")
	if n := c.directory.Queue("q").Unacked.Load(); n != 1 {
		t.Errorf("%d unacknowledged", n)
	}
	c.ack(1)
	c.send()
	c.run()
	c.expect("close 406 PRECONDITION_FAILED - unknown delivery tag 1 (60.80)")
}

func TestAckOfEverythingInATransaction(t *testing.T) {
	// P-48, P-39: tag 0 with multiple means all that is outstanding then, not what is at the commit.
	c := newOffice(t, nil).open()
	c.method(&amqp091.QueueDeclare{Queue: "q"})
	c.publish("", "q", 0, "a", "b")
	c.do(&amqp091.TxSelect{}, &amqp091.BasicGet{})
	c.put(Step{Acks: []Ack{{Multiple: true, Method: amqp091.MethodBasicAck}}})
	c.do(&amqp091.BasicGet{}, &amqp091.TxCommit{})
	c.hear()
	if n := c.directory.Queue("q").Unacked.Load(); n != 1 {
		t.Errorf("%d unacknowledged, want the one that came behind the ack", n)
	}
	c.ack(2)
	c.do(&amqp091.TxCommit{})
	c.expect("TxCommitOk")
}

func TestCommitToAnExchangeThatIsGone(t *testing.T) {
	// P-39, P-33: an exchange may go between the publish and the commit; its messages are unroutable then, and commit is answered.
	c := newOffice(t, nil).open()
	c.do(&amqp091.ExchangeDeclare{Exchange: "x", Type: "fanout"}, &amqp091.TxSelect{})
	c.publish("x", "k", protocol.FlagMandatory, "a")
	c.do(&amqp091.ExchangeDelete{Exchange: "x"})
	c.hear()
	c.do(&amqp091.TxCommit{})
	c.expect("return 312 a", "TxCommitOk")
}

func TestModesAreApart(t *testing.T) {
	// P-39: a channel is transactional or confirms, not both.
	for _, e := range []struct {
		first, second amqp091.Method
		want          string
	}{
		{&amqp091.TxSelect{}, &amqp091.ConfirmSelect{}, "close 406 PRECONDITION_FAILED - cannot switch from tx to confirm mode (85.10)"},
		{&amqp091.ConfirmSelect{}, &amqp091.TxSelect{}, "close 406 PRECONDITION_FAILED - cannot switch from confirm to tx mode (90.10)"},
	} {
		c := newOffice(t, nil).open()
		c.do(e.first)
		c.hear()
		c.do(e.first, e.second)
		if got := c.hear(); len(got) != 2 || got[1] != e.want {
			t.Errorf("%q, want %q behind the ok", got, e.want)
		}
	}
}
