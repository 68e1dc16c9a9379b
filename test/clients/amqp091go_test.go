package clients

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// P-30, P-33, P-40: the transcript with amqp091-go.
func TestAmqp091Go(t *testing.T) {
	var out strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v after\n%s", err, &out)
		}
	}
	const name = "clients-amqp091-go"
	c, ch := dial(t) // which may have to build the broker
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	check(ch.Confirm(false))
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	publish := func(key, body string, mandatory bool) {
		t.Helper()
		confirm, err := ch.PublishWithDeferredConfirm(name, key, mandatory, false, amqp.Publishing{
			ContentType: "text/plain", DeliveryMode: amqp.Persistent, MessageId: "id-" + body,
			Headers: amqp.Table{"n": int32(7), "s": "text"}, Body: []byte(body),
		})
		check(err)
		if acked, err := confirm.WaitContext(ctx); err != nil || !acked {
			t.Fatalf("publish %s: acked %v, %v", body, acked, err)
		}
	}

	q, err := ch.QueueDeclare(name, false, false, true, false, nil)
	check(err)
	say("declare: %d messages, %d consumers", q.Messages, q.Consumers)
	check(ch.ExchangeDeclare(name, "direct", false, true, false, false, nil))
	check(ch.QueueBind(name, "k", name, false, nil))
	say("bind: ok")
	for i := range 3 {
		publish("k", fmt.Sprint(i), false)
	}
	say("publish: 3 confirmed")
	d, _, err := ch.Get(name, false)
	check(err)
	say("get: %s, redelivered %v, %d left, %s, %s, n %v, s %v", d.Body, d.Redelivered, d.MessageCount, d.ContentType, d.MessageId, d.Headers["n"], d.Headers["s"])
	check(d.Ack(false))

	check(ch.Qos(10, 0, false))
	deliveries, err := ch.ConsumeWithContext(ctx, name, "tag", false, false, false, false, nil)
	check(err)
	for d := range deliveries {
		if d.Redelivered {
			say("nack with requeue: %s, redelivered %v", d.Body, d.Redelivered)
			check(d.Nack(false, false))
			break
		}
		say("consume: %s, redelivered %v", d.Body, d.Redelivered)
		if string(d.Body) == "1" {
			check(d.Ack(false))
		} else {
			check(d.Nack(false, true))
		}
	}
	check(ch.Cancel("tag", false))
	if _, ok, err := ch.Get(name, true); err == nil && !ok {
		say("nack without requeue: queue empty")
	}

	publish("nowhere", "lost", true)
	r := <-returns
	say("return: %d %s, key %s, body %s", r.ReplyCode, r.ReplyText, r.RoutingKey, r.Body)
	publish("k", "3", false)
	publish("k", "4", false)
	n, err := ch.QueuePurge(name, false)
	check(err)
	say("purge: %d", n)
	publish("k", "5", false)
	n, err = ch.QueueDelete(name, false, false, false)
	check(err)
	say("delete: %d", n)

	other, err := c.Channel()
	check(err)
	closed := other.NotifyClose(make(chan *amqp.Error, 1))
	check(other.Publish(name+".missing", "k", false, false, amqp.Publishing{}))
	failure := <-closed
	again, err := c.Channel()
	check(err)
	_, err = again.QueueDeclare("", false, false, true, false, nil)
	check(err)
	say("missing exchange: %d, connection open", failure.Code)
	check(c.Close())
	say("close: ok")
	transcript(t, out.String())
}
