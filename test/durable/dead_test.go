package durable

import (
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

func declare(t testing.TB, ch *amqp.Channel, queue string, args amqp.Table) {
	t.Helper()
	_, err := ch.QueueDeclare(queue, true, false, false, false, args)
	must(t, err)
}

// Q-11, D-01: a dead letter that is confirmed at its first queue survives the process, wherever it is on its way. An orderly end does
// not make two of it.
func TestDeadLettersSurvive(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		end   func(*broker.Broker, testing.TB)
		twice bool // may be
	}{
		"Q-11 killed": {(*broker.Broker).Kill, true},
		"Q-11 ended":  {(*broker.Broker).Stop, false},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			random := source(t)
			b := broker.Start(t)
			ch := channelOn(t, connect(t, b.URI()))
			declare(t, ch, "dead.source", amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead.heap", "x-max-length": 20})
			declare(t, ch, "dead.heap", nil)
			confirmed, got := map[string]bool{}, map[string]int{}
			for round := range rounds(t, 4) {
				for body := range publishUntil(t, b, time.Duration(50+random.IntN(400))*time.Millisecond, round, c.end) {
					confirmed[body] = true
				}
				b = b.Restart(t)
				for body, n := range collect(t, b) {
					got[body] += n
				}
				missing := 0
				for body := range confirmed {
					if got[body] == 0 {
						missing++
					}
				}
				if missing > 0 {
					t.Fatalf("round %d: %d of %d confirmed messages are missing", round, missing, len(confirmed))
				}
			}
			again := 0
			for body, n := range got {
				if again += n - 1; n > 1 && !c.twice {
					t.Errorf("%s came %d times", body, n)
				}
			}
			t.Logf("%d confirmed, %d came again", len(confirmed), again)
		})
	}
}

// collect takes what there is in both queues, and what is still on its way between them, and says how often each came.
func collect(t *testing.T, b *broker.Broker) map[string]int {
	t.Helper()
	conn := connect(t, b.URI())
	ch := channelOn(t, conn)
	broker.Eventually(t, patience, "no dead letter is on its way", func() (bool, any) {
		for _, row := range broker.Rows[struct {
			Name     string `json:"name"`
			Messages int64  `json:"messages"`
			Dying    int64  `json:"messages_dlx"`
		}](t, b, "list_queues", "name", "messages", "messages_dlx") {
			if row.Name == "dead.source" {
				return row.Messages <= 20 && row.Dying == 0, row
			}
		}
		return false, "no such queue"
	})
	got := map[string]int{}
	for _, queue := range []string{"dead.heap", "dead.source"} {
		state, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
		must(t, err)
		deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
		must(t, err)
		for range state.Messages {
			select {
			case d := <-deliveries:
				deaths, _ := d.Headers["x-death"].([]any)
				if queue == "dead.heap" && (len(deaths) != 1 || d.Headers["x-first-death-reason"] != "maxlen") {
					t.Fatalf("%s came with %v", d.Body, d.Headers)
				}
				got[string(d.Body)]++
				must(t, d.Ack(false))
			case <-time.After(patience):
				t.Fatalf("%s delivers %d of %d", queue, len(got), state.Messages)
			}
		}
	}
	must(t, conn.Close())
	return got
}

// publishUntil publishes persistent messages for a while, and then the broker is ended. It returns those that were confirmed.
func publishUntil(t *testing.T, b *broker.Broker, moment time.Duration, round int, end func(*broker.Broker, testing.TB)) map[string]bool {
	t.Helper()
	conn := connect(t, b.URI())
	ch := channelOn(t, conn)
	must(t, ch.Confirm(false))
	over := make(chan struct{})
	time.AfterFunc(moment, func() { close(over) })
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-over
		end(b, t)
	}()
	out := map[string]bool{}
	waiting := map[string]*amqp.DeferredConfirmation{}
	for n := 0; ; n++ {
		body := fmt.Sprintf("%d.%d", round, n)
		dc, err := ch.PublishWithDeferredConfirm("", "dead.source", false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(body)})
		if err != nil {
			break
		}
		if waiting[body] = dc; len(waiting) < 300 {
			continue
		}
		for body, dc := range waiting {
			if dc.Wait() {
				out[body] = true
			}
		}
		clear(waiting)
	}
	for body, dc := range waiting {
		select {
		case <-dc.Done():
			out[body] = dc.Acked()
		case <-conn.NotifyClose(make(chan *amqp.Error, 1)):
			out[body] = dc.Acked()
		}
		if !out[body] {
			delete(out, body)
		}
	}
	<-ended
	return out
}

