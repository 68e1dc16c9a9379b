package flow

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// P-54: a queue that is declared again must be the same; the texts are parsed by clients.
func TestP54_QueueEquivalence(t *testing.T) {
	type declare struct {
		durable, autoDelete, exclusive bool
		args                           amqp.Table
	}
	ttl := func(v any) amqp.Table { return amqp.Table{"x-message-ttl": v} }
	for _, row := range []struct {
		what         string
		first, again declare
		text         string // empty: it is the same
	}{
		{"the same", declare{durable: true, args: ttl(int32(5))}, declare{durable: true, args: ttl(int32(5))}, ""},
		{"integer of another width", declare{args: ttl(int32(60000))}, declare{args: ttl(int64(60000))}, ""},
		{"classic is the default", declare{durable: true}, declare{durable: true, args: amqp.Table{"x-queue-type": "classic"}}, ""},
		{"unknown argument", declare{}, declare{args: amqp.Table{"x-something": "else"}}, ""},
		{"durable", declare{durable: true}, declare{}, "inequivalent arg 'durable' for queue '%s' in vhost '/': received 'false' but current is 'true'"},
		{"auto_delete", declare{}, declare{autoDelete: true}, "inequivalent arg 'auto_delete' for queue '%s' in vhost '/': received 'true' but current is 'false'"},
		{"value", declare{args: ttl(int32(60000))}, declare{args: ttl(int32(30000))}, "inequivalent arg 'x-message-ttl' for queue '%s' in vhost '/': received '30000' but current is '60000'"},
		{"now none", declare{args: ttl(int64(60000))}, declare{}, "inequivalent arg 'x-message-ttl' for queue '%s' in vhost '/': received none but current is the value '60000' of type 'long'"},
		{"now none, 32 bits", declare{args: ttl(int32(60000))}, declare{}, "inequivalent arg 'x-message-ttl' for queue '%s' in vhost '/': received none but current is the value '60000' of type 'signedint'"},
		{"single active consumer", declare{args: amqp.Table{"x-single-active-consumer": true}}, declare{}, "inequivalent arg 'x-single-active-consumer' for queue '%s' in vhost '/': received none but current is the value 'true' of type 'bool'"},
		{"x-queue-mode", declare{args: amqp.Table{"x-queue-mode": "lazy"}}, declare{args: amqp.Table{"x-queue-mode": "default"}}, "inequivalent arg 'x-queue-mode' for queue '%s' in vhost '/': received 'default' but current is 'lazy'"},
		{"Q-01 another type", declare{durable: true, args: amqp.Table{"x-queue-type": "classic"}}, declare{durable: true, args: amqp.Table{"x-queue-type": "quorum"}}, "inequivalent arg 'x-queue-type' for queue '%s' in vhost '/': received 'quorum' but current is 'classic'"},
		{"argument of another type", declare{}, declare{args: amqp.Table{"x-delivery-limit": int32(3)}}, ""}, // only what the type declares is compared
		{"was none", declare{}, declare{args: amqp.Table{"x-dead-letter-exchange": "dlx"}}, "inequivalent arg 'x-dead-letter-exchange' for queue '%s' in vhost '/': received the value 'dlx' of type 'longstr' but current is none"},
	} {
		t.Run("P-54 "+row.what, func(t *testing.T) {
			c := connect(t)
			ch := channelOn(t, c)
			q := name(t, "q")
			_, err := ch.QueueDeclare(q, row.first.durable, row.first.autoDelete, row.first.exclusive, false, row.first.args)
			must(t, err)
			defer func() { _, _ = channelOn(t, c).QueueDelete(q, false, false, false) }()
			_, err = ch.QueueDeclare(q, row.again.durable, row.again.autoDelete, row.again.exclusive, false, row.again.args)
			if row.text == "" {
				must(t, err)
				return
			}
			refused(t, err, 406, "PRECONDITION_FAILED - "+fmt.Sprintf(row.text, q))
			alive(t, c)
		})
	}
}

// of an exchange's arguments only alternate-exchange counts.
func TestX13_ExchangeEquivalence(t *testing.T) {
	type declare struct {
		kind                          string
		durable, autoDelete, internal bool
		args                          amqp.Table
	}
	for _, row := range []struct {
		what         string
		first, again declare
		text         string
	}{
		{"the same", declare{kind: "topic", autoDelete: true}, declare{kind: "topic", autoDelete: true}, ""},
		{"other argument", declare{kind: "topic"}, declare{kind: "topic", args: amqp.Table{"x-mine": "1"}}, ""},
		{"type", declare{kind: "fanout"}, declare{kind: "direct"}, "inequivalent arg 'type' for exchange '%s' in vhost '/': received 'direct' but current is 'fanout'"},
		{"durable", declare{kind: "direct", durable: true}, declare{kind: "direct"}, "inequivalent arg 'durable' for exchange '%s' in vhost '/': received 'false' but current is 'true'"},
		{"auto_delete", declare{kind: "direct"}, declare{kind: "direct", autoDelete: true}, "inequivalent arg 'auto_delete' for exchange '%s' in vhost '/': received 'true' but current is 'false'"},
		{"internal", declare{kind: "direct"}, declare{kind: "direct", internal: true}, "inequivalent arg 'internal' for exchange '%s' in vhost '/': received 'true' but current is 'false'"},
		{"alternate exchange", declare{kind: "direct"}, declare{kind: "direct", args: amqp.Table{"alternate-exchange": "ae"}},
			"inequivalent arg 'alternate-exchange' for exchange '%s' in vhost '/': received the value 'ae' of type 'longstr' but current is none"},
		{"no alternate exchange any more", declare{kind: "direct", args: amqp.Table{"alternate-exchange": "ae"}}, declare{kind: "direct"},
			"inequivalent arg 'alternate-exchange' for exchange '%s' in vhost '/': received none but current is the value 'ae' of type 'longstr'"},
		{"another alternate exchange", declare{kind: "direct", args: amqp.Table{"alternate-exchange": "ae"}},
			declare{kind: "direct", args: amqp.Table{"alternate-exchange": "be"}},
			"inequivalent arg 'alternate-exchange' for exchange '%s' in vhost '/': received 'be' but current is 'ae'"},
	} {
		t.Run("X-13 "+row.what, func(t *testing.T) {
			c := connect(t)
			ch := channelOn(t, c)
			x := name(t, "x")
			must(t, ch.ExchangeDeclare(x, row.first.kind, row.first.durable, row.first.autoDelete, row.first.internal, false, row.first.args))
			defer func() { _ = channelOn(t, c).ExchangeDelete(x, false, false) }()
			err := ch.ExchangeDeclare(x, row.again.kind, row.again.durable, row.again.autoDelete, row.again.internal, false, row.again.args)
			if row.text == "" {
				must(t, err)
				return
			}
			refused(t, err, 406, "PRECONDITION_FAILED - "+fmt.Sprintf(row.text, x))
			alive(t, c)
		})
	}
}

// passive finds or does not.
func TestX13_PassiveDeclare(t *testing.T) {
	c := connect(t)
	x, missing := exchange(t, "headers"), name(t, "missing")
	must(t, channelOn(t, c).ExchangeDeclarePassive(x, "headers", false, false, false, false, nil))
	err := channelOn(t, c).ExchangeDeclarePassive(missing, "direct", false, false, false, false, nil)
	refused(t, err, 404, fmt.Sprintf("NOT_FOUND - no exchange '%s' in vhost '/'", missing))
	alive(t, c)
}
