package flow

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// filled declares a queue with messages "0", "1", ...
func filled(t testing.TB, ch *amqp.Channel, n int) string {
	t.Helper()
	q := queue(t, ch, "q")
	for i := range n {
		publish(t, ch, "", q, fmt.Sprint(i))
	}
	ready(t, ch, q, n) // before anybody looks from another channel, whose methods no publish here is ordered with
	return q
}

func getUnacked(t testing.TB, ch *amqp.Channel, queue, body string, redelivered bool) amqp.Delivery {
	t.Helper()
	d, ok, err := ch.Get(queue, false)
	must(t, err)
	if !ok || string(d.Body) != body || d.Redelivered != redelivered {
		t.Fatalf("got %v %q redelivered %v, not %q %v", ok, d.Body, d.Redelivered, body, redelivered)
	}
	return d
}

// P-47: get-ok tells where the message came from and how many are left.
func TestP47_Get(t *testing.T) {
	ch := channel(t)
	q := queue(t, ch, "q")
	x := exchange(t, "topic")
	bind(t, ch, q, "a.#", x, nil)
	if _, ok, err := ch.Get(q, true); ok || err != nil {
		t.Fatalf("an empty queue gave %v, %v", ok, err)
	}
	publish(t, ch, x, "a.b", "1")
	publish(t, ch, x, "a.c", "2")
	d, ok, err := ch.Get(q, true)
	if err != nil || !ok || d.Exchange != x || d.RoutingKey != "a.b" || d.MessageCount != 1 || d.Redelivered {
		t.Fatalf("%v %+v", err, d)
	}
	getUnacked(t, ch, q, "2", false)
	missing := name(t, "missing")
	_, _, err = ch.Get(missing, true)
	refused(t, err, 404, fmt.Sprintf("NOT_FOUND - no queue '%s' in vhost '/'", missing))
}

// P-48: what is not outstanding on this channel cannot be settled.
func TestP48_UnknownDeliveryTag(t *testing.T) {
	for _, row := range []struct {
		what    string
		provoke func(t *testing.T, c *amqp.Connection, ch *amqp.Channel, q string) error
		tag     int
	}{
		{"ack twice", func(t *testing.T, c *amqp.Connection, ch *amqp.Channel, q string) error {
			must(t, getUnacked(t, ch, q, "0", false).Ack(false))
			return ch.Ack(1, false)
		}, 1},
		{"ack of the future", func(t *testing.T, c *amqp.Connection, ch *amqp.Channel, q string) error { return ch.Ack(7, false) }, 7},
		{"multiple of the future", func(t *testing.T, c *amqp.Connection, ch *amqp.Channel, q string) error { return ch.Ack(7, true) }, 7},
		{"tag 0 alone", func(t *testing.T, c *amqp.Connection, ch *amqp.Channel, q string) error {
			getUnacked(t, ch, q, "0", false)
			return ch.Ack(0, false)
		}, 0},
		{"nack twice", func(t *testing.T, c *amqp.Connection, ch *amqp.Channel, q string) error {
			must(t, getUnacked(t, ch, q, "0", false).Nack(false, false))
			return ch.Nack(1, false, true)
		}, 1},
		{"reject of the future", func(t *testing.T, c *amqp.Connection, ch *amqp.Channel, q string) error { return ch.Reject(9, true) }, 9},
		{"ack of what needs none", func(t *testing.T, c *amqp.Connection, ch *amqp.Channel, q string) error {
			d, _, err := ch.Get(q, true)
			must(t, err)
			return ch.Ack(d.DeliveryTag, false)
		}, 1},
		{"ack on another channel", func(t *testing.T, c *amqp.Connection, ch *amqp.Channel, q string) error {
			getUnacked(t, channelOn(t, c), q, "0", false)
			return ch.Ack(1, false)
		}, 1},
	} {
		t.Run(row.what, func(t *testing.T) {
			c := connect(t)
			ch := channelOn(t, c)
			q := filled(t, ch, 3)
			e := closes(t, ch, func() { must(t, row.provoke(t, c, ch, q)) })
			if want := fmt.Sprintf("PRECONDITION_FAILED - unknown delivery tag %d", row.tag); e.Code != 406 || e.Reason != want {
				t.Fatalf("got %d %s, not %s", e.Code, e.Reason, want)
			}
			alive(t, c)
			// P-22: the queue goes on.
			after := channelOn(t, c)
			for _, body := range getAll(t, after, q) {
				if body == "2" {
					return
				}
			}
			t.Fatal("the queue has lost its last message")
		})
	}
}

