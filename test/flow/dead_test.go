package flow

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// queueWith declares an exclusive queue with arguments.
func queueWith(t testing.TB, ch *amqp.Channel, what string, args amqp.Table) string {
	t.Helper()
	n := name(t, what)
	_, err := ch.QueueDeclare(n, false, false, true, false, args)
	must(t, err)
	return n
}

// deathsOf are the x-death entries of a delivery, without their time, which must be of now.
func deathsOf(t testing.TB, d amqp.Delivery) []amqp.Table {
	t.Helper()
	list, ok := d.Headers["x-death"].([]any)
	if !ok {
		t.Fatalf("x-death of %v", d.Headers)
	}
	var out []amqp.Table
	for _, v := range list {
		death := v.(amqp.Table)
		if at, ok := death["time"].(time.Time); !ok || time.Since(at).Abs() > time.Minute {
			t.Errorf("time %v", death["time"])
		}
		delete(death, "time")
		out = append(out, death)
	}
	return out
}

func death(count int64, reason, queue, exchange string, keys ...any) amqp.Table {
	return amqp.Table{"count": count, "reason": reason, "queue": queue, "exchange": exchange, "routing-keys": keys}
}

func with(t amqp.Table, key string, v any) amqp.Table { t[key] = v; return t }

func sameDeaths(t testing.TB, d amqp.Delivery, want ...amqp.Table) {
	t.Helper()
	if got := deathsOf(t, d); !reflect.DeepEqual(got, want) {
		t.Errorf("x-death\n%v, want\n%v", got, want)
	}
}

// what leaves a queue unconsumed goes to its dead letter exchange, and says why.
func TestQ11_DeadLetters(t *testing.T) {
	ch := channel(t)
	dlx := exchange(t, "topic")
	dead := queue(t, ch, "dead")
	bind(t, ch, dead, "#", dlx, nil)
	letters := consume(t, ch, dead, true)
	to := func(more amqp.Table) amqp.Table {
		args := amqp.Table{"x-dead-letter-exchange": dlx}
		for k, v := range more {
			args[k] = v
		}
		return args
	}
	reject := func(q string, how func(d amqp.Delivery) error) {
		d, ok, err := ch.Get(q, false)
		must(t, err)
		if !ok {
			t.Fatal("nothing to reject")
		}
		must(t, how(d))
	}
	for _, row := range []struct {
		what    string
		args    amqp.Table
		p       amqp.Publishing
		provoke func(q string)
		reason  string
		key     string // "" for the queue's name
		expired any    // original-expiration
	}{
		{what: "Q-11 rejected by basic.reject", reason: "rejected", provoke: func(q string) { reject(q, func(d amqp.Delivery) error { return d.Reject(false) }) }},
		{what: "Q-11 rejected by basic.nack", reason: "rejected", provoke: func(q string) { reject(q, func(d amqp.Delivery) error { return d.Nack(true, false) }) }},
		{what: "Q-11 expired by the queue's time to live", args: amqp.Table{"x-message-ttl": 1}, reason: "expired"},
		{what: "Q-11 expired by its own, which is removed", p: amqp.Publishing{Expiration: "1"}, reason: "expired", expired: "1"},
		{what: "Q-11 expired with a time to live of 0", args: amqp.Table{"x-message-ttl": 0}, reason: "expired"},
		{what: "Q-11 maxlen", args: amqp.Table{"x-max-length": 1}, provoke: func(q string) { publish(t, ch, "", q, "next") }, reason: "maxlen"},
		{what: "Q-11 maxlen in bytes", args: amqp.Table{"x-max-length-bytes": 8}, provoke: func(q string) { publish(t, ch, "", q, "next") }, reason: "maxlen"},
		{what: "Q-11 x-dead-letter-routing-key", args: amqp.Table{"x-message-ttl": 1, "x-dead-letter-routing-key": "other"}, reason: "expired", key: "other"},
		{
			what: "Q-12 everything else is kept", args: amqp.Table{"x-message-ttl": 1}, reason: "expired",
			p: amqp.Publishing{Headers: amqp.Table{"n": int16(1), "b": []byte{2}}, ContentType: "text", ContentEncoding: "e", DeliveryMode: 2, Priority: 3,
				CorrelationId: "c", ReplyTo: "r", MessageId: "m", Timestamp: time.Unix(1700000000, 0), Type: "t", UserId: "guest", AppId: "a"},
		},
		{what: "Q-12 a client's x-death is not interpreted", args: amqp.Table{"x-message-ttl": 1}, reason: "expired",
			p: amqp.Publishing{Headers: amqp.Table{"x-death": []any{death(5, "rejected", "q", "x", "k")}, "x-first-death-queue": "q"}}},
	} {
		t.Run(row.what, func(t *testing.T) {
			q := queueWith(t, ch, "q", to(row.args))
			row.p.Body = []byte("first")
			must(t, ch.Publish("", q, true, false, row.p))
			if row.provoke != nil {
				row.provoke(q)
			}
			d := next(t, letters, "dead letter")
			entry := death(1, row.reason, q, "", q)
			if row.expired != nil {
				entry["original-expiration"] = row.expired
			}
			sameDeaths(t, d, entry)
			for _, which := range []string{"first", "last"} {
				for what, want := range map[string]string{"queue": q, "reason": row.reason, "exchange": ""} {
					if got := d.Headers["x-"+which+"-death-"+what]; got != want {
						t.Errorf("x-%s-death-%s is %v, want %s", which, what, got, want)
					}
				}
			}
			key := row.key
			if key == "" {
				key = q
			}
			if string(d.Body) != "first" || d.Exchange != dlx || d.RoutingKey != key || d.Expiration != "" || d.Redelivered {
				t.Errorf("%+v", d)
			}
			p := row.p
			for k, v := range p.Headers {
				if k[0] != 'x' && !reflect.DeepEqual(d.Headers[k], v) {
					t.Errorf("header %s is %v, was %v", k, d.Headers[k], v)
				}
			}
			if d.ContentType != p.ContentType || d.ContentEncoding != p.ContentEncoding || d.DeliveryMode != p.DeliveryMode || d.Priority != p.Priority ||
				d.CorrelationId != p.CorrelationId || d.ReplyTo != p.ReplyTo || d.MessageId != p.MessageId || !d.Timestamp.Equal(p.Timestamp) ||
				d.Type != p.Type || d.UserId != p.UserId || d.AppId != p.AppId {
				t.Errorf("%+v, was %+v", d, p)
			}
			_, err := ch.QueueDelete(q, false, false, false)
			must(t, err)
		})
	}
}

