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

// P-33, X-17: who publishes what nobody takes and asks the next question has the return before its answer, even where the message has gone
// round a cycle of alternate exchanges. Clients look whether something came back when the answer is there.
func TestAReturnComesBeforeTheNextAnswer(t *testing.T) {
	t.Run("P-33 a return before the answer to the next method", func(t *testing.T) {
		ch := channel(t)
		q := queue(t, ch, "q")
		names := []string{name(t, "x"), name(t, "y"), name(t, "z")}
		for i, x := range names {
			must(t, ch.ExchangeDeclare(x, "direct", false, true, false, false, amqp.Table{"alternate-exchange": names[(i+1)%len(names)]}))
			bind(t, ch, q, x, x, nil)
		}
		returns := ch.NotifyReturn(make(chan amqp.Return, 1))
		for i := range 100 {
			for _, key := range append(names, "nobody's") {
				must(t, ch.Publish(names[0], key, true, false, amqp.Publishing{Body: []byte(key)}))
				d, found, err := ch.Get(q, true)
				must(t, err)
				returned := false
				select {
				case r := <-returns:
					returned = r.ReplyCode == 312 && r.Exchange == names[0] && r.RoutingKey == key
				default:
				}
				if routed := key != "nobody's"; found != routed || returned == routed || routed && string(d.Body) != key {
					t.Fatalf("%d: %s: found %v %q, returned %v", i, key, found, d.Body, returned)
				}
			}
		}
	})
}

// P-41, P-59: a purge counts what its channel has published a moment before, in every queue that it went to.
func TestAPurgeCountsWhatWasPublishedBefore(t *testing.T) {
	t.Run("P-59 purge counts what was published a moment before", func(t *testing.T) {
		ch := channel(t)
		x := exchange(t, "fanout")
		var queues []string
		for range 5 {
			q := queue(t, ch, "q")
			bind(t, ch, q, "", x, nil)
			queues = append(queues, q)
		}
		for i := range 100 {
			for range 5 {
				publish(t, ch, x, "", "m")
			}
			for _, q := range queues {
				if n, err := ch.QueuePurge(q, false); err != nil || n != 5 {
					t.Fatalf("%d: %s had %d messages, want 5: %v", i, q, n, err)
				}
			}
		}
	})
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
