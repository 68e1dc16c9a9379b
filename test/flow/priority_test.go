package flow

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// consumerRow is a row of `warrenctl list_consumers`, as far as tests look at it.
type consumerRow struct {
	Queue     string         `json:"queue_name"`
	Tag       string         `json:"consumer_tag"`
	Active    bool           `json:"active"`
	Status    string         `json:"activity_status"`
	Arguments map[string]any `json:"arguments"`
}

// consumersOf is what list_consumers says of a queue, by consumer tag.
func consumersOf(t *testing.T, queue string) map[string]consumerRow {
	t.Helper()
	out := map[string]consumerRow{}
	for _, row := range broker.Rows[consumerRow](t, broker.Shared(t), "list_consumers", "queue_name", "consumer_tag", "active", "activity_status", "arguments") {
		if row.Queue == queue {
			out[row.Tag] = row
		}
	}
	return out
}

func consumeAs(t *testing.T, ch *amqp.Channel, queue, tag string, args amqp.Table) <-chan amqp.Delivery {
	t.Helper()
	d, err := ch.Consume(queue, tag, false, false, false, false, args)
	must(t, err)
	return d
}

// P-45: what a consumer's priority does, and which one is none.
func TestP45_ConsumerPriority(t *testing.T) {
	t.Run("P-45 the highest priority is first while it has credit", func(t *testing.T) {
		ch := channel(t)
		q := queue(t, ch, "q")
		must(t, ch.Qos(3, 0, false))
		low := consumeAs(t, ch, q, "low", amqp.Table{"x-priority": int32(-1)})
		zero := consumeAs(t, ch, q, "zero", nil)
		high := consumeAs(t, ch, q, "high", amqp.Table{"x-priority": int64(10)})
		for i := range 7 {
			publish(t, ch, "", q, fmt.Sprint(i))
		}
		for i, from := range []<-chan amqp.Delivery{high, high, high, zero, zero, zero, low} {
			d := next(t, from, "delivery")
			if string(d.Body) != fmt.Sprint(i) {
				t.Fatalf("got %s instead of %d", d.Body, i)
			}
			if i == 2 || i == 5 || i == 6 { // no credit is back before all of them are full
				defer func() { _ = d.Ack(true) }()
			}
		}
	})
	t.Run("P-45 equal priorities take turns", func(t *testing.T) {
		ch := channel(t)
		q := queue(t, ch, "q")
		args := amqp.Table{"x-priority": int32(5)}
		a, b := consumeAs(t, ch, q, "a", args), consumeAs(t, ch, q, "b", args)
		for i := range 10 {
			publish(t, ch, "", q, fmt.Sprint(i))
		}
		for range 5 {
			next(t, a, "delivery to a")
			next(t, b, "delivery to b")
		}
	})
	t.Run("P-45 no integer", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		q := queue(t, ch, "q")
		_, err := ch.Consume(q, "", false, false, false, false, amqp.Table{"x-priority": "high"})
		refused(t, err, 406, fmt.Sprintf(`PRECONDITION_FAILED - invalid arg 'x-priority' for queue '%s' in vhost '/': "expected integer, got longstr"`, q))
		alive(t, c)
	})
	t.Run("P-45 list_consumers shows the arguments", func(t *testing.T) {
		ch := channel(t)
		q := queue(t, ch, "q")
		consumeAs(t, ch, q, "a", amqp.Table{"x-priority": int32(5), "x-mine": "yes"})
		row := consumersOf(t, q)["a"]
		if fmt.Sprint(row.Arguments["x-priority"]) != "5" || row.Arguments["x-mine"] != "yes" || !row.Active || row.Status != "up" {
			t.Fatalf("listed as %+v", row)
		}
	})
	for _, arg := range []string{"x-stream-offset", "x-stream-filter", "x-stream-match-unfiltered"} {
		t.Run("3.1 "+arg+" is no classic queue's", func(t *testing.T) {
			ch := channel(t)
			q := queue(t, ch, "q")
			_, err := ch.Consume(q, "", false, false, false, false, amqp.Table{arg: "first"})
			refused(t, err, 406, fmt.Sprintf("PRECONDITION_FAILED - invalid arg '%s' for queue '%s' in vhost '/' of queue type rabbit_classic_queue", arg, q))
		})
	}
}