// where dead letters go, and what is none.
func TestQ11_DeadLetterRoutes(t *testing.T) {
	ch := channel(t)
	expire := func(more amqp.Table) amqp.Table {
		more["x-message-ttl"] = 1
		return more
	}
	t.Run("Q-11 the default exchange", func(t *testing.T) {
		dead := queue(t, ch, "dead")
		q := queueWith(t, ch, "q", expire(amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}))
		letters := consume(t, ch, dead, true)
		publish(t, ch, "", q, "m")
		sameDeaths(t, next(t, letters, "dead letter"), death(1, "expired", q, "", q))
	})
	t.Run("Q-11 an internal fanout", func(t *testing.T) {
		x := name(t, "internal")
		must(t, ch.ExchangeDeclare(x, "fanout", false, true, true, false, nil))
		a, b := queue(t, ch, "a"), queue(t, ch, "b")
		bind(t, ch, a, "", x, nil)
		bind(t, ch, b, "", x, nil)
		q := queueWith(t, ch, "q", expire(amqp.Table{"x-dead-letter-exchange": x}))
		publish(t, ch, "", q, "m")
		for _, dead := range []string{a, b} {
			sameDeaths(t, next(t, consume(t, ch, dead, true), "dead letter"), death(1, "expired", q, "", q))
		}
	})
	t.Run("Q-11 those in BCC too, which nobody sees", func(t *testing.T) {
		x := exchange(t, "direct")
		a, b, none := queue(t, ch, "a"), queue(t, ch, "b"), queue(t, ch, "none")
		again := queueWith(t, ch, "again", expire(amqp.Table{"x-dead-letter-exchange": x}))
		q := queueWith(t, ch, "q", amqp.Table{"x-dead-letter-exchange": x})
		other := queueWith(t, ch, "other", expire(amqp.Table{"x-dead-letter-exchange": x, "x-dead-letter-routing-key": "other"}))
		bind(t, ch, a, q, x, nil)
		bind(t, ch, again, "hidden", x, nil)
		bind(t, ch, b, "twice", x, nil)
		bind(t, ch, none, other, x, nil)
		jobs, fromA, fromB := consume(t, ch, q, false), consume(t, ch, a, true), consume(t, ch, b, true)
		must(t, ch.Publish("", q, false, false, amqp.Publishing{Headers: amqp.Table{"BCC": []any{"hidden", "twice", other}, "n": "1"}, Body: []byte("m")}))
		d := next(t, jobs, "a job")
		seen := []amqp.Delivery{d}
		must(t, d.Reject(false))
		seen = append(seen, next(t, fromA, "by the routing key"), next(t, fromB, "by a hidden one"), next(t, fromB, "by it a second time, from again"))
		for i, d := range seen {
			if _, shown := d.Headers["BCC"]; shown || d.Headers["n"] != "1" || d.RoutingKey != q {
				t.Errorf("%d: %+v", i, d)
			}
			deaths, _ := d.Headers["x-death"].([]any)
			for _, v := range deaths {
				if keys := fmt.Sprint(v.(amqp.Table)["routing-keys"]); keys != "["+q+"]" {
					t.Errorf("%d: its history names %s", i, keys)
				}
			}
		}
		ready(t, ch, none, 2) // from q and from again, by a hidden key; the copy in other had all its keys replaced
	})
	t.Run("Q-11 all routing keys, those in CC too", func(t *testing.T) {
		x := exchange(t, "direct")
		a, b := queue(t, ch, "a"), queue(t, ch, "b")
		q := queueWith(t, ch, "q", expire(amqp.Table{"x-dead-letter-exchange": x}))
		bind(t, ch, a, q, x, nil)
		bind(t, ch, b, "more", x, nil)
		must(t, ch.Publish("", q, false, false, amqp.Publishing{Headers: amqp.Table{"CC": []any{"more"}}}))
		for _, dead := range []string{a, b} {
			sameDeaths(t, next(t, consume(t, ch, dead, true), "dead letter"), death(1, "expired", q, "", q, "more"))
		}
	})
	t.Run("Q-11 x-dead-letter-routing-key takes the place of all", func(t *testing.T) {
		x := exchange(t, "direct")
		a, b, again := queue(t, ch, "a"), queue(t, ch, "b"), queue(t, ch, "again")
		q := queueWith(t, ch, "q", expire(amqp.Table{"x-dead-letter-exchange": x, "x-dead-letter-routing-key": "only"}))
		hop := queueWith(t, ch, "hop", expire(amqp.Table{"x-dead-letter-exchange": x}))
		bind(t, ch, a, "only", x, nil)
		bind(t, ch, hop, "only", x, nil)
		bind(t, ch, b, "more", x, nil)
		bind(t, ch, again, "only", x, nil)
		must(t, ch.Publish("", q, false, false, amqp.Publishing{Headers: amqp.Table{"CC": []any{"more"}}}))
		letters := consume(t, ch, again, true)
		first := death(1, "expired", q, "", q, "more")
		letter := next(t, letters, "dead letter")
		sameDeaths(t, letter, first)
		if cc, _ := letter.Headers["CC"].([]any); len(cc) != 1 || cc[0] != "more" {
			t.Errorf("CC is %v: it led nowhere, but since RabbitMQ 3.13 it stays in the message", letter.Headers["CC"])
		}
		sameDeaths(t, next(t, letters, "dead letter of the hop"), death(1, "expired", hop, x, "only"), first)
		ready(t, ch, b, 0)
	})
	t.Run("Q-11 an exchange that is not there drops them", func(t *testing.T) {
		x := name(t, "later")
		q := queueWith(t, ch, "q", expire(amqp.Table{"x-dead-letter-exchange": x}))
		publish(t, ch, "", q, "dropped")
		broker.Eventually(t, patience, "the queue holds nothing any more", func() (bool, any) {
			for _, row := range broker.Rows[struct {
				Name  string `json:"name"`
				Bytes int64  `json:"message_bytes"`
			}](t, broker.Shared(t), "list_queues", "name", "message_bytes") {
				if row.Name == q {
					return row.Bytes == 0, row.Bytes
				}
			}
			return false, "no such queue"
		})
		dead := queue(t, ch, "dead")
		letters := consume(t, ch, dead, true)
		must(t, ch.ExchangeDeclare(x, "fanout", false, true, false, false, nil))
		bind(t, ch, dead, "", x, nil)
		publish(t, ch, "", q, "now")
		if d := next(t, letters, "dead letter"); string(d.Body) != "now" {
			t.Errorf("dead letter %s", d.Body)
		}
	})
	t.Run("Q-11 neither purge nor deletion", func(t *testing.T) {
		dead := queue(t, ch, "dead")
		letters := consume(t, ch, dead, true)
		args := amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
		purged, deleted := queueWith(t, ch, "purged", args), queueWith(t, ch, "deleted", args)
		publish(t, ch, "", purged, "purged")
		publish(t, ch, "", deleted, "deleted")
		_, err := ch.QueuePurge(purged, false)
		must(t, err)
		_, err = ch.QueueDelete(deleted, false, false, false)
		must(t, err)
		publish(t, ch, "", queueWith(t, ch, "q", expire(args)), "expired")
		if d := next(t, letters, "dead letter"); string(d.Body) != "expired" {
			t.Errorf("dead letter %s", d.Body)
		}
	})
	t.Run("Q-11 in order, and many", func(t *testing.T) {
		const n = 5000
		dead := queue(t, ch, "dead")
		q := queueWith(t, ch, "q", amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead, "x-max-length": 10})
		letters := consume(t, ch, dead, true)
		for i := range n {
			publish(t, ch, "", q, fmt.Sprint(i))
		}
		for i := range n - 10 {
			if d := next(t, letters, "dead letter"); string(d.Body) != fmt.Sprint(i) {
				t.Fatalf("dead letter %d is %s", i, d.Body)
			}
		}
	})
}

