package flow

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// P-16, A-04, A-06: an alarm blocks connections from their next publish on, and tells them; who has published before and only looks now is
// still served. When the queue has drained, the blocked go on.
func TestP16_OnlyWhoPublishesUnderAnAlarmIsBlocked(t *testing.T) {
	const n = 350_000
	b := smallBroker(t)
	c := connectTo(t, b.URI())
	ch := channelOn(t, c)
	q, spare := queueFor(t, ch), queueFor(t, ch)
	publish(t, ch, "", spare, "before")
	ready(t, ch, spare, 1)
	publisher := connectTo(t, b.URI())
	blocked := publisher.NotifyBlocked(make(chan amqp.Blocking, 100))
	f := startFloodOn(t, publisher, q, n)
	f.settle(t, b)
	select {
	case state := <-blocked:
		if !state.Active || state.Reason != "low on memory" {
			t.Fatalf("told %+v", state)
		}
	default:
		t.Skip("the publisher was slowed without an alarm: nothing to see")
	}
	if got := get(t, ch, spare); got != "before" {
		t.Fatalf("got %q", got)
	}
	for range drain(t, channelOn(t, connectTo(t, b.URI())), q, n) {
	}
	must(t, next(t, f.done, "the publisher"))
	if state := next(t, blocked, "unblocked"); state.Active {
		t.Fatalf("told %+v", state)
	}
	alive(t, publisher)
}
