package flow

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
	"warren/test/raw"
)

// P-26: names lose their line ends, and are UTF-8.
func TestP26_Names(t *testing.T) {
	t.Run("P-26 CR and LF in the name of a queue", func(t *testing.T) {
		ch := channel(t)
		want := name(t, "queue")
		q, err := ch.QueueDeclare(want[:3]+"\r\n"+want[3:]+"\n", false, false, true, false, nil)
		must(t, err)
		if q.Name != want {
			t.Errorf("declared %q", q.Name)
		}
		bind(t, ch, "\n"+want, "k", "amq.direct", nil)
		publish(t, ch, "amq.direct", "k", "x")
		if d, ok, err := ch.Get(want+"\r", true); err != nil || !ok || string(d.Body) != "x" {
			t.Errorf("got %v, %v", ok, err)
		}
		must(t, ch.QueueUnbind(want+"\n", "k", "amq.\ndirect", nil))
		publish(t, ch, "amq.direct", "k", "lost")
		if n, err := ch.QueuePurge("\r"+want, false); n != 0 || err != nil {
			t.Errorf("purged %d, %v", n, err)
		}
		if _, err := ch.QueueDelete(want+"\n", false, false, false); err != nil {
			t.Error(err)
		}
		_, err = ch.QueueDeclarePassive(want, false, false, false, false, nil)
		refused(t, err, 404, notFound(want))
	})
	t.Run("P-26 CR and LF in the name of an exchange", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		want := name(t, "exchange")
		must(t, ch.ExchangeDeclare(want+"\r\n", "fanout", false, false, false, false, nil))
		must(t, ch.ExchangeDeclarePassive("\n"+want, "fanout", false, false, false, false, nil))
		q := queue(t, ch, "q")
		bind(t, ch, q, "", "\n"+want, nil)
		must(t, ch.ExchangeBind(want+"\n", "k", "amq.\rdirect", false, nil))
		publish(t, ch, "amq.direct", "k", "x")
		if got := get(t, ch, q); got != "x" {
			t.Errorf("got %q", got)
		}
		must(t, ch.ExchangeDelete(want+"\n", false, false))
		refused(t, ch.ExchangeDeclarePassive(want, "fanout", false, false, false, false, nil), 404, fmt.Sprintf("NOT_FOUND - no exchange '%s' in vhost '/'", want))
	})
	for what, frame := range map[string][]byte{
		"queue":    raw.MethodFrame(1, raw.ID{Class: 50, Method: 10}, raw.Fields{}.Short(0).ShortStr("a\xff").Octet(4).Table()),
		"exchange": raw.MethodFrame(1, raw.ID{Class: 40, Method: 10}, raw.Fields{}.Short(0).ShortStr("a\xff").ShortStr("direct").Octet(0).Table()),
		"consumer": raw.MethodFrame(1, raw.ID{Class: 60, Method: 20}, raw.Fields{}.Short(0).ShortStr("q").ShortStr("\xc3").Octet(0).Table()),
	} {
		t.Run("P-26 no UTF-8 in the name of a "+what, func(t *testing.T) {
			c := raw.Open(t, broker.Shared(t).Addr)
			defer c.Close()
			c.OpenChannel(1)
			c.Send(frame)
			if e := c.ExpectClose(); e.Code != 501 {
				t.Errorf("closed with %+v", e)
			}
		})
	}
}

// P-56: the broker's names.
func TestP56_TheBrokersNames(t *testing.T) {
	modern(t, "other texts")
	c := connect(t)
	own, err := channelOn(t, c).QueueDeclare("", false, false, true, false, nil)
	must(t, err)
	q := queue(t, channelOn(t, c), "q")
	const onDefault = "operation not permitted on the default exchange"
	for _, row := range []struct {
		what string
		do   func(*amqp.Channel) error
		text string // empty: it is fine
	}{
		{"P-56 queue", declareQueue("amq.x"), "queue name 'amq.x' contains reserved prefix 'amq.*'"},
		{"P-56 queue that exists", declareQueue(own.Name), fmt.Sprintf("queue name '%s' contains reserved prefix 'amq.*'", own.Name)},
		{"P-56 exchange", declareExchange("amq.x", "direct"), "exchange name 'amq.x' contains reserved prefix 'amq.*'"},
		{"P-56 exchange that exists", declareExchange("amq.direct", "direct"), ""},
		{"P-56 delete exchange", deleteExchange("amq.direct"), "deletion of system exchange 'amq.direct' in vhost '/' not allowed"},
		{"P-56 delete exchange that is not there", deleteExchange("amq.x"), "deletion of system exchange 'amq.x' in vhost '/' not allowed"},
		{"P-56 declare the default exchange", declareExchange("", "direct"), onDefault},
		{"P-56 delete the default exchange", deleteExchange(""), onDefault},
		{"P-56 passive declare of the default exchange", func(ch *amqp.Channel) error {
			return ch.ExchangeDeclarePassive("", "direct", true, false, false, false, nil)
		}, onDefault},
		{"P-56 bind to the default exchange", func(ch *amqp.Channel) error { return ch.QueueBind(q, "k", "", false, nil) }, onDefault},
		{"P-56 unbind from the default exchange", func(ch *amqp.Channel) error { return ch.QueueUnbind(q, q, "", nil) }, onDefault},
		{"P-56 bind the default exchange", func(ch *amqp.Channel) error { return ch.ExchangeBind("", "k", "amq.direct", false, nil) }, onDefault},
		{"P-56 unbind the default exchange", func(ch *amqp.Channel) error { return ch.ExchangeUnbind("", "k", "amq.direct", false, nil) }, onDefault},
	} {
		t.Run(row.what, func(t *testing.T) {
			err := row.do(channelOn(t, c))
			if row.text == "" {
				must(t, err)
				return
			}
			refused(t, err, 403, "ACCESS_REFUSED - "+row.text)
		})
	}
	alive(t, c)
}

func declareQueue(name string) func(*amqp.Channel) error {
	return func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare(name, false, false, true, false, nil)
		return err
	}
}

func declareExchange(name, kind string) func(*amqp.Channel) error {
	return func(ch *amqp.Channel) error { return ch.ExchangeDeclare(name, kind, true, false, false, false, nil) }
}

func deleteExchange(name string) func(*amqp.Channel) error {
	return func(ch *amqp.Channel) error { return ch.ExchangeDelete(name, false, false) }
}

// types that nobody knows.
func TestX12_UnknownTypes(t *testing.T) {
	modern(t, "503 on the connection")
	c := connect(t)
	for _, kind := range []string{"burrow", "x-jms-topic", "Direct", ""} {
		t.Run("X-12 "+kind, func(t *testing.T) {
			err := declareExchange(name(t, "x"), kind)(channelOn(t, c))
			refused(t, err, 406, fmt.Sprintf("PRECONDITION_FAILED - unknown exchange type '%s'", kind))
		})
	}
	t.Run("X-12 of an exchange that is there", func(t *testing.T) {
		refused(t, declareExchange("amq.direct", "burrow")(channelOn(t, c)), 406, "PRECONDITION_FAILED - unknown exchange type 'burrow'")
	})
	alive(t, c)
}
