package flow

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

const replyTo = "amq.rabbitmq.reply-to"

// replies consumes from the pseudo queue of replies.
func replies(t *testing.T, ch *amqp.Channel) <-chan amqp.Delivery {
	t.Helper()
	d, err := ch.Consume(replyTo, name(t, "replies"), true, true, false, false, nil) // exclusive means nothing here
	must(t, err)
	return d
}

// request asks for a reply, and returns what it says there to answer to.
func request(t *testing.T, ch *amqp.Channel, responder *amqp.Channel, q, body string) amqp.Delivery {
	t.Helper()
	must(t, ch.Publish("", q, true, false, amqp.Publishing{
		ReplyTo: replyTo, CorrelationId: body, Headers: amqp.Table{"z": "1", "a": int32(2)}, ContentType: "text/plain", Body: []byte(body),
	}))
	var d amqp.Delivery
	broker.Eventually(t, patience, "the request is there", func() (ok bool, _ any) {
		var err error
		d, ok, err = responder.Get(q, true)
		return ok, err
	})
	return d
}

// P-38: direct reply-to.
func TestP38_DirectReplyTo(t *testing.T) {
	t.Run("P-38 request and reply over two connections", func(t *testing.T) {
		q := openQueue(t, "requests")
		ch, responder := channel(t), channel(t)
		back := replies(t, ch)
		var token string
		for i := range 3 {
			d := request(t, ch, responder, q, fmt.Sprint(i))
			if !regexp.MustCompile(`^amq\.rabbitmq\.reply-to\.[A-Za-z0-9_.=-]+$`).MatchString(d.ReplyTo) || token != "" && token != d.ReplyTo {
				t.Fatalf("reply to %q, before %q", d.ReplyTo, token)
			}
			token = d.ReplyTo
			if d.CorrelationId != fmt.Sprint(i) || d.ContentType != "text/plain" || d.Headers["a"] != int32(2) || d.Headers["z"] != "1" {
				t.Fatalf("the request is %+v", d)
			}
			must(t, responder.Publish("", d.ReplyTo, true, false, amqp.Publishing{CorrelationId: d.CorrelationId, Body: []byte("answer " + d.CorrelationId)}))
			if got := next(t, back, "reply"); string(got.Body) != fmt.Sprint("answer ", i) || got.CorrelationId != fmt.Sprint(i) || got.RoutingKey != token {
				t.Fatalf("the reply is %+v", got)
			}
		}
		other := channel(t)
		replies(t, other)
		if other := request(t, other, responder, q, "no"); other.ReplyTo == token {
			t.Fatal("a channel has another's token")
		}
	})
	t.Run("P-38 other reply-to stays as it is", func(t *testing.T) {
		ch := channel(t)
		q := queue(t, ch, "q")
		must(t, ch.Publish("", q, false, false, amqp.Publishing{ReplyTo: "mine"}))
		if d := getUnacked(t, ch, q, "", false); d.ReplyTo != "mine" {
			t.Fatalf("reply to %q", d.ReplyTo)
		}
	})
	t.Run("P-38 reply consumer cannot acknowledge", func(t *testing.T) {
		c := connect(t)
		_, err := channelOn(t, c).Consume(replyTo, "", false, false, false, false, nil)
		refused(t, err, 406, "PRECONDITION_FAILED - reply consumer cannot acknowledge")
		alive(t, c)
	})
	t.Run("P-38 reply consumer already set", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		replies(t, ch)
		replies(t, channelOn(t, c)) // every channel has one of its own
		_, err := ch.Consume(replyTo, "again", true, false, false, false, nil)
		refused(t, err, 406, "PRECONDITION_FAILED - reply consumer already set")
		alive(t, c)
	})
	t.Run("P-38 reply consumer that was cancelled", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		_, err := ch.Consume(replyTo, "tag", true, false, false, false, nil)
		must(t, err)
		must(t, ch.Cancel("tag", false))
		replies(t, ch)
		alive(t, c)
	})
	t.Run("P-38 fast reply consumer does not exist", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		q := queue(t, ch, "q")
		e := closes(t, ch, func() {
			publish(t, ch, "", q, "before")
			must(t, ch.Publish("", q, false, false, amqp.Publishing{ReplyTo: replyTo}))
		})
		refused(t, e, 406, "PRECONDITION_FAILED - fast reply consumer does not exist")
		if got := getAll(t, channelOn(t, c), q); len(got) != 1 || got[0] != "before" {
			t.Fatalf("published before: %v", got)
		}
	})
	t.Run("P-38 passive declare tells whether somebody waits", func(t *testing.T) {
		q := openQueue(t, "requests")
		c := connect(t)
		ch, responder := channelOn(t, c), channel(t)
		replies(t, ch)
		token := request(t, ch, responder, q, "1").ReplyTo
		for _, there := range []string{token, replyTo} {
			if ready, consumers := counts(t, responder, there); ready != 0 || consumers != 1 {
				t.Fatalf("%s has %d messages and %d consumers", there, ready, consumers)
			}
		}
		must(t, ch.Close())
		_, err := channelOn(t, c).QueueDeclarePassive(token, false, false, false, false, nil)
		refused(t, err, 404, notFound(token))
		_, err = channelOn(t, c).QueueDeclarePassive(replyTo+".nobody", false, false, false, false, nil)
		refused(t, err, 404, notFound(replyTo+".nobody"))
		alive(t, c)
	})
	t.Run("P-38 the reply to who is gone is dropped, confirmed and not returned", func(t *testing.T) {
		q := openQueue(t, "requests")
		c := connect(t)
		ch, responder := channelOn(t, c), channel(t)
		replies(t, ch)
		token := request(t, ch, responder, q, "1").ReplyTo
		must(t, ch.Close())
		returns := responder.NotifyReturn(make(chan amqp.Return, 2))
		confirms := confirming(t, responder, 2)
		must(t, responder.Publish("", token, true, false, amqp.Publishing{Body: []byte("late")}))
		acked(t, confirms, 1)
		must(t, responder.Publish("", replyTo, true, false, amqp.Publishing{Body: []byte("no token")}))
		if r := next(t, returns, "return"); string(r.Body) != "no token" || r.ReplyCode != 312 {
			t.Fatalf("returned %+v", r)
		}
	})
	t.Run("P-38 nobody lists the queue or uses it otherwise", func(t *testing.T) {
		q := openQueue(t, "requests")
		c := connect(t)
		ch, responder := channelOn(t, c), channel(t)
		back := replies(t, ch)
		token := request(t, ch, responder, q, "1").ReplyTo
		if b := broker.Shared(t); b.Own() {
			for _, list := range []string{"list_queues", "list_bindings", "list_consumers"} {
				if out := b.Ctl(t, list); strings.Contains(string(out), replyTo) {
					t.Errorf("%s:\n%s", list, out)
				}
			}
		}
		for _, c := range []*amqp.Connection{c, connect(t)} {
			_, err := channelOn(t, c).Consume(token, "", true, false, false, false, nil)
			refused(t, err, 404, notFound(token))
			_, err = channelOn(t, c).QueuePurge(token, false)
			refused(t, err, 404, notFound(token))
			if n, err := channelOn(t, c).QueueDelete(token, false, false, false); n != 0 || err != nil {
				t.Fatalf("deleted %d, %v", n, err)
			}
			alive(t, c)
		}
		publish(t, responder, "", token, "still there")
		if d := next(t, back, "reply"); string(d.Body) != "still there" {
			t.Fatalf("got %q", d.Body)
		}
	})
	t.Run("P-38 over crashes of channel, connection, queue, exchange and vhost", func(t *testing.T) {
		b := broker.Start(t, broker.Set("chaos.enabled", "true"))
		ch, responder := channelOn(t, connectTo(t, b.URI())), channelOn(t, connectTo(t, b.URI()))
		q := name(t, "requests")
		_, err := responder.QueueDeclare(q, false, false, false, false, nil)
		must(t, err)
		back := replies(t, ch)
		for i, kind := range []string{"", "channel", "connection", "queue", "exchange", "vhost"} {
			crashed := 0
			for _, a := range b.Actors(t) {
				if a.Kind == kind {
					b.Crash(t, a.Path)
					crashed++
				}
			}
			if kind != "" && crashed == 0 {
				t.Fatalf("there is no %s", kind)
			}
			d := request(t, ch, responder, q, fmt.Sprint(i))
			must(t, responder.Publish("", d.ReplyTo, true, false, amqp.Publishing{Body: d.Body}))
			if got := next(t, back, "reply after a crash of "+kind); string(got.Body) != fmt.Sprint(i) {
				t.Fatalf("after a crash of %s: %q", kind, got.Body)
			}
		}
	})
}

