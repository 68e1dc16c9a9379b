package flow

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// K-31: a panic in an actor is not the client's business. No socket closes, nothing confirmed is
// lost, nothing comes out of order.
func TestActorCrashesUnderLoad(t *testing.T) {
	b := broker.Start(t, broker.Set("chaos.enabled", "true"))
	for _, kind := range []string{"queue", "exchange", "channel", "connection"} {
		t.Run(kind, func(t *testing.T) { newCrashLoad(t, b).run(t, kind) })
	}
}

// crashLoad is one connection that publishes with confirms on one channel and consumes with acks on another.
type crashLoad struct {
	broker          *broker.Broker
	closed          chan *amqp.Error
	publisher       *amqp.Channel
	consumer        *amqp.Channel
	queue, exchange string
	confirms        <-chan amqp.Confirmation
	deliveries      <-chan amqp.Delivery
}

const (
	crashMessages = 15_000
	crashes       = 5
	crashWindow   = 500
)

func newCrashLoad(t *testing.T, b *broker.Broker) *crashLoad {
	t.Helper()
	c := connectTo(t, b.URI())
	l := &crashLoad{broker: b, publisher: channelOn(t, c), consumer: channelOn(t, c), queue: name(t, "q"), exchange: name(t, "x")}
	// One channel for both kinds of close: whoever is first tells.
	l.closed = make(chan *amqp.Error, 3)
	forward := func(from chan *amqp.Error) {
		go func() {
			if e := <-from; e != nil {
				l.closed <- e
			}
		}()
	}
	forward(c.NotifyClose(make(chan *amqp.Error, 1)))
	forward(l.publisher.NotifyClose(make(chan *amqp.Error, 1)))
	forward(l.consumer.NotifyClose(make(chan *amqp.Error, 1)))

	_, err := l.consumer.QueueDeclare(l.queue, false, false, false, false, nil)
	must(t, err)
	must(t, l.consumer.ExchangeDeclare(l.exchange, "direct", false, false, false, false, nil))
	bind(t, l.consumer, l.queue, "k", l.exchange, nil)
	must(t, l.consumer.Qos(200, 0, false))
	l.deliveries = consume(t, l.consumer, l.queue, false)
	l.confirms = confirming(t, l.publisher, crashMessages)
	return l
}

func (l *crashLoad) run(t *testing.T, kind string) {
	published := make(chan error, 1)
	window := make(chan struct{}, crashWindow)
	go func() {
		for i := range crashMessages {
			window <- struct{}{}
			if err := l.publisher.Publish(l.exchange, "k", false, false, amqp.Publishing{Body: fmt.Appendf(nil, "%d", i)}); err != nil {
				published <- fmt.Errorf("publish %d: %w", i, err)
				return
			}
		}
		published <- nil
	}()
	received, confirmed := 0, 0
	tags := make([]bool, crashMessages+1)
	limit := time.After(3 * patience)
	for received < crashMessages || confirmed < crashMessages {
		select {
		case e := <-l.closed:
			t.Fatalf("closed by %v after %d confirms and %d deliveries", e, confirmed, received)
		case c, open := <-l.confirms:
			if !open || !c.Ack || tags[c.DeliveryTag] {
				t.Fatalf("confirm %+v, open %v", c, open)
			}
			tags[c.DeliveryTag] = true
			confirmed++
			<-window
			if confirmed%(crashMessages/(crashes+1)) == 0 && confirmed < crashMessages {
				l.crash(t, kind)
			}
		case d, open := <-l.deliveries:
			if !open {
				t.Fatal("the deliveries ended")
			}
			received += l.take(t, d, received)
		case <-limit:
			t.Fatalf("stuck after %d confirms and %d deliveries of %d", confirmed, received, crashMessages)
		}
	}
	must(t, next(t, published, "the publisher"))
	for {
		select {
		case d := <-l.deliveries:
			l.take(t, d, received) // only what says redelivered
		default:
			ready(t, l.consumer, l.queue, 0)
			return
		}
	}
}

// take acks a delivery and returns 1 for the message that was due; what came before may come again, if it says so.
func (l *crashLoad) take(t *testing.T, d amqp.Delivery, due int) int {
	t.Helper()
	var number int
	if _, err := fmt.Sscan(string(d.Body), &number); err != nil {
		t.Fatal(err)
	}
	must(t, d.Ack(false))
	switch {
	case number == due:
		return 1
	case number < due && d.Redelivered:
		return 0
	}
	t.Fatalf("message %d came when %d was due, redelivered: %v", number, due, d.Redelivered)
	return 0
}

// crash makes every actor of the kind that this load uses panic once.
func (l *crashLoad) crash(t *testing.T, kind string) {
	t.Helper()
	actors := l.broker.Actors(t)
	mine := slices.DeleteFunc(slices.Clone(actors), func(a broker.Actor) bool {
		switch kind {
		case "queue":
			return a.Kind != kind || !strings.Contains(a.Path, l.queue)
		case "exchange":
			return a.Kind != kind || !strings.Contains(a.Path, l.exchange)
		}
		return a.Kind != kind
	})
	if len(mine) == 0 {
		t.Fatalf("no actor of kind %s in the tree: %+v", kind, actors)
	}
	for _, a := range mine {
		l.broker.Crash(t, a.Path)
	}
}

// K-30, K-31: every entity is an actor of its own; the incarnation counts: a crash that is not seen to have happened proves nothing.
func TestActorCrashRestartsTheActor(t *testing.T) {
	b := broker.Start(t, broker.Set("chaos.enabled", "true"))
	ch := channelOn(t, connectTo(t, b.URI()))
	q := queueFor(t, ch)
	publish(t, ch, "", q, "before")
	find := func() broker.Actor {
		for _, a := range b.Actors(t) {
			if a.Kind == "queue" && strings.Contains(a.Path, q) {
				return a
			}
		}
		t.Fatal("the queue has no actor")
		panic("unreachable")
	}
	before := find()
	b.Crash(t, before.Path)
	broker.Eventually(t, patience, "a new incarnation", func() (bool, any) {
		now := find()
		return now.Incarnation > before.Incarnation && now.Restarts > before.Restarts, now
	})
	if got := get(t, ch, q); got != "before" {
		t.Fatalf("got %q", got)
	}
}

// Without chaos.enabled nobody can crash an actor.
func TestActorCrashNeedsItsSwitch(t *testing.T) {
	b := broker.Shared(t)
	if !b.Own() {
		t.Skip("not our broker")
	}
	if out, err := b.TryCtl(t, "actors", "crash", b.Actors(t)[0].Path); err == nil {
		t.Fatalf("crashed: %s", out)
	}
	alive(t, connect(t))
}
