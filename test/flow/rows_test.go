package flow

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
	"warren/test/raw"
)

// Publishing: what comes before what, and what is acknowledged.
func TestPublishingRows(t *testing.T) {
	b := broker.Shared(t)
	t.Run("P-31 a missing exchange", func(t *testing.T) {
		ch := channel(t)
		if e := closes(t, ch, func() { publish(t, ch, "nowhere", "", "x") }); e.Code != 404 || e.Reason != "NOT_FOUND - no exchange 'nowhere' in vhost '/'" {
			t.Fatalf("got %v", e)
		}
	})
	t.Run("P-31 an internal exchange", func(t *testing.T) {
		ch := channel(t)
		x := name(t, "internal")
		must(t, ch.ExchangeDeclare(x, "fanout", false, true, true, false, nil))
		e := closes(t, ch, func() { publish(t, ch, x, "", "x") })
		if e.Code != 403 || e.Reason != "ACCESS_REFUSED - cannot publish to internal exchange '"+x+"' in vhost '/'" {
			t.Fatalf("got %v", e)
		}
		must(t, channel(t).ExchangeDelete(x, false, false))
	})
	t.Run("P-35 unroutable is confirmed", func(t *testing.T) {
		ch := channel(t)
		confirms := confirming(t, ch, 1)
		publish(t, ch, "", "nowhere", "x")
		acked(t, confirms, 1)
	})
	t.Run("P-40 confirm.select again, and without an answer", func(t *testing.T) {
		c := raw.Open(t, b.Addr)
		c.OpenChannel(1)
		c.Call(1, raw.ConfirmSelect, raw.Fields{}.Octet(0), raw.ConfirmSelectOk)
		c.Send(raw.Message(1, "", "nowhere", nil))
		if tag := d64(c.Expect(1, raw.BasicAck)); tag != 1 {
			t.Fatalf("tag %d", tag)
		}
		c.Call(1, raw.ConfirmSelect, raw.Fields{}.Octet(0), raw.ConfirmSelectOk)
		c.Method(1, raw.ConfirmSelect, raw.Fields{}.Octet(1))
		c.Send(raw.Message(1, "", "nowhere", nil))
		if tag := d64(c.Expect(1, raw.BasicAck)); tag != 2 {
			t.Fatalf("tag %d", tag)
		}
	})
	t.Run("P-39 neither mode leads to the other", func(t *testing.T) {
		ch := channel(t)
		must(t, ch.Confirm(false))
		refused(t, ch.Tx(), 406, "PRECONDITION_FAILED - cannot switch from confirm to tx mode")
		ch = channel(t)
		must(t, ch.Tx())
		must(t, ch.Tx())
		refused(t, ch.Confirm(false), 406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode")
	})
	t.Run("P-39 a channel that closes takes its transaction along", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		q := queue(t, ch, "q")
		publish(t, ch, "", q, "before")
		must(t, ch.Tx())
		publish(t, ch, "", q, "uncommitted")
		d, _, err := ch.Get(q, false)
		must(t, err)
		must(t, d.Ack(false))
		must(t, ch.Close())
		if left := getAll(t, channelOn(t, c), q); len(left) != 1 || left[0] != "before" {
			t.Fatalf("left %q", left)
		}
	})
}

func d64(d raw.Decoder) uint64 { return d.LongLong() }

