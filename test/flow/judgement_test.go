package flow

import (
	"encoding/binary"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// D-08, A-01: more than memory holds, published as fast as it goes with nobody consuming, and drained in order. The process never uses a
// tenth more than the high mark, and nothing is lost. This is the judgement of 20 million messages on a small scale.
func TestMemoryStaysBelowItsMark(t *testing.T) {
	const n = 150_000
	const highest = machineBytes / 5 * 2 / 10 * 11 // 40 %, and a tenth
	for _, row := range []struct {
		what    string
		durable bool
		mode    uint8
	}{
		{"D-08 A-01 transient", false, amqp.Transient},
		{"D-08 A-01 persistent", true, amqp.Persistent},
	} {
		t.Run(row.what, func(t *testing.T) {
			b := smallBroker(t)
			ch := channelOn(t, connectTo(t, b.URI()))
			q := name(t, "q")
			_, err := ch.QueueDeclare(q, row.durable, false, false, false, nil)
			must(t, err)
			peak := int64(0)
			look := func(i int) {
				if i%5000 != 0 {
					return
				}
				if peak = max(peak, b.RSS(t)); peak > highest {
					t.Fatalf("%d KiB resident at message %d, more than %d", peak>>10, i, highest>>10)
				}
			}
			body := make([]byte, kibibyte)
			for i := range n {
				binary.BigEndian.PutUint64(body, uint64(i))
				must(t, ch.Publish("", q, false, false, amqp.Publishing{DeliveryMode: row.mode, Body: body}))
				look(i)
			}
			consumer := channelOn(t, connectTo(t, b.URI()))
			must(t, consumer.Qos(1000, 0, false))
			deliveries := consume(t, consumer, q, false)
			for i := range n {
				d := next(t, deliveries, "a delivery")
				if got := binary.BigEndian.Uint64(d.Body); len(d.Body) != kibibyte || got != uint64(i) {
					t.Fatalf("got %d, not %d", got, i)
				}
				if i%100 == 99 {
					must(t, d.Ack(true))
				}
				look(i)
			}
			broker.Eventually(t, patience, "it is empty", func() (bool, any) {
				rows := broker.Rows[struct{ Messages int }](t, b, "list_queues", "messages")
				return len(rows) == 1 && rows[0].Messages == 0, rows
			})
			t.Logf("peak %d KiB of %d", peak>>10, highest>>10)
		})
	}
}
