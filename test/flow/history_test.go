package flow

import (
	"fmt"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// an exchange that gives a new binding the last messages, by bind-ok.
func TestX10_RecentHistory(t *testing.T) {
	plugin(t, "x-recent-history")
	got := func(t *testing.T, ch *amqp.Channel, q string) string {
		t.Helper()
		return strings.Join(getAll(t, ch, q), " ")
	}
	say := func(t *testing.T, ch *amqp.Channel, x string, from, to int) {
		t.Helper()
		for i := from; i <= to; i++ {
			publish(t, ch, x, "k", fmt.Sprint(i))
		}
	}
	t.Run("X-10 the last 20", func(t *testing.T) {
		ch := channel(t)
		x := exchange(t, "x-recent-history")
		say(t, ch, x, 1, 25)
		q := queue(t, ch, "q")
		bind(t, ch, q, "", x, nil)
		if got, want := got(t, ch, q), "6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25"; got != want {
			t.Errorf("got %s", got)
		}
		say(t, ch, x, 26, 27)
		bind(t, ch, q, "", x, nil) // it is bound already
		if got := got(t, ch, q); got != "26 27" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("X-10 a length, and what is not to be kept", func(t *testing.T) {
		ch := channel(t)
		x := exchangeWith(t, "x-recent-history", amqp.Table{"x-recent-history-length": int32(2)})
		say(t, ch, x, 1, 3)
		must(t, ch.Publish(x, "k", false, false, amqp.Publishing{Body: []byte("not this"), Headers: amqp.Table{"x-recent-history-no-store": true}}))
		a, b := queue(t, ch, "a"), queue(t, ch, "b")
		bind(t, ch, a, "", x, nil)
		say(t, ch, x, 4, 4)
		bind(t, ch, b, "other key", x, nil)
		if a, b := got(t, ch, a), got(t, ch, b); a != "2 3 4" || b != "3 4" {
			t.Errorf("a got %s, b got %s", a, b)
		}
	})
	t.Run("X-10 to an exchange, and through one", func(t *testing.T) {
		ch := channel(t)
		x, y, z := exchange(t, "x-recent-history"), exchange(t, "direct"), exchange(t, "fanout")
		q := queue(t, ch, "q")
		must(t, ch.Confirm(false))
		must(t, ch.ExchangeBind(x, "", z, false, nil))
		mandatory(t, ch, z, "k", nil)
		bind(t, ch, q, "k", y, nil)
		must(t, ch.ExchangeBind(y, "", x, false, nil))
		if got := got(t, ch, q); got != "k" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("X-10 properties as they came", func(t *testing.T) {
		ch := channel(t)
		x := exchange(t, "x-recent-history")
		must(t, ch.Publish(x, "key", true, false, amqp.Publishing{Body: []byte("x"), MessageId: "id", Headers: amqp.Table{"h": "1"}}))
		q := queue(t, ch, "q")
		bind(t, ch, q, "", x, nil)
		d, ok, err := ch.Get(q, true)
		must(t, err)
		if !ok || d.Exchange != x || d.RoutingKey != "key" || d.MessageId != "id" || d.Headers["h"] != "1" || d.Redelivered {
			t.Errorf("got %+v", d)
		}
	})
	t.Run("X-10 a new exchange of that name remembers nothing", func(t *testing.T) {
		ch := channel(t)
		x := exchange(t, "x-recent-history")
		say(t, ch, x, 1, 3)
		must(t, ch.ExchangeDelete(x, false, false))
		must(t, ch.ExchangeDeclare(x, "x-recent-history", false, false, false, false, nil))
		q := queue(t, ch, "q")
		bind(t, ch, q, "", x, nil)
		if got := got(t, ch, q); got != "" {
			t.Errorf("got %s", got)
		}
	})
	modern(t, "another text")
	c := connect(t)
	for what, v := range map[string]any{"0": int32(0), "-1": int64(-1), `<<"5">>`: "5"} {
		t.Run("X-10 length "+what, func(t *testing.T) {
			err := channelOn(t, c).ExchangeDeclare(name(t, "x"), "x-recent-history", false, true, false, false, amqp.Table{"x-recent-history-length": v})
			refused(t, err, 406, "PRECONDITION_FAILED - Invalid argument "+what+", 'x-recent-history-length' must be a positive integer")
		})
	}
	alive(t, c)
}

// X-10, promise 1: what an exchange remembers, and where chance has sent a message, survive the actors.
func TestX10_Crashes(t *testing.T) {
	b := broker.Start(t, broker.Set("chaos.enabled", "true"))
	crash := func(t *testing.T, kind, part string) {
		t.Helper()
		for _, a := range b.Actors(t) {
			if a.Kind == kind && strings.Contains(a.Path, part) {
				_, _ = b.TryCtl(t, "actors", "crash", a.Path) // it may be gone by now
			}
		}
	}
	t.Run("X-10 the history survives its exchange and the queue", func(t *testing.T) {
		ch := channelOn(t, connectTo(t, b.URI()))
		must(t, ch.ExchangeDeclare("history", "x-recent-history", false, false, false, false, nil))
		confirms := confirming(t, ch, 3)
		for i := range 3 {
			publish(t, ch, "history", "", fmt.Sprint(i))
		}
		acked(t, confirms, 3)
		crash(t, "exchange", "history")
		q := queue(t, ch, "q")
		bind(t, ch, q, "", "history", nil)
		crash(t, "exchange", "history")
		crash(t, "queue", "")
		if got := strings.Join(getAll(t, ch, q), " "); got != "0 1 2" {
			t.Errorf("got %s", got)
		}
	})
	t.Run("X-10 x-random sends each message to one queue, whoever crashes", func(t *testing.T) {
		const n, queues = 6000, 4
		c := connectTo(t, b.URI())
		ch, own := channelOn(t, c), channelOn(t, c)
		must(t, ch.ExchangeDeclare("random", "x-random", false, false, false, false, nil))
		var names []string
		for i := range queues {
			names = append(names, queue(t, own, fmt.Sprint(i)))
			bind(t, own, names[i], "", "random", nil)
		}
		confirms := confirming(t, ch, n)
		for i := range n {
			publish(t, ch, "random", "", fmt.Sprint(i))
			switch i % 1500 {
			case 250: // what was sent just now is on its way
				crash(t, "exchange", "random")
			case 1000:
				crash(t, "channel", "")
			case 1499:
				acked(t, confirms, 1500)
			}
		}
		seen := map[string]bool{}
		for _, q := range names {
			bodies := getAll(t, own, q)
			if len(bodies) < n/queues/2 {
				t.Errorf("%s got %d", q, len(bodies))
			}
			for _, body := range bodies {
				if seen[body] {
					t.Errorf("message %s is in two queues", body)
				}
				seen[body] = true
			}
		}
		if len(seen) != n {
			t.Errorf("%d of %d messages", len(seen), n)
		}
	})
}
