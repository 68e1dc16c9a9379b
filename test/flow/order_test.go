package flow

import (
	"fmt"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// P-41: no method starts before its predecessor on the channel has taken effect: a get finds what was published a moment before.
func TestPublishThenGetFindsTheMessage(t *testing.T) {
	ch := channel(t)
	q := queue(t, ch, "q")
	x := exchange(t, "topic")
	bind(t, ch, q, "#", x, nil)
	for i := range 300 {
		body := fmt.Sprint(i)
		e, key := "", q
		if i%2 == 0 {
			e, key = x, "any.key"
		}
		publish(t, ch, e, key, body)
		if got := get(t, ch, q); got != body {
			t.Fatalf("got %q, not %q", got, body)
		}
	}
}

// The same for a bind that asks for no answer.
func TestPublishThroughANowaitBindFindsItsQueue(t *testing.T) {
	ch := channel(t)
	x := exchange(t, "direct")
	q := queue(t, ch, "q")
	for i := range 200 {
		key := fmt.Sprint("k", i)
		must(t, ch.QueueBind(q, key, x, true, nil))
		publish(t, ch, x, key, key)
		if got := get(t, ch, q); got != key {
			t.Fatalf("got %q, not %q", got, key)
		}
	}
}

// And for declares without an answer, of a queue and of an exchange.
func TestPublishThroughNowaitDeclaresFindsTheMessage(t *testing.T) {
	ch := channel(t)
	for i := range 100 {
		q, x := name(t, "q"), name(t, "x")
		_, err := ch.QueueDeclare(q, false, false, true, true, nil)
		must(t, err)
		publish(t, ch, "", q, "direct")
		must(t, ch.ExchangeDeclare(x, "fanout", false, true, false, true, nil))
		must(t, ch.ExchangeBind(x, "#", "amq.topic", true, nil))
		must(t, ch.QueueBind(q, "", x, true, nil))
		publish(t, ch, x, "", "declared")
		publish(t, ch, "amq.topic", fmt.Sprint("none.but.", i), "bound")
		got := []string{get(t, ch, q), get(t, ch, q), get(t, ch, q)}
		slices.Sort(got) // three exchanges: P-41 promises no order between them
		if want := []string{"bound", "declared", "direct"}; !slices.Equal(got, want) {
			t.Fatalf("round %d: got %q", i, got)
		}
		_, err = ch.QueueDelete(q, false, false, false) // takes the auto-delete exchange along
		must(t, err)
	}
}

// Purge, delete and a passive declare look at the queue as well.
func TestMethodsThatLookAtAQueueSeeWhatWasPublished(t *testing.T) {
	ch := channel(t)
	for range 50 {
		q := queue(t, ch, "q")
		publish(t, ch, "", q, "1")
		publish(t, ch, "", q, "2")
		ready(t, ch, q, 2)
		publish(t, ch, "", q, "3")
		if n, err := ch.QueuePurge(q, false); err != nil || n != 3 {
			t.Fatalf("purged %d of 3, %v", n, err)
		}
		publish(t, ch, "", q, "4")
		if n, err := ch.QueueDelete(q, false, false, false); err != nil || n != 1 {
			t.Fatalf("deleted %d of 1, %v", n, err)
		}
	}
}

// P-41: closing a channel right after publishes loses none of them.
func TestPublishThenCloseKeepsTheMessages(t *testing.T) {
	c := connect(t)
	reader := channelOn(t, c)
	q := queue(t, reader, "q")
	for i := range 50 {
		ch := channelOn(t, c)
		for j := range 10 {
			must(t, ch.Publish("", q, false, false, amqp.Publishing{Body: fmt.Appendf(nil, "%d.%d", i, j)}))
		}
		must(t, ch.Close())
	}
	ready(t, reader, q, 500)
}
