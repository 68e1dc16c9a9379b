package flow

import (
	"fmt"
	"slices"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// P-40: confirms and the acks of a consumer cross each other on the way; a ledger that mixes them loses some.
func TestEveryConfirmArrivesWhileAConsumerAcks(t *testing.T) {
	const n = 2000
	q := openQueue(t, "q")
	consumer := channel(t)
	deliveries := consume(t, consumer, q, false)
	done := make(chan error, 1)
	go func() {
		for range n {
			d, open := <-deliveries
			if !open {
				done <- fmt.Errorf("the deliveries ended")
				return
			}
			if err := d.Ack(false); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	publisher := channel(t)
	confirms := confirming(t, publisher, n)
	for i := range n {
		publish(t, publisher, "", q, fmt.Sprint(i))
	}
	acked(t, confirms, n)
	must(t, next(t, done, "the consumer"))
}

// P-40: nothing lingers: a confirm that is alone comes at once.
func TestOneConfirmInFlightCostsWellUnderAMillisecond(t *testing.T) {
	uri := broker.Shared(t).URI()
	if broker.RaceEnabled && broker.Shared(t).Own() {
		uri = broker.Start(t, broker.NoRace()).URI() // the figure is the plain binary's
	}
	ch := channelOn(t, connectTo(t, uri))
	q := queue(t, ch, "q")
	confirms := confirming(t, ch, 1)
	const n = 500
	took := make([]time.Duration, n)
	for i := range n {
		begin := time.Now()
		publish(t, ch, "", q, "x")
		if c := next(t, confirms, "confirm"); !c.Ack {
			t.Fatalf("%+v", c)
		}
		took[i] = time.Since(begin)
	}
	slices.Sort(took)
	t.Logf("median %v, p99 %v", took[n/2], took[n*99/100])
	if took[n/2] > time.Millisecond {
		t.Fatalf("the median is %v", took[n/2])
	}
}

// P-40: as far as one can see from outside: when the confirm is there, another connection finds the message in both queues.
func TestMessageInTwoQueuesIsConfirmedWhenBothHaveIt(t *testing.T) {
	x := exchange(t, "fanout")
	a, b := openQueue(t, "a"), openQueue(t, "b")
	other := channel(t)
	bind(t, other, a, "", x, nil)
	bind(t, other, b, "", x, nil)
	publisher := channel(t)
	confirms := confirming(t, publisher, 1)
	for i := range 300 {
		publish(t, publisher, x, "", fmt.Sprint(i))
		acked(t, confirms, 1)
		for _, q := range []string{a, b} {
			if got := get(t, other, q); got != fmt.Sprint(i) {
				t.Fatalf("queue %s has %q after confirm %d", q, got, i+1)
			}
		}
	}
}

// P-40: tags count every publish from one, routed or not; P-33: a return comes before its confirm.
func TestP33_P40_ReturnBeforeConfirm(t *testing.T) {
	ch := channel(t)
	x := exchange(t, "direct")
	q := queue(t, ch, "q")
	bind(t, ch, q, "there", x, nil)
	must(t, ch.Confirm(false))
	must(t, ch.Confirm(false)) // idempotent: the tags go on
	events := make(chan any, 1000)
	returns := ch.NotifyReturn(make(chan amqp.Return))
	confirms := ch.NotifyPublish(make(chan amqp.Confirmation))
	go func() { // unbuffered and in one goroutine: what comes first on the wire comes first here
		for returns != nil || confirms != nil {
			select {
			case r, open := <-returns:
				if !open {
					returns = nil
					continue
				}
				events <- r
			case c, open := <-confirms:
				if !open {
					confirms = nil
					continue
				}
				events <- c
			}
		}
	}()
	for i := range 100 {
		tag := uint64(3 * i)
		publish(t, ch, x, "there", "a")
		publish(t, ch, x, "nowhere", "dropped")
		must(t, ch.Publish(x, "nowhere", true, false, amqp.Publishing{Body: []byte("c"), Type: "t", Headers: amqp.Table{"h": int32(1)}}))
		returned := false
		for range 4 {
			switch e := next(t, events, "return or confirm").(type) {
			case amqp.Return:
				if e.ReplyCode != 312 || e.ReplyText != "NO_ROUTE" || e.Exchange != x || e.RoutingKey != "nowhere" || string(e.Body) != "c" || e.Type != "t" || e.Headers["h"] != int32(1) {
					t.Fatalf("returned %+v", e)
				}
				returned = true
			case amqp.Confirmation:
				if !e.Ack || e.DeliveryTag <= tag || e.DeliveryTag > tag+3 || e.DeliveryTag == tag+3 && !returned {
					t.Fatalf("confirm %+v after tag %d, returned: %v", e, tag, returned)
				}
			}
		}
	}
}