// P-62: names that the server makes.
func TestP62_ServerNamed(t *testing.T) {
	for _, row := range []struct {
		what string
		args amqp.Table
		form string
		code int
	}{
		{"P-62 amq.gen", nil, `^amq\.gen-[A-Za-z0-9_-]{22}$`, 0},
		{"P-62 x-name-prefix", amqp.Table{"x-name-prefix": "mine"}, `^mine-[A-Za-z0-9_-]{22}$`, 0},
		{"P-62 x-name-prefix of 64 bytes", amqp.Table{"x-name-prefix": strings.Repeat("p", 64)}, `^p{64}-[A-Za-z0-9_-]{22}$`, 0},
		{"P-62 x-name-prefix of 65 bytes", amqp.Table{"x-name-prefix": strings.Repeat("p", 65)},
			"^PRECONDITION_FAILED - Queue name prefix 'p{65}' exceeds the 64-byte limit$", 406},
		{"P-62 quorum", amqp.Table{"x-queue-type": "quorum"}, "^PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_quorum_queue$", 406},
		{"P-62 stream", amqp.Table{"x-queue-type": "stream"}, "^PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_stream_queue$", 406},
	} {
		t.Run(row.what, func(t *testing.T) {
			c := connect(t)
			q, err := channelOn(t, c).QueueDeclare("", false, false, true, false, row.args)
			text := q.Name
			if row.code != 0 {
				e := amqpError(t, err)
				if text = e.Reason; e.Code != row.code {
					t.Fatal(e)
				}
			} else {
				must(t, err)
			}
			if !regexp.MustCompile(row.form).MatchString(text) {
				t.Fatalf("got %q", text)
			}
			alive(t, c)
		})
	}
}
