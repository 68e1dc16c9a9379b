package flow

import (
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
	"warren/test/raw"
)

// gone expects a queue not to be there, at once.
func gone(t *testing.T, q string) {
	t.Helper()
	_, err := channel(t).QueueDeclarePassive(q, false, false, false, false, nil)
	refused(t, err, 404, notFound(q))
}

// what a restart of the broker leaves.
func TestQ02_DurableAndTransient(t *testing.T) {
	b := broker.Start(t)
	ch := channelOn(t, connectTo(t, b.URI()))
	declare := func(q string, durable, exclusive bool) {
		t.Helper()
		_, err := ch.QueueDeclare(q, durable, false, exclusive, false, nil)
		must(t, err)
	}
	declare("durable", true, false)
	declare("transient", false, false) // permitted, though RabbitMQ 4.3 denies it unless it is told not to
	declare("exclusive", true, true)
	b.Stop(t)
	b = b.Restart(t)
	c := connectTo(t, b.URI())
	for q, there := range map[string]bool{"durable": true, "transient": false, "exclusive": false} {
		t.Run("Q-02 "+q+" queue after a restart", func(t *testing.T) {
			_, err := channelOn(t, c).QueueDeclarePassive(q, false, false, false, false, nil)
			if there {
				must(t, err)
				return
			}
			refused(t, err, 404, notFound(q))
		})
	}
}

// an exclusive queue is its connection's, whichever channel of it asks.
func TestQ03_Exclusive(t *testing.T) {
	t.Run("Q-03 every channel of the connection has it", func(t *testing.T) {
		c := connect(t)
		q := queue(t, channelOn(t, c), "q")
		other := channelOn(t, c)
		publish(t, other, "", q, "1")
		if got := get(t, other, q); got != "1" {
			t.Fatal(got)
		}
		_, err := other.QueueDeclare(q, false, false, true, false, nil)
		must(t, err)
	})
	t.Run("Q-03 it outlives the channel that declared it", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		q := queue(t, ch, "q")
		must(t, ch.Close())
		counts(t, channelOn(t, c), q)
	})
	t.Run("Q-03 durable is taken and means nothing", func(t *testing.T) {
		c := connect(t)
		q := name(t, "q")
		for range 2 {
			_, err := channelOn(t, c).QueueDeclare(q, true, false, true, false, nil)
			must(t, err)
		}
		must(t, c.Close())
		gone(t, q)
	})
	t.Run("Q-03 others may publish to it", func(t *testing.T) {
		ch := channel(t)
		q := queue(t, ch, "q")
		d := consume(t, ch, q, true)
		publish(t, channel(t), "", q, "from elsewhere")
		if got := next(t, d, "delivery"); string(got.Body) != "from elsewhere" {
			t.Fatal(got.Body)
		}
	})
	t.Run("Q-03 no part of the definitions", func(t *testing.T) {
		b := broker.Shared(t)
		if !b.Own() {
			t.Skip("not our broker")
		}
		q := queue(t, channel(t), "hidden")
		if out := string(b.Ctl(t, "export_definitions", "-")); strings.Contains(out, q) {
			t.Fatalf("exported:\n%s", out)
		}
	})
	for what, again := range map[string]bool{"P-55 exclusive declared again as open": true, "P-55 open declared again as exclusive": false} {
		t.Run(what, func(t *testing.T) {
			c := connect(t)
			ch := channelOn(t, c)
			q := name(t, "q")
			_, err := ch.QueueDeclare(q, false, false, again, false, nil)
			must(t, err)
			defer func() { _, _ = ch.QueueDelete(q, false, false, false) }()
			_, err = channelOn(t, c).QueueDeclare(q, false, false, !again, false, nil)
			if e := amqpError(t, err); e.Code != 405 {
				t.Fatal(e)
			}
			alive(t, c)
		})
	}
}

