package durable

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// D-01, D-03: what a message is to its queue survives kill -9: priority, time to live, the history of its deaths, the time until which it
// is held back.
func TestKindsSurviveKill(t *testing.T) {
	t.Parallel()
	b := broker.Start(t)
	ch := channelOn(t, connect(t, b.URI()))
	must(t, ch.Confirm(false))
	const (
		priority, short, long, bounded, dead, late, held = "priority", "short", "long", "bounded", "dead", "late", "held"
	)
	for q, args := range map[string]amqp.Table{
		priority: {"x-max-priority": int32(9)},
		short:    {"x-message-ttl": int32(400), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead},
		long:     nil,
		bounded:  {"x-max-length": int32(3), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead},
		dead:     nil,
		late:     nil,
	} {
		_, err := ch.QueueDeclare(q, true, false, false, false, args)
		must(t, err)
	}
	must(t, ch.ExchangeDeclare(held, "x-delayed-message", true, false, false, false, amqp.Table{"x-delayed-type": "direct"}))
	must(t, ch.QueueBind(late, late, held, false, nil))
	send := func(exchange, key, body string, m amqp.Publishing) {
		m.Body, m.DeliveryMode = []byte(body), amqp.Persistent
		c, err := ch.PublishWithDeferredConfirmWithContext(context.Background(), exchange, key, false, false, m)
		must(t, err)
		if !c.Wait() {
			t.Fatal("not confirmed")
		}
	}
	for i, p := range []uint8{1, 9, 5, 9} {
		send("", priority, strconv.Itoa(i), amqp.Publishing{Priority: p})
	}
	send("", long, "stays", amqp.Publishing{})
	send("", long, "goes", amqp.Publishing{Expiration: "300"})
	for i := range 5 {
		send("", bounded, strconv.Itoa(i), amqp.Publishing{})
	}
	for i, delay := range []int32{2500, 1500} {
		send(held, late, strconv.Itoa(i), amqp.Publishing{Headers: amqp.Table{"x-delay": delay}})
	}
	sent := time.Now()
	send("", short, "expires", amqp.Publishing{})
	b.Kill(t)
	b = b.Restart(t)
	ch = channelOn(t, connect(t, b.URI()))

	if got := takeAll(t, ch, priority, 4); fmt.Sprint(got) != "[1 3 2 0]" {
		t.Errorf("priority: %v", got)
	}
	if got := takeAll(t, ch, bounded, 3); fmt.Sprint(got) != "[2 3 4]" {
		t.Errorf("bounded: %v", got)
	}
	// What died before the end and what dies after it.
	reasons := map[string]string{}
	for range 3 {
		d := await(t, ch, dead)
		deaths, _ := d.Headers["x-death"].([]any)
		if len(deaths) != 1 {
			t.Fatalf("%s: x-death %v", d.Body, d.Headers)
		}
		reasons[string(d.Body)] = fmt.Sprint(deaths[0].(amqp.Table)["reason"], deaths[0].(amqp.Table)["queue"])
	}
	if fmt.Sprint(reasons) != fmt.Sprint(map[string]string{"0": "maxlenbounded", "1": "maxlenbounded", "expires": "expiredshort"}) {
		t.Errorf("dead: %v", reasons)
	}
	d := await(t, ch, long)
	must(t, d.Ack(false))
	if string(d.Body) != "stays" {
		t.Errorf("long: %s", d.Body)
	}
	broker.Eventually(t, patience, "the one that expires is gone", func() (bool, any) {
		q, err := ch.QueueDeclarePassive(long, true, false, false, false, nil)
		must(t, err)
		return q.Messages == 0, q.Messages
	})
	var order []string
	for _, after := range []time.Duration{1500 * time.Millisecond, 2500 * time.Millisecond} {
		d := await(t, ch, late)
		must(t, d.Ack(false))
		order = append(order, string(d.Body))
		if took := time.Since(sent); took < after-500*time.Millisecond {
			t.Errorf("%s came after %v", d.Body, took)
		}
	}
	if !slices.Equal(order, []string{"1", "0"}) {
		t.Errorf("late: %v", order)
	}
}

// await gets one message, however long it takes to come.
func await(t *testing.T, ch *amqp.Channel, queue string) (d amqp.Delivery) {
	t.Helper()
	broker.Eventually(t, patience, "a message in "+queue, func() (bool, any) {
		var ok bool
		var err error
		d, ok, err = ch.Get(queue, false)
		must(t, err)
		return ok, nil
	})
	return d
}

// takeAll acknowledges as many.
func takeAll(t *testing.T, ch *amqp.Channel, queue string, n int) (out []string) {
	t.Helper()
	for range n {
		d := await(t, ch, queue)
		must(t, d.Ack(false))
		out = append(out, string(d.Body))
	}
	return out
}
