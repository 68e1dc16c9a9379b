package durable

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// D-08: the index of a long queue, whose messages came one by one, is on disk, at a start as well, and what comes out is what went in, in
// the order of each publisher, once.
func TestD08_IndexOnDisk(t *testing.T) {
	const publishers, each = 16, 1800
	b := broker.Start(t, broker.Set("paging.queue_resident_limit", "256KiB"), broker.NoRace())
	ch := channelOn(t, connect(t, b.URI()))
	_, err := ch.QueueDeclare("long", true, false, false, false, nil)
	must(t, err)
	var wg sync.WaitGroup
	for p := range publishers {
		ch := channelOn(t, connect(t, b.URI()))
		must(t, ch.Confirm(false))
		wg.Go(func() {
			for n := range each {
				c, err := ch.PublishWithDeferredConfirm("", "long", false, false, amqp.Publishing{
					DeliveryMode: amqp.Persistent, Body: fmt.Appendf(nil, "%d %d %*d", p, n, 1+p*n%100, 0),
				})
				if err != nil || !c.Wait() {
					t.Errorf("publisher %d: %v", p, err)
					return
				}
			}
		})
	}
	wg.Wait()
	if n := pagesOnDisk(t, b); n == 0 {
		t.Error("nothing of the index is on disk")
	}
	b.Kill(t)
	b = b.Restart(t)
	if n := pagesOnDisk(t, b); n == 0 {
		t.Error("behind a start nothing of the index is on disk")
	}
	ch = channelOn(t, connect(t, b.URI()))
	must(t, ch.Qos(500, 0, false))
	deliveries, err := ch.Consume("long", "", false, false, false, false, nil)
	must(t, err)
	var next [publishers]int
	for range publishers * each {
		d, open := <-deliveries
		if !open {
			t.Fatalf("the channel is closed behind %v", next)
		}
		var p, n int
		if _, err := fmt.Sscan(string(d.Body), &p, &n); err != nil || next[p] != n || d.Redelivered {
			t.Fatalf("%q comes behind %v, redelivered: %v", d.Body, next, d.Redelivered)
		}
		next[p]++
		must(t, d.Ack(false))
	}
}

func pagesOnDisk(t *testing.T, b *broker.Broker) int {
	t.Helper()
	var status struct {
		Pages int `json:"index_pages"`
	}
	out := b.Ctl(t, "journal", "status", "--formatter=json")
	if err := json.Unmarshal(out, &status); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return status.Pages
}
