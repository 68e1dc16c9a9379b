package flow

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// declareWith makes a queue of the test's own with arguments.
func declareWith(t *testing.T, ch *amqp.Channel, args amqp.Table) string {
	t.Helper()
	q := name(t, "q")
	_, err := ch.QueueDeclare(q, false, false, false, false, args)
	must(t, err)
	t.Cleanup(func() { _, _ = channel(t).QueueDelete(q, false, false, false) })
	return q
}

func send(t *testing.T, ch *amqp.Channel, key string, m amqp.Publishing) {
	t.Helper()
	must(t, ch.PublishWithContext(context.Background(), "", key, false, false, m))
}

// becomes waits until as many messages are ready.
func becomes(t *testing.T, ch *amqp.Channel, q string, want int) {
	t.Helper()
	broker.Eventually(t, 10*time.Second, fmt.Sprintf("%d messages are ready in %s", want, q), func() (bool, any) {
		got, _ := counts(t, ch, q)
		return got == want, got
	})
}

func fill(t *testing.T, ch *amqp.Channel, q string, n int) {
	t.Helper()
	for i := range n {
		publish(t, ch, "", q, strconv.Itoa(i))
	}
}

// P-32: the expiration property is milliseconds.
func TestP32_Expiration(t *testing.T) {
	for text, why := range map[string]string{
		"abc": "no_integer", "-1": "{value_negative,-1}", "10s": `{leftover_string,"s"}`, "315360000001": "{value_too_big,315360000001}",
	} {
		t.Run("P-32 "+text, func(t *testing.T) {
			c := connect(t)
			ch := channelOn(t, c)
			e := closes(t, ch, func() { send(t, ch, "nowhere", amqp.Publishing{Expiration: text}) })
			if want := fmt.Sprintf("PRECONDITION_FAILED - invalid expiration '%s': %s", text, why); e.Code != 406 || e.Reason != want {
				t.Errorf("%d %s, want %s", e.Code, e.Reason, want)
			}
			alive(t, c)
		})
	}
	t.Run("P-32 good ones are kept", func(t *testing.T) {
		ch := channel(t)
		q := declareWith(t, ch, nil)
		send(t, ch, q, amqp.Publishing{Expiration: "315360000000"})
		d, ok, err := ch.Get(q, true)
		must(t, err)
		if !ok || d.Expiration != "315360000000" {
			t.Errorf("%v %q", ok, d.Expiration)
		}
	})
}