// declareSingle declares a queue with a single active consumer, which other connections can use.
func declareSingle(t *testing.T) string {
	t.Helper()
	return declareSingleOn(t, channel(t))
}

func declareSingleOn(t *testing.T, ch *amqp.Channel) string {
	t.Helper()
	q := name(t, "single")
	_, err := ch.QueueDeclare(q, false, false, false, false, amqp.Table{"x-single-active-consumer": true})
	must(t, err)
	t.Cleanup(func() { _, _ = ch.QueueDelete(q, false, false, false) })
	return q
}

// 3.1 x-single-active-consumer: one consumer has the messages, the next takes over.
func TestSingleActiveConsumer(t *testing.T) {
	t.Run("3.1 x-single-active-consumer failover", func(t *testing.T) {
		q := declareSingle(t)
		first, second, third := channel(t), channel(t), channel(t)
		a := consumeAs(t, first, q, "a", nil)
		b := consumeAs(t, second, q, "b", nil)
		c := consumeAs(t, third, q, "c", nil)
		publisher := channel(t)
		for i := range 4 {
			publish(t, publisher, "", q, fmt.Sprint(i))
		}
		for i := range 4 {
			if d := next(t, a, "delivery to the active one"); string(d.Body) != fmt.Sprint(i) {
				t.Fatalf("got %s instead of %d", d.Body, i)
			} else if i == 0 {
				must(t, d.Ack(false))
			}
		}
		rows := consumersOf(t, q)
		if a, b, c := rows["a"], rows["b"], rows["c"]; !a.Active || a.Status != "single_active" || b.Active || b.Status != "waiting" || c.Active || c.Status != "waiting" {
			t.Fatalf("listed as %+v", rows)
		}
		must(t, first.Close()) // 1 to 3 are not acknowledged
		for i := 1; i < 4; i++ {
			if d := next(t, b, "delivery to who took over"); string(d.Body) != fmt.Sprint(i) || !d.Redelivered {
				t.Fatalf("got %s, redelivered %v, instead of %d", d.Body, d.Redelivered, i)
			}
		}
		must(t, second.Cancel("b", false)) // what it holds stays its own
		publish(t, publisher, "", q, "4")
		if d := next(t, c, "delivery to the last"); string(d.Body) != "4" {
			t.Fatalf("got %s", d.Body)
		}
		if rows := consumersOf(t, q); len(rows) != 1 || rows["c"].Status != "single_active" {
			t.Fatalf("listed as %+v", rows)
		}
	})
	t.Run("3.1 x-single-active-consumer over crashes of the queue", func(t *testing.T) {
		b := broker.Start(t, broker.Set("chaos.enabled", "true"))
		first, second, publisher := channelOn(t, connectTo(t, b.URI())), channelOn(t, connectTo(t, b.URI())), channelOn(t, connectTo(t, b.URI()))
		q := declareSingleOn(t, publisher)
		one, two := consumeAs(t, first, q, "a", nil), consumeAs(t, second, q, "b", nil)
		for i := range 3 {
			publish(t, publisher, "", q, fmt.Sprint(i))
			if d := next(t, one, "delivery to the active one"); string(d.Body) != fmt.Sprint(i) {
				t.Fatalf("got %s", d.Body)
			}
			for _, a := range b.Actors(t) {
				if a.Kind == "queue" {
					b.Crash(t, a.Path)
				}
			}
		}
		must(t, first.Close())
		for i := range 3 {
			if d := next(t, two, "delivery to who took over"); string(d.Body) != fmt.Sprint(i) {
				t.Fatalf("got %s", d.Body)
			}
		}
	})
	t.Run("P-47 basic.get on a queue with a single active consumer", func(t *testing.T) {
		c := connect(t)
		q := declareSingle(t)
		_, _, err := channelOn(t, c).Get(q, true)
		refused(t, err, 405, fmt.Sprintf("RESOURCE_LOCKED - cannot obtain access to locked queue '%s' in vhost '/'. basic.get operations are not supported by classic queues with single active consumer", q))
		alive(t, c)
	})
	t.Run("P-42 exclusive consumer of a queue with a single active consumer", func(t *testing.T) {
		c := connect(t)
		q := declareSingle(t)
		_, err := channelOn(t, c).Consume(q, "", false, true, false, false, nil)
		refused(t, err, 403, fmt.Sprintf("ACCESS_REFUSED - queue '%s' in vhost '/' in exclusive use", q))
		alive(t, c)
	})
}