// P-48: multiple settles all up to the tag; multiple with tag 0 settles all.
func TestP48_Multiple(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	q := filled(t, ch, 10)
	for i := range 10 {
		getUnacked(t, ch, q, fmt.Sprint(i), false)
	}
	must(t, ch.Ack(2, false))
	must(t, ch.Ack(4, true))        // 1, 3, 4
	must(t, ch.Nack(6, true, true)) // 5, 6 go back
	if got := getAll(t, ch, q); fmt.Sprint(got) != "[4 5]" {
		t.Fatalf("requeued: %v", got)
	}
	must(t, ch.Nack(0, true, true)) // 7 to 10
	must(t, ch.Ack(0, true))        // nothing is outstanding: no error
	if got := getAll(t, ch, q); fmt.Sprint(got) != "[6 7 8 9]" {
		t.Fatalf("requeued: %v", got)
	}
}

// P-50, Q-22, Q-23: what is requeued goes to where it was, and says redelivered from then on.
func TestP50_RequeuePosition(t *testing.T) {
	ch := channel(t)
	q := filled(t, ch, 5)
	first := getUnacked(t, ch, q, "0", false)
	second := getUnacked(t, ch, q, "1", false)
	third := getUnacked(t, ch, q, "2", false)
	must(t, third.Nack(false, true))
	must(t, first.Reject(true))
	again := getUnacked(t, ch, q, "0", true)
	must(t, second.Nack(false, true))
	getUnacked(t, ch, q, "1", true)
	getUnacked(t, ch, q, "2", true)
	getUnacked(t, ch, q, "3", false)
	must(t, again.Reject(false)) // gone
	must(t, ch.Nack(0, true, true))
	if got := getAll(t, ch, q); fmt.Sprint(got) != "[1 2 3 4]" {
		t.Fatalf("left: %v", got)
	}
}

// P-50, P-22: the end of a channel requeues all it had, the end of a connection as well; both in order.
func TestP50_CloseRequeues(t *testing.T) {
	keeper := channel(t)
	q := openQueue(t, "q")
	for i := range 6 {
		publish(t, keeper, "", q, fmt.Sprint(i))
	}
	c := connect(t)
	ch := channelOn(t, c)
	getUnacked(t, ch, q, "0", false)
	deliveries := consume(t, ch, q, false)
	for range 5 {
		next(t, deliveries, "delivery")
	}
	must(t, ch.Close())
	ready(t, keeper, q, 6)
	if _, consumers := counts(t, keeper, q); consumers != 0 {
		t.Fatalf("%d consumers after the channel's end", consumers)
	}
	ch = channelOn(t, c)
	getUnacked(t, ch, q, "0", true)
	must(t, c.Close())
	for i := range 6 {
		getUnacked(t, keeper, q, fmt.Sprint(i), true)
	}
}

// P-51: recover requeues what the channel has.
func TestP51_Recover(t *testing.T) {
	ch := channel(t)
	q := filled(t, ch, 3)
	getUnacked(t, ch, q, "0", false)
	getUnacked(t, ch, q, "1", false)
	//lint:ignore SA1019 deprecated, and still a method that must work
	must(t, ch.Recover(true))
	for i, redelivered := range []bool{true, true, false} {
		getUnacked(t, ch, q, fmt.Sprint(i), redelivered)
	}
}

// declare-ok counts what is ready, not what is unacked.
func TestQ24_DeclareCountsReady(t *testing.T) {
	ch := channel(t)
	q := filled(t, ch, 3)
	d := getUnacked(t, ch, q, "0", false)
	ready(t, ch, q, 2)
	must(t, d.Nack(false, true))
	ready(t, ch, q, 3)
}
