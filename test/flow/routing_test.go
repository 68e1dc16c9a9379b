package flow

import (
	"fmt"
	"slices"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// a broker whose bindings are kept by key, one queue each, delivers to one of two.
func TestDirectExchangeWithTwoQueuesOnOneKeyDeliversToBoth(t *testing.T) {
	ch := channel(t)
	x := exchange(t, "direct")
	a, b := queue(t, ch, "a"), queue(t, ch, "b")
	bind(t, ch, a, "k", x, nil)
	bind(t, ch, b, "k", x, nil)
	for i := range 100 {
		publish(t, ch, x, "k", fmt.Sprint(i))
	}
	for _, q := range []string{a, b} {
		got := getAll(t, ch, q)
		if len(got) != 100 || got[0] != "0" || got[99] != "99" {
			t.Fatalf("queue %s has %d messages", q, len(got))
		}
	}
}

// A broker that names actors by joining strings, or looks them up by prefix, confuses these.
func TestQueuesAAndADotBAreNeverConfused(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	base := name(t, "a")
	all := []string{base, base + ".b", base + ".b.c", base + "/b", base + "$b", base + " ", base + "%2Fb", base + "#", base + "*"}
	for _, q := range all {
		_, err := ch.QueueDeclare(q, false, false, true, false, nil)
		must(t, err)
	}
	for i, q := range all {
		for range i + 1 {
			publish(t, ch, "", q, q)
		}
	}
	for i, q := range all {
		ready(t, ch, q, i+1)
		for _, body := range getAll(t, ch, q) {
			if body != q {
				t.Errorf("queue %q got a message for %q", q, body)
			}
		}
	}
	_, err := ch.QueueDelete(base, false, false, false)
	must(t, err)
	for _, q := range all[1:] {
		counts(t, ch, q)
	}
	alive(t, c)
}

// P-41, X-18: one channel that publishes through two exchanges into one queue: what is deduplicated by the channel's sequence alone goes missing.
func TestTwoExchangesIntoOneQueueDropNothingAsDuplicate(t *testing.T) {
	ch := channel(t)
	confirms := confirming(t, ch, 2000)
	x, y := exchange(t, "direct"), exchange(t, "fanout")
	q := queue(t, ch, "q")
	bind(t, ch, q, "k", x, nil)
	bind(t, ch, q, "", y, nil)
	const n = 1000
	perExchange := map[string][]string{}
	for i := range n {
		for _, e := range []string{x, y} {
			body := fmt.Sprintf("%s %d", e, i)
			publish(t, ch, e, "k", body)
			perExchange[e] = append(perExchange[e], body)
		}
	}
	acked(t, confirms, 2*n)
	got := map[string][]string{}
	for d := range drain(t, ch, q, 2*n) {
		got[d.Exchange] = append(got[d.Exchange], string(d.Body))
	}
	for _, e := range []string{x, y} {
		if !slices.Equal(got[e], perExchange[e]) {
			t.Errorf("through %s came %d of %d messages, or not in order", e, len(got[e]), n)
		}
	}
	if left := getAll(t, ch, q); len(left) > 0 {
		t.Errorf("%d messages too many: %v", len(left), left)
	}
}

// drain consumes n messages without acks.
func drain(t testing.TB, ch *amqp.Channel, queue string, n int) func(func(amqp.Delivery) bool) {
	t.Helper()
	deliveries := consume(t, ch, queue, true)
	return func(yield func(amqp.Delivery) bool) {
		for i := range n {
			if !yield(next(t, deliveries, fmt.Sprintf("delivery %d of %d", i+1, n))) {
				return
			}
		}
	}
}