// Consuming, getting and settling.
func TestConsumingRows(t *testing.T) {
	b := broker.Shared(t)
	t.Run("P-43 cancel of an unknown tag is answered", func(t *testing.T) {
		must(t, channel(t).Cancel("unknown", false))
	})
	t.Run("P-46 the prefetch is for consumers that start later, global too", func(t *testing.T) {
		modern(t, "global is a limit of the channel")
		for _, global := range []bool{false, true} {
			ch := channel(t)
			q := queue(t, ch, "q")
			must(t, ch.Qos(1, 0, global))
			one, other := consume(t, ch, q, false), consume(t, ch, q, false)
			for range 3 {
				publish(t, ch, "", q, "x")
			}
			next(t, one, "delivery")
			next(t, other, "delivery") // a limit of the channel would keep this one back
			ready(t, ch, q, 1)
		}
	})
	t.Run("P-46 a limit of the whole channel where it is permitted", func(t *testing.T) {
		if !b.Own() {
			t.Skip("it needs a configuration")
		}
		permitting := broker.Start(t, broker.Set("deprecated_features.permit.global_qos", "true"), broker.Set("chaos.enabled", "true"))
		c := connectTo(t, permitting.URI())
		ch, publisher := channelOn(t, c), channelOn(t, c)
		const limit, each = 3, 200
		must(t, ch.Qos(limit, 0, true))
		came := make(chan amqp.Delivery, 3*each)
		queues := []string{queue(t, ch, "p"), queue(t, ch, "q"), queue(t, ch, "r")}
		for _, q := range queues {
			deliveries, err := ch.Consume(q, q, false, false, false, false, nil)
			must(t, err)
			go func() {
				for d := range deliveries {
					came <- d
				}
			}()
			for range each {
				publish(t, publisher, "", q, "x")
			}
		}
		took := map[string]int{}
		var open []amqp.Delivery
		for done := range 3 * each {
			for len(open) == 0 || len(came) > 0 {
				d := next(t, came, "a delivery")
				open = append(open, d)
				if took[d.ConsumerTag]++; len(open) > limit {
					t.Fatalf("%d are unacknowledged", len(open))
				}
			}
			must(t, open[0].Ack(false))
			open = open[1:]
			if done == 300 && (took[queues[0]] < 60 || took[queues[1]] < 60 || took[queues[2]] < 60) {
				t.Errorf("they do not take turns: %v", took)
			}
			if done%200 == 50 {
				for _, a := range permitting.Actors(t) {
					if a.Kind == "queue" || a.Kind == "channel" {
						permitting.Crash(t, a.Path)
					}
				}
			}
		}
		must(t, ch.Qos(0, 0, true))
		for _, q := range queues {
			ready(t, publisher, q, 0)
		}
	})
	t.Run("P-47 get says what is left", func(t *testing.T) {
		ch := channel(t)
		q := queue(t, ch, "q")
		for range 3 {
			publish(t, ch, "", q, "x")
		}
		for left := range uint32(3) {
			d, ok, err := ch.Get(q, true)
			must(t, err)
			if !ok || d.MessageCount != 2-left || d.Redelivered || d.RoutingKey != q {
				t.Fatalf("got %+v, %v", d, ok)
			}
		}
		if _, ok, err := ch.Get(q, true); ok || err != nil {
			t.Fatalf("got one more, %v", err)
		}
	})
	t.Run("P-48 a delivery without acks cannot be acked", func(t *testing.T) {
		ch := channel(t)
		q := queue(t, ch, "q")
		publish(t, ch, "", q, "x")
		d := next(t, consume(t, ch, q, true), "delivery")
		e := closes(t, ch, func() { _ = ch.Ack(d.DeliveryTag, false) })
		if e.Code != 406 || e.Reason != "PRECONDITION_FAILED - unknown delivery tag 1" {
			t.Fatalf("got %v", e)
		}
	})
	t.Run("P-48 multiple with tag 0 is everything", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		q := queue(t, ch, "q")
		for range 5 {
			publish(t, ch, "", q, "x")
			_, _, err := ch.Get(q, false)
			must(t, err)
		}
		must(t, ch.Ack(0, true))
		must(t, ch.Close())
		ready(t, channelOn(t, c), q, 0)
	})
	t.Run("P-51 recover-async has no answer", func(t *testing.T) {
		c := raw.Open(t, b.Addr)
		c.OpenChannel(1)
		q := c.DeclareQueue(1, "")
		c.Send(raw.Message(1, "", q, nil))
		c.Call(1, raw.BasicGet, raw.Fields{}.Short(0).ShortStr(q).Octet(0), raw.BasicGetOk)
		c.Read()
		c.Method(1, raw.ID{Class: 60, Method: 100}, raw.Fields{}.Octet(1))
		again := c.Call(1, raw.BasicGet, raw.Fields{}.Short(0).ShortStr(q).Octet(0), raw.BasicGetOk)
		if tag, redelivered := again.LongLong(), again.Octet(); tag != 2 || redelivered != 1 {
			t.Fatalf("tag %d, redelivered %d", tag, redelivered)
		}
	})
}

// Queues as methods name them.
func TestQueueRows(t *testing.T) {
	t.Run("P-57 an empty name is the queue last declared, and its name the key", func(t *testing.T) {
		ch := channel(t)
		q := queue(t, ch, "q")
		must(t, ch.QueueBind("", "", "amq.direct", false, nil))
		publish(t, ch, "amq.direct", q, "x")
		if got := get(t, ch, ""); got != "x" {
			t.Fatalf("got %q", got)
		}
	})
	t.Run("P-58 delete of what is not there", func(t *testing.T) {
		n, err := channel(t).QueueDelete("not-there", false, false, false)
		if n != 0 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	})
	t.Run("P-58 if-unused and if-empty", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		q := queue(t, ch, "q")
		publish(t, ch, "", q, "x")
		if state, err := ch.QueueDeclarePassive(q, false, false, false, false, nil); err != nil || state.Messages != 1 {
			t.Fatalf("%+v, %v", state, err)
		}
		_, err := channelOn(t, c).QueueDelete(q, false, true, false) // of another channel, which what is published may not have overtaken
		refused(t, err, 406, "PRECONDITION_FAILED - queue '"+q+"' in vhost '/' not empty")
		d := next(t, consume(t, ch, q, false), "delivery")
		_, err = channelOn(t, c).QueueDelete(q, true, false, false)
		refused(t, err, 406, "PRECONDITION_FAILED - queue '"+q+"' in vhost '/' in use")
		must(t, d.Nack(false, true))
	})
	t.Run("P-59 purge counts and takes what is ready only", func(t *testing.T) {
		ch := channel(t)
		q := queue(t, ch, "q")
		for range 3 {
			must(t, ch.Publish("", q, false, false, amqp.Publishing{}))
		}
		d, _, err := ch.Get(q, false)
		must(t, err)
		n, err := ch.QueuePurge(q, false)
		if n != 2 || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
		must(t, d.Nack(false, true))
		ready(t, ch, q, 1)
	})
}
