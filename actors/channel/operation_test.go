package channel

import (
	"testing"

	"warren/protocol"
	"warren/protocol/amqp091"
)

func TestOperations(t *testing.T) {
	// Contract 1.5, 1.6: what each method is answered with, nowait with nothing, and none before the one in front of it.
	c := newOffice(t, nil).open()
	for _, step := range []struct {
		do   []amqp091.Method
		want []string
	}{
		{[]amqp091.Method{&amqp091.ExchangeDeclare{Exchange: "x", Type: "direct"}, &amqp091.ExchangeDeclare{Exchange: "x", Passive: true},
			&amqp091.ExchangeDeclare{Exchange: "x", Type: "direct", NoWait: true}}, []string{"ExchangeDeclareOk", "ExchangeDeclareOk"}},
		{[]amqp091.Method{&amqp091.QueueDeclare{Queue: "a\r\nb"}, &amqp091.QueueDeclare{Queue: "q", NoWait: true}, &amqp091.QueueDeclare{Passive: true}},
			[]string{"declare-ok ab messages=0 consumers=0", "declare-ok q messages=0 consumers=0"}},
		{[]amqp091.Method{&amqp091.QueueBind{Exchange: "x"}, &amqp091.QueueBind{Exchange: "x", Queue: "q", RoutingKey: "k", NoWait: true},
			&amqp091.QueueUnbind{Exchange: "x", Queue: "q", RoutingKey: "none"}}, []string{"QueueBindOk", "QueueUnbindOk"}},
		{[]amqp091.Method{&amqp091.BasicQos{PrefetchCount: 1}, &amqp091.BasicConsume{ConsumerTag: "c"}, &amqp091.BasicConsume{ConsumerTag: "d", Queue: "ab", NoWait: true}},
			[]string{"BasicQosOk", "consume-ok c"}},
		{[]amqp091.Method{&amqp091.QueueDeclare{Queue: "q"}}, []string{"declare-ok q messages=0 consumers=1"}},
		{[]amqp091.Method{&amqp091.BasicCancel{ConsumerTag: "c"}, &amqp091.BasicCancel{ConsumerTag: "c"}, &amqp091.BasicCancel{ConsumerTag: "d", NoWait: true}},
			[]string{"cancel-ok c", "cancel-ok c"}},
		{[]amqp091.Method{&amqp091.QueuePurge{Queue: "q"}, &amqp091.QueuePurge{NoWait: true}, &amqp091.QueueDelete{Queue: "ab", NoWait: true},
			&amqp091.QueueDelete{Queue: "ab"}, &amqp091.QueueDelete{Queue: "q"}}, []string{"purge-ok 0", "delete-ok 0", "delete-ok 0"}},
		{[]amqp091.Method{&amqp091.ExchangeDelete{Exchange: "x"}, &amqp091.ExchangeDelete{Exchange: "x", NoWait: true}}, []string{"ExchangeDeleteOk"}},
		{[]amqp091.Method{&amqp091.ChannelFlow{Active: true}, &amqp091.AccessRequest{}, &amqp091.BasicRecover{Requeue: true}, &amqp091.BasicRecoverAsync{Requeue: true}},
			[]string{"ChannelFlowOk", "AccessRequestOk", "BasicRecoverOk"}},
		{[]amqp091.Method{&amqp091.ConfirmSelect{NoWait: true}, &amqp091.ConfirmSelect{}}, []string{"ConfirmSelectOk"}},
		{[]amqp091.Method{&amqp091.ChannelClose{}}, []string{"close-ok"}},
	} {
		c.do(step.do...)
		c.expect(step.want...)
	}
	if ids := c.ids("channel"); len(ids) != 0 || c.credit != 0 || len(c.owner) != 1 {
		t.Errorf("channels %v, credit %d, connection heard %v", ids, c.credit, c.owner)
	}
}

