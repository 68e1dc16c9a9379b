package durable

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// Issue 3, and contract D-06: a message in N queues is on the disk about once. Each queue has it after kill -9, also when the queue
// that got it first is gone.
func TestFanOutIsStoredOnce(t *testing.T) {
	t.Run("D-06 one copy of a message in many queues", func(t *testing.T) {
		const queues, n, size = 10, 20, 100 << 10
		b := broker.Start(t)
		ch := channelOn(t, connect(t, b.URI()))
		must(t, ch.ExchangeDeclare("all", "fanout", true, false, false, false, nil))
		for i := range queues {
			name := fmt.Sprint("fan.", i)
			_, err := ch.QueueDeclare(name, true, false, false, false, nil)
			must(t, err)
			must(t, ch.QueueBind(name, "", "all", false, nil))
		}
		must(t, ch.Confirm(false))
		bodies := make([][]byte, n)
		var confirms []*amqp.DeferredConfirmation
		for i := range bodies {
			bodies[i] = bytes.Repeat(fmt.Appendf(nil, "%7d|", i), size/8)
			dc, err := ch.PublishWithDeferredConfirm("all", "", false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: bodies[i]})
			must(t, err)
			confirms = append(confirms, dc)
		}
		for _, dc := range confirms {
			if !dc.Wait() {
				t.Fatal("nacked")
			}
		}
		var s struct {
			LivingBytes int `json:"living_bytes"`
		}
		must(t, json.Unmarshal(b.Ctl(t, "journal", "status", "--formatter=json"), &s))
		if s.LivingBytes < n*size || s.LivingBytes > n*size*11/10 {
			t.Errorf("%d messages of %d bytes in %d queues take %d bytes", n, size, queues, s.LivingBytes)
		}
		_, err := ch.QueueDelete("fan.0", false, false, false)
		must(t, err)
		b.Kill(t)
		b = b.Restart(t)
		ch = channelOn(t, connect(t, b.URI()))
		for q := 1; q < queues; q++ {
			for i := range bodies {
				m, ok, err := ch.Get(fmt.Sprint("fan.", q), true)
				must(t, err)
				if !ok || !bytes.Equal(m.Body, bodies[i]) {
					t.Fatalf("fan.%d has %v %.20q for message %d", q, ok, m.Body, i)
				}
			}
		}
	})
}