// the history over several deaths, and cycles.
func TestQ13_DeadLetterCycles(t *testing.T) {
	ch := channel(t)
	t.Run("Q-12 a retry loop counts; Q-13 a rejection lets it run", func(t *testing.T) {
		work, retry := name(t, "work"), name(t, "retry")
		for q, args := range map[string]amqp.Table{
			work:  {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": retry},
			retry: {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": work, "x-message-ttl": 1},
		} {
			_, err := ch.QueueDeclare(q, false, false, true, false, args)
			must(t, err)
		}
		jobs := consume(t, ch, work, false)
		must(t, ch.Publish("", work, false, false, amqp.Publishing{Expiration: "60000", Body: []byte("job")}))
		d := next(t, jobs, "job")
		if d.Headers != nil {
			t.Errorf("headers %v", d.Headers)
		}
		for n := int64(1); n <= 3; n++ {
			must(t, d.Reject(false))
			d = next(t, jobs, "job again")
			sameDeaths(t, d, death(n, "expired", retry, "", retry), with(death(n, "rejected", work, "", work), "original-expiration", "60000"))
			if h := d.Headers; h["x-first-death-queue"] != work || h["x-first-death-reason"] != "rejected" || h["x-last-death-queue"] != retry || h["x-last-death-reason"] != "expired" {
				t.Errorf("%v", h)
			}
		}
		// A client that publishes what it got begins anew.
		must(t, ch.Publish("", work, false, false, amqp.Publishing{Headers: d.Headers}))
		must(t, d.Ack(false))
		d = next(t, jobs, "published again")
		if !reflect.DeepEqual(d.Headers["x-last-death-queue"], retry) {
			t.Errorf("a client's headers came as %v", d.Headers)
		}
		must(t, d.Reject(false))
		d = next(t, jobs, "published again, again")
		sameDeaths(t, d, death(1, "expired", retry, "", retry), death(1, "rejected", work, "", work))
		must(t, d.Ack(false))
	})
	t.Run("Q-13 expired in a circle disappears, and goes on elsewhere", func(t *testing.T) {
		x := exchange(t, "fanout")
		q := queueWith(t, ch, "q", amqp.Table{"x-dead-letter-exchange": x, "x-message-ttl": 1})
		other := queue(t, ch, "other")
		bind(t, ch, q, "", x, nil)
		bind(t, ch, other, "", x, nil)
		letters := consume(t, ch, other, true)
		for _, body := range []string{"1", "2", "3"} {
			publish(t, ch, "", q, body)
			if d := next(t, letters, "dead letter"); string(d.Body) != body { // one that went round would be in front
				t.Errorf("dead letter %s", d.Body)
			}
		}
		ready(t, ch, q, 0)
	})
	t.Run("Q-13 a circle of two without a rejection", func(t *testing.T) {
		x := exchange(t, "direct")
		a := queueWith(t, ch, "a", amqp.Table{"x-dead-letter-exchange": x, "x-dead-letter-routing-key": "b", "x-message-ttl": 1})
		b := queueWith(t, ch, "b", amqp.Table{"x-dead-letter-exchange": x, "x-dead-letter-routing-key": "a", "x-message-ttl": 1})
		seen := queue(t, ch, "seen")
		bind(t, ch, a, "a", x, nil)
		bind(t, ch, b, "b", x, nil)
		bind(t, ch, seen, "a", x, nil)
		letters := consume(t, ch, seen, true)
		for _, body := range []string{"1", "2"} {
			publish(t, ch, x, "a", body)
			if d := next(t, letters, "as published"); string(d.Body) != body || d.Headers != nil {
				t.Errorf("%s with %v", d.Body, d.Headers)
			}
			d := next(t, letters, "dead letter")
			if string(d.Body) != body {
				t.Errorf("dead letter %s", d.Body)
			}
			sameDeaths(t, d, death(1, "expired", b, x, "b"), death(1, "expired", a, x, "a"))
		}
	})
}