func TestChannelExceptions(t *testing.T) {
	// P-20, P-21: a soft error is channel.close with code, text and the method's ids; what follows on the channel is dropped
	// until close-ok (P-22).
	for _, e := range []struct {
		m    amqp091.Method
		want string
	}{
		{&amqp091.QueueDeclare{Queue: "no", Passive: true}, "close 404 NOT_FOUND - no queue 'no' in vhost '/' (50.10)"},
		{&amqp091.QueueDeclare{Queue: "amq.q"}, "close 403 ACCESS_REFUSED - queue name 'amq.q' contains reserved prefix 'amq.*' (50.10)"},
		{&amqp091.QueueDeclare{Queue: "q", Durable: true}, "close 406 PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'true' but current is 'false' (50.10)"},
		{&amqp091.QueueBind{Queue: "q", Exchange: "no"}, "close 404 NOT_FOUND - no exchange 'no' in vhost '/' (50.20)"},
		{&amqp091.QueuePurge{}, "close 404 NOT_FOUND - no previously declared queue (50.30)"},
		{&amqp091.QueueDelete{Queue: "q", IfEmpty: true}, "close 406 PRECONDITION_FAILED - queue 'q' in vhost '/' not empty (50.40)"},
		{&amqp091.BasicGet{Queue: "no"}, "close 404 NOT_FOUND - no queue 'no' in vhost '/' (60.70)"},
		{&amqp091.BasicConsume{Queue: "taken"}, "close 403 ACCESS_REFUSED - queue 'taken' in vhost '/' in exclusive use (60.20)"},
		{&amqp091.BasicConsume{Queue: "mine"}, "close 405 RESOURCE_LOCKED - cannot obtain exclusive access to locked queue 'mine' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration. (60.20)"},
		{&amqp091.ExchangeDeclare{Exchange: "no", Passive: true}, "close 404 NOT_FOUND - no exchange 'no' in vhost '/' (40.10)"},
		{&amqp091.TxCommit{}, "close 406 PRECONDITION_FAILED - channel is not transactional (90.20)"},
		{&amqp091.TxRollback{}, "close 406 PRECONDITION_FAILED - channel is not transactional (90.30)"},
	} {
		o := newOffice(t, nil)
		other := o.openOn(2, o.sessions.NewID(), 0)
		other.do(&amqp091.QueueDeclare{Queue: "q"}, &amqp091.QueueDeclare{Queue: "taken"}, &amqp091.QueueDeclare{Queue: "mine", Exclusive: true},
			&amqp091.BasicConsume{Queue: "taken", ConsumerTag: "c", Exclusive: true})
		other.publish("", "q", 0, "a")
		other.send()
		o.run()
		c := o.open()
		c.method(e.m)
		c.publish("", "q", 0, "dropped")
		c.do(&amqp091.BasicGet{Queue: "q"}, &amqp091.BasicQos{})
		c.expect(e.want)
		c.do(&amqp091.ChannelCloseOk{})
		c.expect()
		if n := o.directory.Queue("q").Ready.Load(); n != 1 {
			t.Errorf("%T: %d messages, the channel was closed", e.m, n)
		}
		if len(o.ids(c.id)) != 0 || c.credit != 0 {
			t.Errorf("%T: the channel is there, credit %d", e.m, c.credit)
		}
	}
}

func TestConnectionExceptions(t *testing.T) {
	// P-20: a hard error is the connection's; the channel says nothing itself and ends when the connection says so.
	for _, e := range []struct {
		m    amqp091.Method
		want string
	}{
		{&amqp091.ChannelOpen{}, "CHANNEL_ERROR - second 'channel.open' seen"},
		{&amqp091.BasicQos{PrefetchSize: 3}, "NOT_IMPLEMENTED - prefetch_size!=0 (3)"},
		{&amqp091.BasicRecover{}, "NOT_IMPLEMENTED - requeue=false"},
		{&amqp091.ChannelFlow{}, "NOT_IMPLEMENTED - active=false"},
		{&amqp091.BasicConsume{Queue: "q", ConsumerTag: "c"}, "NOT_ALLOWED - attempt to reuse consumer tag 'c'"},
	} {
		o := newOffice(t, nil)
		c := o.open()
		c.do(&amqp091.QueueDeclare{Queue: "q"}, &amqp091.BasicConsume{Queue: "q", ConsumerTag: "c"})
		c.hear()
		c.do(e.m, &amqp091.QueuePurge{Queue: "q"})
		c.expect()
		if len(c.owner) != 1 || c.owner[0].(*Fault).Err.ReplyText() != e.want {
			t.Errorf("%T: connection heard %+v", e.m, c.owner)
		}
		c.put(Step{Closed: true})
		c.send()
		o.run()
		if len(o.ids(c.id)) != 0 || len(o.directory.Queue("q").Consumers()) != 0 {
			t.Errorf("%T: the channel is there", e.m)
		}
	}
}

func TestUnknownTagLeavesTheOthers(t *testing.T) {
	// P-48: the acks in front of one with an unknown tag count.
	c := newOffice(t, nil).open()
	c.method(&amqp091.QueueDeclare{Queue: "q"})
	c.publish("", "q", 0, "a", "b")
	c.do(&amqp091.BasicGet{}, &amqp091.BasicGet{})
	c.hear()
	c.ack(1, 1)
	c.send()
	c.run()
	c.expect("close 406 PRECONDITION_FAILED - unknown delivery tag 1 (60.80)")
	if n := c.directory.Queue("q").Ready.Load(); n != 1 {
		t.Errorf("%d messages wait, want the one that was not acknowledged", n)
	}
}

func TestPublishExceptions(t *testing.T) {
	// P-31: an exchange that is not there, or that clients may not publish to, closes the channel.
	for _, e := range []struct{ exchange, want string }{
		{"no", "close 404 NOT_FOUND - no exchange 'no' in vhost '/' (60.40)"},
		{"in", "close 403 ACCESS_REFUSED - cannot publish to internal exchange 'in' in vhost '/' (60.40)"},
	} {
		c := newOffice(t, nil).open()
		c.do(&amqp091.ExchangeDeclare{Exchange: "in", Type: "fanout", Internal: true})
		c.hear()
		c.publish(e.exchange, "k", 0, "a")
		c.send()
		c.run()
		c.expect(e.want)
	}
}

func TestMandatoryReturnBeforeConfirm(t *testing.T) {
	// P-33: basic.return in front of the confirm, with the message as it came.
	c := newOffice(t, nil).open()
	c.method(&amqp091.ConfirmSelect{})
	c.publish("", "nobody", protocol.FlagMandatory, "a")
	c.publish("", "nobody", 0, "b")
	c.send()
	c.run()
	c.expect("ConfirmSelectOk", "return 312 a", "ack 1", "ack 2")
}
