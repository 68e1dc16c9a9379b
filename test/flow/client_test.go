package flow

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// patience bounds every wait for something that must happen.
const patience = 20 * time.Second

// connect opens a connection to the shared broker and closes it with the test.
func connect(t testing.TB) *amqp.Connection {
	t.Helper()
	return connectTo(t, broker.Shared(t).URI())
}

func connectTo(t testing.TB, uri string) *amqp.Connection {
	t.Helper()
	var socket net.Conn
	c, err := amqp.DialConfig(uri, amqp.Config{Heartbeat: 30 * time.Second, Dial: func(network, addr string) (s net.Conn, err error) {
		socket, err = net.DialTimeout(network, addr, patience)
		return socket, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	// The client's calls have no deadline: a broker that does not answer one shall fail that test alone.
	const tooLong = 90 * time.Second
	cut := time.AfterFunc(tooLong, func() { socket.Close() })
	t.Cleanup(func() {
		cut.Stop()
		_ = socket.SetWriteDeadline(time.Now().Add(time.Second)) // a publisher that is blocked holds the client's lock
		_ = c.CloseDeadline(time.Now().Add(2 * time.Second))
		socket.Close()
	})
	return c
}

func channelOn(t testing.TB, c *amqp.Connection) *amqp.Channel {
	t.Helper()
	ch, err := c.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// channel is one on a connection of its own.
func channel(t testing.TB) *amqp.Channel {
	t.Helper()
	return channelOn(t, connect(t))
}

var names atomic.Int64

// name makes an entity's name that no other test has.
func name(t testing.TB, what string) string {
	test := strings.NewReplacer("/", "_", " ", "_").Replace(t.Name())
	return fmt.Sprintf("%.60s-%d-%s", test, names.Add(1), what)
}

// queue declares an exclusive queue: it is gone with its connection.
func queue(t testing.TB, ch *amqp.Channel, what string) string {
	t.Helper()
	n := name(t, what)
	_, err := ch.QueueDeclare(n, false, false, true, false, nil)
	must(t, err)
	return n
}

// openQueue declares a transient queue that other connections can use; it is deleted with the test.
func openQueue(t testing.TB, what string) string {
	t.Helper()
	n := name(t, what)
	c := connect(t)
	ch := channelOn(t, c)
	_, err := ch.QueueDeclare(n, false, false, false, false, nil)
	must(t, err)
	t.Cleanup(func() { _, _ = ch.QueueDelete(n, false, false, false) }) // the test may have deleted it, or ended the broker
	return n
}

// exchange declares a transient exchange; it is deleted with the test.
func exchange(t testing.TB, kind string) string {
	t.Helper()
	n := name(t, kind)
	ch := channel(t)
	must(t, ch.ExchangeDeclare(n, kind, false, false, false, false, nil))
	t.Cleanup(func() { _ = ch.ExchangeDelete(n, false, false) })
	return n
}

func bind(t testing.TB, ch *amqp.Channel, queue, key, exchange string, args amqp.Table) {
	t.Helper()
	must(t, ch.QueueBind(queue, key, exchange, false, args))
}

func publish(t testing.TB, ch *amqp.Channel, exchange, key, body string) {
	t.Helper()
	must(t, ch.Publish(exchange, key, false, false, amqp.Publishing{Body: []byte(body)}))
}

// consume starts a consumer whose tag is made from the test's name.
func consume(t testing.TB, ch *amqp.Channel, queue string, autoAck bool) <-chan amqp.Delivery {
	t.Helper()
	d, err := ch.Consume(queue, name(t, "tag"), autoAck, false, false, false, nil)
	must(t, err)
	return d
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// next receives one value that must come.
func next[T any](t testing.TB, from <-chan T, what string) T {
	t.Helper()
	select {
	case v, open := <-from:
		if !open {
			t.Fatalf("%s: closed", what)
		}
		return v
	case <-time.After(patience):
		t.Fatalf("%s: nothing within %v", what, patience)
	}
	panic("unreachable")
}

// get expects a message in the queue, acks it and returns its body.
func get(t testing.TB, ch *amqp.Channel, queue string) string {
	t.Helper()
	d, ok, err := ch.Get(queue, true)
	must(t, err)
	if !ok {
		t.Fatalf("queue %s is empty", queue)
	}
	return string(d.Body)
}

// getAll empties a queue by get.
func getAll(t testing.TB, ch *amqp.Channel, queue string) []string {
	t.Helper()
	var all []string
	for {
		d, ok, err := ch.Get(queue, true)
		must(t, err)
		if !ok {
			return all
		}
		all = append(all, string(d.Body))
	}
}

// counts is what a passive declare says.
func counts(t testing.TB, ch *amqp.Channel, queue string) (ready, consumers int) {
	t.Helper()
	q, err := ch.QueueDeclarePassive(queue, false, false, false, false, nil)
	must(t, err)
	return q.Messages, q.Consumers
}

// ready expects a passive declare to count want messages. RabbitMQ's queues answer a declare ahead of publishes and nacks that wait,
// so there it may take another look; Warren keeps the order of a channel.
func ready(t testing.TB, ch *amqp.Channel, queue string, want int) {
	t.Helper()
	limit := time.Duration(0)
	if !broker.Shared(t).Own() {
		limit = patience
	}
	broker.Eventually(t, limit, fmt.Sprintf("%d messages are ready in %s", want, queue), func() (bool, any) {
		got, _ := counts(t, ch, queue)
		return got == want, got
	})
}

// amqpError is the reply an operation failed with.
func amqpError(t testing.TB, err error) *amqp.Error {
	t.Helper()
	var e *amqp.Error
	if !errors.As(err, &e) {
		t.Fatalf("expected a reply code, got %v", err)
	}
	return e
}

// refused expects an operation to fail with a reply code and text.
func refused(t testing.TB, err error, code int, text string) {
	t.Helper()
	e := amqpError(t, err)
	if e.Code != code || e.Reason != text {
		t.Fatalf("got  %d %s\nwant %d %s", e.Code, e.Reason, code, text)
	}
}

// closes expects the channel to be closed by an error that no call brought.
func closes(t testing.TB, ch *amqp.Channel, provoke func()) *amqp.Error {
	t.Helper()
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	provoke()
	return next(t, closed, "channel close")
}

// alive expects a connection to be still of use.
func alive(t testing.TB, c *amqp.Connection) {
	t.Helper()
	ch := channelOn(t, c)
	q := queue(t, ch, "alive")
	publish(t, ch, "", q, "alive")
	if got := get(t, ch, q); got != "alive" {
		t.Fatalf("got %q", got)
	}
	_, err := ch.QueueDelete(q, false, false, false)
	must(t, err)
	must(t, ch.Close())
}

// confirming puts a channel in confirm mode.
func confirming(t testing.TB, ch *amqp.Channel, buffered int) <-chan amqp.Confirmation {
	t.Helper()
	must(t, ch.Confirm(false))
	return ch.NotifyPublish(make(chan amqp.Confirmation, buffered))
}

// acked expects n confirms, all positive and each tag once.
func acked(t testing.TB, confirms <-chan amqp.Confirmation, n int) {
	t.Helper()
	seen := map[uint64]bool{}
	for range n {
		c := next(t, confirms, fmt.Sprintf("confirm after %d of %d", len(seen), n))
		if !c.Ack || seen[c.DeliveryTag] {
			t.Fatalf("confirm %+v, seen before: %v", c, seen[c.DeliveryTag])
		}
		seen[c.DeliveryTag] = true
	}
}
