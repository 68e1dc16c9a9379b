package flow

import (
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// 3.1: one declare for each cell of the table whose answer does not depend on a feature that is to come.
func TestQueueArguments(t *testing.T) {
	invalid := func(arg, why string) string { return "invalid arg '" + arg + "' for queue '%s' in vhost '/': " + why }
	otherType := func(arg, kind string) string {
		return "invalid arg '" + arg + "' for queue '%s' in vhost '/' of queue type rabbit_" + kind + "_queue"
	}
	for _, row := range []struct {
		args amqp.Table
		code int // 0: it is declared
		text string
	}{
		{amqp.Table{"x-something": "else"}, 0, ""},
		{amqp.Table{"x-queue-type": "classic"}, 0, ""},
		{amqp.Table{"x-queue-type": "foo"}, 406, invalid("x-queue-type", "unsupported queue type 'foo'")},
		{amqp.Table{"x-message-ttl": int32(-1)}, 406, invalid("x-message-ttl", "{value_negative,-1}")},
		{amqp.Table{"x-message-ttl": "1"}, 406, invalid("x-message-ttl", `"expected integer, got longstr"`)},
		{amqp.Table{"x-expires": int32(0)}, 406, invalid("x-expires", "{value_zero,0}")},
		{amqp.Table{"x-dead-letter-routing-key": "k"}, 406, invalid("x-dead-letter-routing-key", "routing_key_but_no_dlx_defined")},
		{amqp.Table{"x-dead-letter-exchange": int32(1)}, 406, "invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue '%s' in vhost '/'"},
		{amqp.Table{"x-max-length": int32(-1)}, 406, invalid("x-max-length", "{value_negative,-1}")},
		{amqp.Table{"x-max-length-bytes": int64(-1)}, 406, invalid("x-max-length-bytes", "{value_negative,-1}")},
		{amqp.Table{"x-overflow": "never"}, 406, invalid("x-overflow", "invalid_overflow")},
		{amqp.Table{"x-max-priority": int32(256)}, 406, invalid("x-max-priority", "{max_value_exceeded,256}")},
		{amqp.Table{"x-max-priority": int32(5), "x-queue-type": "quorum"}, 406, otherType("x-max-priority", "quorum")},
		{amqp.Table{"x-single-active-consumer": true}, 0, ""},
		{amqp.Table{"x-single-active-consumer": int32(1)}, 406, invalid("x-single-active-consumer", "{unacceptable_type,signedint}")},
		{amqp.Table{"x-queue-mode": "lazy"}, 0, ""},
		{amqp.Table{"x-queue-mode": "lazy", "x-queue-type": "stream"}, 406, otherType("x-queue-mode", "stream")},
		{amqp.Table{"x-queue-version": int32(2)}, 0, ""},
		{amqp.Table{"x-queue-version": int32(1)}, 406, invalid("x-queue-version", `"unsupported queue version 1"`)},
		{amqp.Table{"x-queue-leader-locator": "balanced"}, 0, ""},
		{amqp.Table{"x-queue-leader-locator": "moon"}, 406, invalid("x-queue-leader-locator", "invalid_queue_locator_arg")},
		{amqp.Table{"x-delivery-limit": int32(3)}, 406, otherType("x-delivery-limit", "classic")},
		{amqp.Table{"x-max-age": "1h"}, 406, otherType("x-max-age", "classic")},
		{amqp.Table{"x-dead-letter-strategy": "at-most-once"}, 406, otherType("x-dead-letter-strategy", "classic")},
	} {
		t.Run("3.1 "+strings.TrimPrefix(fmt.Sprint(row.args), "map"), func(t *testing.T) {
			c := connect(t)
			q := name(t, "q")
			_, err := channelOn(t, c).QueueDeclare(q, true, false, true, false, row.args)
			if row.code == 0 {
				must(t, err)
				return
			}
			refused(t, err, row.code, fmt.Sprintf("PRECONDITION_FAILED - "+row.text, q))
			alive(t, c)
		})
	}
	t.Run("3.1 x-queue-master-locator is denied", func(t *testing.T) {
		c := connect(t)
		closed := c.NotifyClose(make(chan *amqp.Error, 1))
		_, err := channelOn(t, c).QueueDeclare(name(t, "q"), true, false, true, false, amqp.Table{"x-queue-master-locator": "min-masters"})
		e := amqpError(t, err)
		if e.Code != 541 || !strings.HasPrefix(e.Reason, "INTERNAL_ERROR - Feature `queue_master_locator` is deprecated.\n") {
			t.Fatalf("got %d %s", e.Code, e.Reason)
		}
		next(t, closed, "connection close")
	})
}
