package flow

import (
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
	"golang.org/x/sync/errgroup"
)

// P-42: deliveries that are sent to a channel, and not to a consumer of it, end up with the wrong one.
func TestTwoConsumersOnOneChannelGetOnlyWhatIsTheirs(t *testing.T) {
	ch := channel(t)
	a, b := queue(t, ch, "a"), queue(t, ch, "b")
	fromA, fromB := consume(t, ch, a, false), consume(t, ch, b, false)
	publisher := channel(t)
	x := exchange(t, "direct")
	bind(t, ch, a, "a", x, nil)
	bind(t, ch, b, "b", x, nil)
	const n = 500
	for i := range n {
		publish(t, publisher, x, "a", fmt.Sprint("a", i))
		publish(t, publisher, x, "b", fmt.Sprint("b", i))
	}
	for i := range n {
		for _, from := range []struct {
			deliveries <-chan amqp.Delivery
			letter     string
		}{{fromA, "a"}, {fromB, "b"}} {
			d := next(t, from.deliveries, "delivery")
			if want := fmt.Sprint(from.letter, i); string(d.Body) != want || d.RoutingKey != from.letter {
				t.Fatalf("consumer of %s got %q, not %q", from.letter, d.Body, want)
			}
			must(t, d.Ack(false))
		}
	}
}

// P-41: fan-out to four consumers on four channels loses nothing and keeps the order in 80 000 deliveries.
func TestFanOutLosesNothing(t *testing.T) {
	const n, consumers = 20_000, 4
	x := exchange(t, "fanout")
	c := connect(t)
	var all errgroup.Group
	for i := range consumers {
		ch := channelOn(t, c)
		must(t, ch.Qos(200, 0, false))
		q := queue(t, ch, fmt.Sprint("q", i))
		bind(t, ch, q, "", x, nil)
		deliveries := consume(t, ch, q, i%2 == 0)
		all.Go(func() error { return inOrder(deliveries, n, i%2 != 0) })
	}
	publisher := channel(t)
	body := make([]byte, 64)
	for i := range uint64(n) {
		binary.BigEndian.PutUint64(body, i)
		must(t, publisher.Publish(x, "", false, false, amqp.Publishing{Body: body}))
	}
	must(t, all.Wait())
}

// inOrder consumes n messages that begin with their number.
func inOrder(deliveries <-chan amqp.Delivery, n uint64, ack bool) error {
	for i := range n {
		d, open := <-deliveries
		if !open {
			return fmt.Errorf("the deliveries ended after %d of %d", i, n)
		}
		if got := binary.BigEndian.Uint64(d.Body); got != i {
			return fmt.Errorf("message %d came as number %d", got, i)
		}
		if ack && (i%100 == 99 || i == n-1) {
			if err := d.Ack(true); err != nil {
				return errors.Join(fmt.Errorf("ack of %d", i), err)
			}
		}
	}
	return nil
}