// what ends an auto-delete queue.
func TestQ04_EndsOfAutoDelete(t *testing.T) {
	declare := func(t *testing.T, ch *amqp.Channel) string {
		t.Helper()
		q := name(t, "q")
		_, err := ch.QueueDeclare(q, false, true, false, false, nil)
		must(t, err)
		return q
	}
	t.Run("Q-04 no consumer yet, no end", func(t *testing.T) {
		c := connect(t)
		q := declare(t, channelOn(t, c))
		must(t, c.Close())
		ch := channel(t)
		counts(t, ch, q)
		_, err := ch.QueueDelete(q, false, false, false)
		must(t, err)
	})
	t.Run("Q-04 the last consumer's connection breaks", func(t *testing.T) {
		c := raw.Open(t, broker.Shared(t).Addr)
		c.OpenChannel(1)
		q := declare(t, channel(t))
		c.Call(1, raw.BasicConsume, raw.Fields{}.Short(0).ShortStr(q).ShortStr("t").Octet(0).Table(), raw.BasicConsumeOk)
		c.Close()
		probe := connect(t)
		broker.Eventually(t, patience, "the queue is gone", func() (bool, any) {
			ch := channelOn(t, probe)
			_, err := ch.QueueDeclarePassive(q, false, false, false, false, nil)
			if err == nil {
				return false, ch.Close()
			}
			return amqpError(t, err).Code == 404, err
		})
	})
	t.Run("Q-04 unacked messages go with it", func(t *testing.T) {
		ch := channel(t)
		q := declare(t, ch)
		d := consumeAs(t, ch, q, "t", nil)
		publish(t, ch, "", q, "1")
		got := next(t, d, "delivery")
		must(t, ch.Cancel("t", false))
		gone(t, q)
		must(t, got.Ack(false)) // what went with its queue can still be settled
		counts(t, ch, queue(t, ch, "alive"))
	})
	t.Run("Q-04 its bindings and its auto-delete exchange go with it", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		q, x := declare(t, ch), name(t, "x")
		must(t, ch.ExchangeDeclare(x, "fanout", false, true, false, false, nil))
		bind(t, ch, q, "", x, nil)
		consumeAs(t, ch, q, "t", nil)
		must(t, ch.Cancel("t", false))
		gone(t, q)
		err := channelOn(t, c).ExchangeDeclarePassive(x, "fanout", false, false, false, false, nil)
		refused(t, err, 404, fmt.Sprintf("NOT_FOUND - no exchange '%s' in vhost '/'", x))
	})
}

// P-42: what basic.consume says nothing about, and what it means without a reply.
func TestP42_ConsumeFlags(t *testing.T) {
	t.Run("P-42 no-local is ignored", func(t *testing.T) {
		ch := channel(t)
		q := queue(t, ch, "q")
		d, err := ch.Consume(q, "", true, false, true, false, nil)
		must(t, err)
		publish(t, ch, "", q, "mine")
		if got := next(t, d, "delivery"); string(got.Body) != "mine" {
			t.Fatal(got.Body)
		}
	})
	t.Run("P-42 no-wait", func(t *testing.T) {
		ch := channel(t)
		q := queue(t, ch, "q")
		publish(t, ch, "", q, "1")
		d, err := ch.Consume(q, "t", true, false, false, true, nil)
		must(t, err)
		if got := next(t, d, "delivery"); string(got.Body) != "1" {
			t.Fatal(got.Body)
		}
	})
	t.Run("P-42 one tag on two channels", func(t *testing.T) {
		c := connect(t)
		q := queue(t, channelOn(t, c), "q")
		consumeAs(t, channelOn(t, c), q, "same", nil)
		consumeAs(t, channelOn(t, c), q, "same", nil)
		if _, consumers := counts(t, channelOn(t, c), q); consumers != 2 {
			t.Fatalf("%d consumers", consumers)
		}
	})
	t.Run("P-42 a tag again after its cancel", func(t *testing.T) {
		ch := channel(t)
		q := queue(t, ch, "q")
		for range 3 {
			consumeAs(t, ch, q, "same", nil)
			must(t, ch.Cancel("same", false))
		}
	})
	t.Run("P-42 exclusive where somebody consumes", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		q := queue(t, ch, "q")
		consumeAs(t, ch, q, "first", nil)
		_, err := channelOn(t, c).Consume(q, "", false, true, false, false, nil)
		refused(t, err, 403, fmt.Sprintf("ACCESS_REFUSED - queue '%s' in vhost '/' in exclusive use", q))
		alive(t, c)
	})
}

// P-58: queue.delete and its conditions.
func TestP58_DeleteConditions(t *testing.T) {
	t.Run("P-58 if-empty looks at what is ready alone", func(t *testing.T) {
		ch := channel(t)
		q := filled(t, ch, 1)
		getUnacked(t, ch, q, "0", false)
		if n, err := ch.QueueDelete(q, false, true, false); n != 0 || err != nil {
			t.Fatalf("deleted %d, %v", n, err)
		}
		gone(t, q)
	})
	t.Run("P-58 the count is what was ready", func(t *testing.T) {
		ch := channel(t)
		q := filled(t, ch, 3)
		getUnacked(t, ch, q, "0", false)
		if n, err := ch.QueueDelete(q, false, false, false); n != 2 || err != nil {
			t.Fatalf("deleted %d, %v", n, err)
		}
	})
	t.Run("P-58 no-wait", func(t *testing.T) {
		ch := channel(t)
		q := filled(t, ch, 1)
		_, err := ch.QueueDelete(q, false, false, true)
		must(t, err)
		counts(t, ch, queue(t, ch, "behind"))
		gone(t, q)
	})
	t.Run("P-58 a refused delete leaves the queue of use", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		q := filled(t, ch, 1)
		_, err := channelOn(t, c).QueueDelete(q, true, true, false)
		refused(t, err, 406, fmt.Sprintf("PRECONDITION_FAILED - queue '%s' in vhost '/' not empty", q))
		publish(t, ch, "", q, "1")
		if got := getAll(t, ch, q); fmt.Sprint(got) != "[0 1]" {
			t.Fatalf("left: %v", got)
		}
	})
}
