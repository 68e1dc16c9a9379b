package flow

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// P-30: all 14 properties arrive as they were sent, by deliver and by get. The 14th, cluster-id, is none that clients can set.
func TestP30_PropertiesUnchanged(t *testing.T) {
	ch := channel(t)
	q := queue(t, ch, "q")
	sent := amqp.Publishing{
		ContentType: "text/plain", ContentEncoding: "gzip", DeliveryMode: amqp.Persistent, Priority: 7, CorrelationId: "c", ReplyTo: "r",
		MessageId: "m", Timestamp: time.Unix(1700000000, 0), Type: "t", UserId: "guest", AppId: "a", Body: []byte("body"),
		Headers: amqp.Table{
			"bool": true, "int8": int8(-1), "uint8": byte(200), "int16": int16(-2), "int32": int32(-3), "int64": int64(-4), "float": float32(0.5),
			"double": 0.25, "decimal": amqp.Decimal{Scale: 2, Value: 314}, "string": "s", "bytes": []byte{0, 1, 255}, "void": nil,
			"time": time.Unix(5, 0), "table": amqp.Table{"deep": amqp.Table{"er": int32(1)}}, "array": []any{int32(1), "two", nil},
		},
	}
	for _, by := range []string{"get", "deliver"} {
		t.Run("P-30 by "+by, func(t *testing.T) {
			must(t, ch.Publish("", q, false, false, sent))
			var d amqp.Delivery
			if by == "get" {
				var err error
				d, _, err = ch.Get(q, true)
				must(t, err)
			} else {
				d = next(t, consume(t, ch, q, true), "delivery")
			}
			got := amqp.Publishing{
				ContentType: d.ContentType, ContentEncoding: d.ContentEncoding, DeliveryMode: d.DeliveryMode, Priority: d.Priority,
				CorrelationId: d.CorrelationId, ReplyTo: d.ReplyTo, MessageId: d.MessageId, Timestamp: d.Timestamp, Type: d.Type,
				UserId: d.UserId, AppId: d.AppId, Body: d.Body, Headers: d.Headers,
			}
			if !reflect.DeepEqual(got, sent) {
				t.Fatalf("got  %+v\nwant %+v", got, sent)
			}
		})
	}
}

// P-37: who says to be somebody else closes the channel.
func TestP37_UserID(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	e := closes(t, ch, func() { must(t, ch.Publish("", "nowhere", false, false, amqp.Publishing{UserId: "other"})) })
	if want := "PRECONDITION_FAILED - user_id property set to 'other' but authenticated user was 'guest'"; e.Code != 406 || e.Reason != want {
		t.Fatalf("got %d %s", e.Code, e.Reason)
	}
	alive(t, c)
}

// P-04: clients choose their ways by product, version and capabilities.
func TestP04_ServerProperties(t *testing.T) {
	b := broker.Shared(t)
	p := connect(t).Properties
	if b.Own() && (p["product"] != "RabbitMQ" || p["version"] != "4.3.0") {
		t.Errorf("product %v, version %v", p["product"], p["version"])
	}
	for _, key := range []string{"platform", "copyright", "information", "cluster_name"} {
		if s, is := p[key].(string); !is || s == "" {
			t.Errorf("%s is %#v", key, p[key])
		}
	}
	capabilities, _ := p["capabilities"].(amqp.Table)
	for _, name := range []string{"publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify", "connection.blocked",
		"authentication_failure_close", "per_consumer_qos", "consumer_priorities"} {
		t.Run("P-04 "+name, func(t *testing.T) {
			if capabilities[name] != true {
				t.Fatalf("is %v", capabilities[name])
			}
		})
	}
}

// a queue is classic unless it says otherwise, durable or not; a type that is none is refused.
func TestQ01_Q02_QueueTypes(t *testing.T) {
	c := connect(t)
	for _, durable := range []bool{true, false} {
		t.Run(fmt.Sprintf("Q-02 durable %v", durable), func(t *testing.T) {
			ch := channelOn(t, c)
			q, err := ch.QueueDeclare(name(t, "q"), durable, false, false, false, amqp.Table{"x-queue-type": "classic"})
			must(t, err)
			publish(t, ch, "", q.Name, "x")
			if got := get(t, ch, q.Name); got != "x" {
				t.Fatalf("got %q", got)
			}
			_, err = ch.QueueDelete(q.Name, false, false, false)
			must(t, err)
		})
	}
	t.Run("Q-01 unknown type", func(t *testing.T) {
		_, err := channelOn(t, c).QueueDeclare(name(t, "q"), true, false, false, false, amqp.Table{"x-queue-type": "foo"})
		if e := amqpError(t, err); e.Code != 406 {
			t.Fatalf("got %v", e)
		}
		alive(t, c)
	})
}
