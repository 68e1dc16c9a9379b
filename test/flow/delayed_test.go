package flow

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// delayedExchange declares one of the test's own.
func delayedExchange(t *testing.T, ch *amqp.Channel, kind string) string {
	t.Helper()
	x := name(t, "x")
	must(t, ch.ExchangeDeclare(x, "x-delayed-message", false, false, false, false, amqp.Table{"x-delayed-type": kind}))
	t.Cleanup(func() { _ = channel(t).ExchangeDelete(x, false, false) })
	return x
}

func delayed(t *testing.T, ch *amqp.Channel, x, key, body string, delay any) {
	t.Helper()
	must(t, ch.PublishWithContext(context.Background(), x, key, false, false, amqp.Publishing{
		Headers: amqp.Table{"x-delay": delay}, Body: []byte(body), MessageId: "id",
	}))
}

// messages that say so are held back.
func TestX11_Delayed(t *testing.T) {
	t.Run("X-11 in the order of their times", func(t *testing.T) {
		ch := channel(t)
		x, q := delayedExchange(t, ch, "topic"), queue(t, ch, "q")
		bind(t, ch, q, "a.*", x, nil)
		d := consume(t, ch, q, true)
		begin := time.Now()
		delayed(t, ch, x, "a.b", "third", int32(400))
		delayed(t, ch, x, "a.b", "second", int64(200))
		delayed(t, ch, x, "other", "nowhere", int32(10))
		delayed(t, ch, x, "a.b", "first", int32(-5))
		for i, want := range []string{"first", "second", "third"} {
			got := next(t, d, "delivery")
			if string(got.Body) != want || got.Exchange != x || got.RoutingKey != "a.b" || got.MessageId != "id" {
				t.Errorf("%s from %s with %s, want %s", got.Body, got.Exchange, got.RoutingKey, want)
			}
			if after := time.Since(begin); after < time.Duration(i)*200*time.Millisecond {
				t.Errorf("%s came after %v", want, after)
			}
			if said := fmt.Sprint(got.Headers["x-delay"]); i > 0 && said != fmt.Sprint(-200*i) {
				t.Errorf("%s says x-delay %s", want, said)
			}
			if len(got.Headers) != 1 {
				t.Errorf("headers %v", got.Headers)
			}
		}
	})
	t.Run("X-11 by the keys in CC and BCC, when its time comes", func(t *testing.T) {
		ch := channel(t)
		x, q, r := delayedExchange(t, ch, "direct"), queue(t, ch, "q"), queue(t, ch, "r")
		bind(t, ch, q, "shown", x, nil)
		bind(t, ch, r, "hidden", x, nil)
		fromQ, fromR := consume(t, ch, q, true), consume(t, ch, r, true)
		must(t, ch.Publish(x, "k", false, false, amqp.Publishing{Headers: amqp.Table{"x-delay": int32(10), "CC": []any{"shown"}, "BCC": []any{"hidden"}}}))
		for _, got := range []amqp.Delivery{next(t, fromQ, "by CC"), next(t, fromR, "by BCC")} {
			if _, shown := got.Headers["BCC"]; shown || fmt.Sprint(got.Headers["CC"]) != "[shown]" {
				t.Errorf("headers %v", got.Headers)
			}
		}
	})
	t.Run("X-11 confirmed when it is held", func(t *testing.T) {
		ch := channel(t)
		x, q := delayedExchange(t, ch, "direct"), queue(t, ch, "q")
		bind(t, ch, q, "k", x, nil)
		confirms := confirming(t, ch, 1)
		delayed(t, ch, x, "k", "later", int32(3_600_000))
		acked(t, confirms, 1)
		ready(t, ch, q, 0)
	})
	t.Run("X-11 its queue is nobody's", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		x := delayedExchange(t, ch, "fanout")
		hidden := "amq.rabbitmq.delayed." + x
		_, err := ch.QueueDeclarePassive(hidden, false, false, false, false, nil)
		refused(t, err, 404, fmt.Sprintf("NOT_FOUND - no queue '%s' in vhost '/'", hidden))
		ch = channelOn(t, c)
		_, err = ch.Consume(hidden, "", true, false, false, false, nil)
		refused(t, err, 404, fmt.Sprintf("NOT_FOUND - no queue '%s' in vhost '/'", hidden))
		rows := broker.Rows[struct{ Name string }](t, broker.Shared(t), "list_queues", "name")
		if slices.ContainsFunc(rows, func(r struct{ Name string }) bool { return strings.HasPrefix(r.Name, "amq.rabbitmq.delayed") }) {
			t.Errorf("it is listed: %v", rows)
		}
	})
	t.Run("X-11 deleted with what it holds", func(t *testing.T) {
		ch := channel(t)
		x, q := delayedExchange(t, ch, "fanout"), queue(t, ch, "q")
		bind(t, ch, q, "", x, nil)
		delayed(t, ch, x, "", "gone", int32(100))
		must(t, ch.ExchangeDelete(x, false, false))
		must(t, ch.ExchangeDeclare(x, "x-delayed-message", false, false, false, false, amqp.Table{"x-delayed-type": "fanout"}))
		bind(t, ch, q, "", x, nil)
		delayed(t, ch, x, "", "here", int32(200))
		d := consume(t, ch, q, true)
		if got := next(t, d, "delivery"); string(got.Body) != "here" {
			t.Errorf("got %s", got.Body)
		}
	})
	for what, args := range map[string]amqp.Table{"none": nil, "unknown": {"x-delayed-type": "foo"}, "itself": {"x-delayed-type": "x-delayed-message"}} {
		t.Run("X-11 type "+what, func(t *testing.T) {
			err := channel(t).ExchangeDeclare(name(t, "x"), "x-delayed-message", false, false, false, false, args)
			refused(t, err, 406, "PRECONDITION_FAILED - Invalid argument, 'x-delayed-type' must be an existing exchange type")
		})
	}
}