// what the broker knows of a message's deaths it still knows behind a restart, and does not take a client's word for it.
func TestDeathsSurvive(t *testing.T) {
	t.Parallel()
	b := broker.Start(t)
	ch := channelOn(t, connect(t, b.URI()))
	declare(t, ch, "work", amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "retry"})
	declare(t, ch, "retry", amqp.Table{"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "work", "x-message-ttl": 1})
	must(t, ch.Confirm(false))
	jobs, err := ch.Consume("work", "", false, false, false, false, nil)
	must(t, err)
	next := func(jobs <-chan amqp.Delivery) amqp.Delivery {
		select {
		case d := <-jobs:
			return d
		case <-time.After(patience):
			t.Fatal("no job")
		}
		panic("unreachable")
	}
	count := func(d amqp.Delivery, queue string) int64 {
		list, _ := d.Headers["x-death"].([]any)
		for _, v := range list {
			if death := v.(amqp.Table); death["queue"] == queue {
				return death["count"].(int64)
			}
		}
		return 0
	}
	for _, body := range []string{"mine", "client's"} {
		dc, err := ch.PublishWithDeferredConfirm("", "work", false, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: []byte(body), Headers: amqp.Table{
			"x-death": []any{amqp.Table{"queue": "work", "reason": "rejected", "count": int64(7)}}}})
		must(t, err)
		dc.Wait()
		if d := next(jobs); body == "mine" {
			must(t, d.Reject(false))
			if d = next(jobs); count(d, "work") != 1 || count(d, "retry") != 1 {
				t.Fatalf("behind one rejection: %v", d.Headers)
			}
		}
	}
	b.Stop(t) // killed, it could bring a job back from retry as well
	b = b.Restart(t)
	ch = channelOn(t, connect(t, b.URI()))
	jobs, err = ch.Consume("work", "", false, false, false, false, nil)
	must(t, err)
	for range 2 {
		must(t, next(jobs).Reject(false))
	}
	for range 2 {
		d := next(jobs)
		want := int64(1)
		if string(d.Body) == "mine" {
			want = 2
		}
		if count(d, "work") != want || count(d, "retry") != want {
			t.Errorf("%s: %v", d.Body, d.Headers)
		}
		must(t, d.Ack(false))
	}
}

// the keys that a sender hid are on disk with their message, for its dead letter, and no client sees them behind a restart either.
func TestHiddenKeysSurvive(t *testing.T) {
	t.Parallel()
	b := broker.Start(t)
	ch := channelOn(t, connect(t, b.URI()))
	declare(t, ch, "hides.source", amqp.Table{"x-dead-letter-exchange": ""})
	declare(t, ch, "hides.copy", nil)
	must(t, ch.Confirm(false))
	dc, err := ch.PublishWithDeferredConfirm("", "hides.source", false, false, amqp.Publishing{
		DeliveryMode: amqp.Persistent, Body: []byte("m"), Headers: amqp.Table{"BCC": []any{"hides.copy"}, "n": "1"}})
	must(t, err)
	dc.Wait()
	b.Kill(t)
	b = b.Restart(t)
	ch = channelOn(t, connect(t, b.URI()))
	get := func(q string) amqp.Delivery {
		t.Helper()
		var d amqp.Delivery
		broker.Eventually(t, patience, "a message in "+q, func() (ok bool, got any) {
			d, ok, err = ch.Get(q, false)
			must(t, err)
			return ok, nil
		})
		if _, shown := d.Headers["BCC"]; shown || d.Headers["n"] != "1" {
			t.Errorf("from %s: %v", q, d.Headers)
		}
		return d
	}
	must(t, get("hides.copy").Ack(false))
	must(t, get("hides.source").Reject(false))
	if deaths, _ := get("hides.copy").Headers["x-death"].([]any); len(deaths) != 1 {
		t.Error("what came is no dead letter")
	}
}
