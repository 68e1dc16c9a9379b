package flow

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
	"warren/test/raw"
)

// machineBytes is the memory the broker is told the machine has; whatever clients do, it keeps to it.
const machineBytes = 256 << 20

func smallBroker(t *testing.T) *broker.Broker {
	t.Helper()
	return broker.Start(t, broker.NoRace(), broker.Set("total_memory_available_override_value", "256MiB"))
}

// flood is a publisher that is never told to wait: only the broker can slow it down.
type flood struct {
	sent atomic.Int64
	done chan error
}

// kibibyte is a body's size: with n of them the broker is offered n KiB.
const kibibyte = 1 << 10

func startFlood(t *testing.T, b *broker.Broker, queue string, n int) *flood {
	t.Helper()
	return startFloodOn(t, connectTo(t, b.URI()), queue, n)
}

func startFloodOn(t *testing.T, c *amqp.Connection, queue string, n int) *flood {
	t.Helper()
	ch := channelOn(t, c)
	f := &flood{done: make(chan error, 1)}
	body := bytes.Repeat([]byte("x"), kibibyte)
	go func() {
		for range n {
			if err := ch.Publish("", queue, false, false, amqp.Publishing{Body: body}); err != nil {
				f.done <- err
				return
			}
			f.sent.Add(1)
		}
		f.done <- nil
	}()
	return f
}

// settle watches the broker's memory until the flood has ended or stands still for a while.
func (f *flood) settle(t *testing.T, b *broker.Broker) {
	t.Helper()
	const still = 1500 * time.Millisecond
	ended := false
	var seen, peak int64
	since := time.Now()
	broker.Eventually(t, 60*time.Second, "the flood ends or stands still", func() (bool, any) {
		peak = max(peak, b.RSS(t))
		if peak > machineBytes {
			t.Fatalf("%d MiB resident after %d messages", peak>>20, f.sent.Load())
		}
		select {
		case err := <-f.done:
			must(t, err)
			f.done <- nil
			ended = true
		default:
		}
		if sent := f.sent.Load(); sent != seen {
			seen, since = sent, time.Now()
		}
		return ended || time.Since(since) > still, seen
	})
	t.Logf("%d messages taken, ended: %v, peak %d MiB", seen, ended, peak>>20)
}

// K-34: a publisher without a consumer: it is slowed or its messages leave the memory; nothing is lost, and a consumer sets it going again.
func TestMemoryIsBoundedWithoutAConsumer(t *testing.T) {
	const n = 350_000
	b := smallBroker(t)
	ch := channelOn(t, connectTo(t, b.URI()))
	q := queueFor(t, ch)
	f := startFlood(t, b, q, n)
	f.settle(t, b)
	consumer := channelOn(t, connectTo(t, b.URI())) // still let in
	received := 0
	for range drain(t, consumer, q, n) {
		if received++; received%10_000 == 0 && b.RSS(t) > machineBytes {
			t.Fatalf("%d MiB resident after %d deliveries", b.RSS(t)>>20, received)
		}
	}
	must(t, next(t, f.done, "the publisher"))
	if left := getAll(t, ch, q); len(left) > 0 {
		t.Fatalf("%d messages too many", len(left))
	}
}

// queueFor declares a queue that any connection may use on a broker that ends with the test.
func queueFor(t *testing.T, ch *amqp.Channel) string {
	t.Helper()
	q := name(t, "q")
	_, err := ch.QueueDeclare(q, false, false, false, false, nil)
	must(t, err)
	return q
}

// K-34: a consumer that never reads its socket holds its own window and nothing else.
func TestMemoryIsBoundedWithAConsumerThatNeverReads(t *testing.T) {
	b := smallBroker(t)
	others := connectTo(t, b.URI())
	filler := channelOn(t, others)
	q, spare := queueFor(t, filler), queueFor(t, filler)
	for i := range 100 {
		publish(t, filler, "", spare, fmt.Sprint(i))
	}
	ready(t, filler, spare, 100)
	consumer := channelOn(t, connectTo(t, b.URI())) // has never published: an alarm does not block it
	const noAck = 2
	for range 3 {
		deaf := raw.Open(t, b.Addr)
		deaf.OpenChannel(1)
		deaf.Method(1, raw.BasicConsume, raw.Fields{}.Short(0).ShortStr(q).ShortStr("deaf").Octet(noAck).Table())
	}
	startFlood(t, b, q, 30_000).settle(t, b)
	alive(t, others)
	startFlood(t, b, q, 300_000).settle(t, b)
	for i := range 100 { // whatever state the publishers are in, those who consume are served
		if got := get(t, consumer, spare); got != fmt.Sprint(i) {
			t.Fatalf("got %q, not %d", got, i)
		}
	}
}