// times to live.
func TestQ08_Q09_TTL(t *testing.T) {
	t.Run("Q-08 per queue", func(t *testing.T) {
		ch := channel(t)
		q := declareWith(t, ch, amqp.Table{"x-message-ttl": int32(60)})
		fill(t, ch, q, 3)
		becomes(t, ch, q, 0)
	})
	t.Run("Q-08 0 is at once or never", func(t *testing.T) {
		ch := channel(t)
		q := declareWith(t, ch, amqp.Table{"x-message-ttl": int32(0)})
		publish(t, ch, "", q, "never")
		if got := getAll(t, ch, q); len(got) > 0 {
			t.Errorf("got %v", got)
		}
		d := consume(t, ch, q, true)
		publish(t, ch, "", q, "at once")
		if got := next(t, d, "delivery"); string(got.Body) != "at once" {
			t.Errorf("got %s", got.Body)
		}
	})
	t.Run("Q-08 what is requeued expires when it would have", func(t *testing.T) {
		ch := channel(t)
		q := declareWith(t, ch, amqp.Table{"x-message-ttl": int32(150)})
		start := time.Now()
		publish(t, ch, "", q, "m")
		d, ok, err := ch.Get(q, false)
		must(t, err)
		if !ok {
			t.Skip("the machine is too slow to get it in time")
		}
		must(t, d.Nack(false, true))
		becomes(t, ch, q, 0)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
	t.Run("Q-09 only at the head", func(t *testing.T) {
		ch := channel(t)
		q := declareWith(t, ch, nil)
		send(t, ch, q, amqp.Publishing{Body: []byte("long"), Expiration: "60000"})
		send(t, ch, q, amqp.Publishing{Body: []byte("short"), Expiration: "1"})
		send(t, ch, q, amqp.Publishing{Body: []byte("none")})
		for start := time.Now(); time.Since(start) < 20*time.Millisecond; {
			ready(t, ch, q, 3)
		}
		if got := get(t, ch, q); got != "long" {
			t.Errorf("first %s", got)
		}
		if got := getAll(t, ch, q); !slices.Equal(got, []string{"none"}) {
			t.Errorf("then %v", got)
		}
	})
}

// a queue that nobody uses goes.
func TestQ10_Expires(t *testing.T) {
	t.Run("Q-10 without use", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		q := declareWith(t, ch, amqp.Table{"x-expires": int32(100)})
		publish(t, ch, "", q, "goes with it")
		d := consume(t, ch, q, true)
		next(t, d, "delivery")
		for start := time.Now(); time.Since(start) < 250*time.Millisecond; { // with a consumer it stays
			publish(t, ch, "", q, "m")
			next(t, d, "delivery")
		}
		_, consumers := counts(t, ch, q)
		if consumers != 1 {
			t.Errorf("%d consumers", consumers)
		}
		must(t, ch.Close())
		// To look at it by name is use. The list is not.
		broker.Eventually(t, 10*time.Second, "the queue is gone", func() (bool, any) {
			rows := broker.Rows[struct{ Name string }](t, broker.Shared(t), "list_queues", "name")
			return !slices.ContainsFunc(rows, func(r struct{ Name string }) bool { return r.Name == q }), nil
		})
		_, err := channelOn(t, c).QueueDeclarePassive(q, false, false, false, false, nil)
		refused(t, err, 404, fmt.Sprintf("NOT_FOUND - no queue '%s' in vhost '/'", q))
	})
}

// bounds.
func TestQ15_A16_MaxLength(t *testing.T) {
	t.Run("Q-15 drop-head", func(t *testing.T) {
		ch := channel(t)
		q := declareWith(t, ch, amqp.Table{"x-max-length": int32(5)})
		fill(t, ch, q, 10)
		if got := getAll(t, ch, q); !slices.Equal(got, []string{"5", "6", "7", "8", "9"}) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("Q-15 bytes of bodies", func(t *testing.T) {
		ch := channel(t)
		q := declareWith(t, ch, amqp.Table{"x-max-length-bytes": int32(3), "x-max-length": int32(100)})
		fill(t, ch, q, 10)
		if got := getAll(t, ch, q); !slices.Equal(got, []string{"7", "8", "9"}) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("Q-15 unacknowledged messages do not count", func(t *testing.T) {
		ch := channel(t)
		q := declareWith(t, ch, amqp.Table{"x-max-length": int32(1)})
		fill(t, ch, q, 1)
		d, _, err := ch.Get(q, false)
		must(t, err)
		fill(t, ch, q, 1)
		ready(t, ch, q, 1)
		must(t, d.Nack(false, true)) // the oldest goes again
		ready(t, ch, q, 1)
	})
	t.Run("A-16 Q-15 reject-publish", func(t *testing.T) {
		ch := channel(t)
		q := declareWith(t, ch, amqp.Table{"x-max-length": int32(2), "x-overflow": "reject-publish"})
		confirms := confirming(t, ch, 10)
		fill(t, ch, q, 5)
		for range 5 {
			if c := next(t, confirms, "confirm"); c.Ack != (c.DeliveryTag <= 2) {
				t.Errorf("%+v", c)
			}
		}
		if got := getAll(t, ch, q); !slices.Equal(got, []string{"0", "1"}) {
			t.Errorf("got %v", got)
		}
		fill(t, ch, q, 1)
		if c := next(t, confirms, "confirm"); !c.Ack {
			t.Error("there is room again")
		}
	})
}

// priorities.
func TestQ16_Priority(t *testing.T) {
	t.Run("Q-16 the highest first, the oldest first among equals", func(t *testing.T) {
		ch := channel(t)
		q := declareWith(t, ch, amqp.Table{"x-max-priority": int32(5)})
		for i, p := range []uint8{0, 2, 9, 5, 2, 0} {
			send(t, ch, q, amqp.Publishing{Priority: p, Body: []byte(strconv.Itoa(i))})
		}
		if got := getAll(t, ch, q); !slices.Equal(got, []string{"2", "3", "1", "4", "0", "5"}) {
			t.Errorf("got %v", got)
		}
	})
	t.Run("Q-16 what is requeued goes back to its place", func(t *testing.T) {
		ch := channel(t)
		q := declareWith(t, ch, amqp.Table{"x-max-priority": int32(255)})
		for i, p := range []uint8{1, 255, 1} {
			send(t, ch, q, amqp.Publishing{Priority: p, Body: []byte(strconv.Itoa(i))})
		}
		for range 3 {
			_, _, err := ch.Get(q, false)
			must(t, err)
		}
		must(t, ch.Nack(0, true, true))
		if got := getAll(t, ch, q); !slices.Equal(got, []string{"1", "0", "2"}) {
			t.Errorf("got %v", got)
		}
	})
}
