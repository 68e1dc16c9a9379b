package flow

import (
	"fmt"
	"regexp"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
	"warren/test/raw"
)

// P-42: an empty tag is made by the server.
func TestP42_ServerNamedConsumerTag(t *testing.T) {
	c := raw.Open(t, broker.Shared(t).Addr)
	c.OpenChannel(1)
	q := c.DeclareQueue(1, "")
	d := c.Call(1, raw.BasicConsume, raw.Fields{}.Short(0).ShortStr(q).ShortStr("").Octet(0).Table(), raw.BasicConsumeOk)
	if tag := d.ShortStr(); !regexp.MustCompile(`^amq\.ctag-[A-Za-z0-9_-]{22}$`).MatchString(tag) {
		t.Fatalf("tag %q", tag)
	}
	c.Goodbye()
}

// P-42: consume-ok comes before the first delivery, although the queue is full.
func TestP42_ConsumeOkBeforeDeliver(t *testing.T) {
	c := raw.Open(t, broker.Shared(t).Addr)
	c.OpenChannel(1)
	q := c.DeclareQueue(1, "")
	for i := range 50 {
		c.Send(raw.Message(1, "", q, fmt.Appendf(nil, "%d", i)))
	}
	c.Call(1, raw.BasicConsume, raw.Fields{}.Short(0).ShortStr(q).ShortStr("t").Octet(2).Table(), raw.BasicConsumeOk)
	for i := range 50 {
		d := c.Expect(1, raw.BasicDeliver)
		if tag, number, redelivered, exchange, key := d.ShortStr(), d.LongLong(), d.Octet(), d.ShortStr(), d.ShortStr(); tag != "t" || number != uint64(i+1) || redelivered != 0 || exchange != "" || key != q {
			t.Fatalf("delivery %d: %q %d %d %q %q", i, tag, number, redelivered, exchange, key)
		}
		if body := readContent(t, c); string(body) != fmt.Sprint(i) {
			t.Fatalf("delivery %d is %q", i, body)
		}
	}
	c.Goodbye()
}

// P-42: a tag twice on a channel is the connection's fault; the other refusals are the channel's.
func TestP42_ConsumeRefused(t *testing.T) {
	t.Run("P-42 tag in use", func(t *testing.T) {
		c := connect(t)
		ch := channelOn(t, c)
		q := queue(t, ch, "q")
		closed := c.NotifyClose(make(chan *amqp.Error, 1))
		_, err := ch.Consume(q, "same", false, false, false, false, nil)
		must(t, err)
		_, err = ch.Consume(q, "same", false, false, false, false, nil)
		refused(t, err, 530, "NOT_ALLOWED - attempt to reuse consumer tag 'same'")
		next(t, closed, "connection close")
	})
	t.Run("P-42 unknown queue", func(t *testing.T) {
		c := connect(t)
		missing := name(t, "missing")
		_, err := channelOn(t, c).Consume(missing, "", false, false, false, false, nil)
		refused(t, err, 404, fmt.Sprintf("NOT_FOUND - no queue '%s' in vhost '/'", missing))
		alive(t, c)
	})
	t.Run("P-42 exclusive consumer", func(t *testing.T) {
		c := connect(t)
		first := channelOn(t, c)
		q := queue(t, first, "q")
		_, err := first.Consume(q, "first", false, true, false, false, nil)
		must(t, err)
		_, err = channelOn(t, c).Consume(q, "second", false, false, false, false, nil)
		refused(t, err, 403, fmt.Sprintf("ACCESS_REFUSED - queue '%s' in vhost '/' in exclusive use", q))
		must(t, first.Cancel("first", false))
		_, err = channelOn(t, c).Consume(q, "third", false, true, false, false, nil)
		must(t, err)
		_, err = channelOn(t, c).Consume(q, "fourth", false, true, false, false, nil)
		refused(t, err, 403, fmt.Sprintf("ACCESS_REFUSED - queue '%s' in vhost '/' in exclusive use", q))
	})
}

// P-43: cancel-ok comes even for an unknown tag; what is unacked stays with the channel; nothing is delivered after it.
func TestP43_Cancel(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	q := queue(t, ch, "q")
	must(t, ch.Cancel("unknown", false))
	must(t, ch.Qos(1, 0, false))
	deliveries, err := ch.Consume(q, "t", false, false, false, false, nil)
	must(t, err)
	publish(t, ch, "", q, "1")
	publish(t, ch, "", q, "2")
	first := next(t, deliveries, "delivery")
	must(t, ch.Cancel("t", false))
	if more, open := <-deliveries; open {
		t.Fatalf("%q came in spite of the prefetch", more.Body)
	}
	if ready, consumers := counts(t, ch, q); ready != 1 || consumers != 0 {
		t.Fatalf("%d ready and %d consumers after the cancel", ready, consumers)
	}
	must(t, first.Ack(false))
	if got := getAll(t, ch, q); len(got) != 1 || got[0] != "2" {
		t.Fatalf("left: %v", got)
	}
}

// P-44, P-05: a consumer hears that its queue is gone, if it said that it listens.
func TestP44_ServerCancel(t *testing.T) {
	q := openQueue(t, "q")
	ch := channel(t)
	cancelled := ch.NotifyCancel(make(chan string, 1))
	deliveries, err := ch.Consume(q, "t", false, false, false, false, nil)
	must(t, err)
	silent := raw.Open(t, broker.Shared(t).Addr)
	silent.OpenChannel(1)
	silent.Call(1, raw.BasicConsume, raw.Fields{}.Short(0).ShortStr(q).ShortStr("t").Octet(0).Table(), raw.BasicConsumeOk)
	_, err = channel(t).QueueDelete(q, false, false, false)
	must(t, err)
	if tag := next(t, cancelled, "cancel"); tag != "t" {
		t.Fatalf("cancelled %q", tag)
	}
	if d, open := <-deliveries; open {
		t.Fatalf("%q was delivered", d.Body)
	}
	silent.DeclareQueue(1, "") // expects declare-ok: no cancel came before it
	silent.Goodbye()
}

// P-46: the prefetch holds per consumer, and for consumers that start after it.
func TestP46_Prefetch(t *testing.T) {
	ch := channel(t)
	a, b, all := queue(t, ch, "a"), queue(t, ch, "b"), queue(t, ch, "all")
	for i := range 10 {
		for _, q := range []string{a, b, all} {
			publish(t, ch, "", q, fmt.Sprint(i))
		}
	}
	fromAll := consume(t, ch, all, false)
	must(t, ch.Qos(3, 0, false))
	fromA, fromB := consume(t, ch, a, false), consume(t, ch, b, false)
	for range 10 {
		next(t, fromAll, "delivery without prefetch")
	}
	var lastA amqp.Delivery
	for range 3 {
		lastA = next(t, fromA, "delivery to a")
		next(t, fromB, "delivery to b")
	}
	for q, want := range map[string]int{a: 7, b: 7, all: 0} {
		ready(t, ch, q, want)
	}
	select {
	case d := <-fromA:
		t.Fatalf("%q above the prefetch", d.Body)
	default:
	}
	must(t, lastA.Ack(false)) // one credit back to a, none to b
	if d := next(t, fromA, "delivery after ack"); string(d.Body) != "3" {
		t.Fatalf("got %q", d.Body)
	}
	if _, ok, err := ch.Get(a, true); err != nil || !ok {
		t.Fatalf("a get does not count: %v %v", ok, err)
	}
}

// P-52: consumers take turns.
func TestP52_RoundRobin(t *testing.T) {
	ch := channel(t)
	q := queue(t, ch, "q")
	must(t, ch.Qos(1000, 0, false))
	consumers := []<-chan amqp.Delivery{consume(t, ch, q, false), consume(t, ch, q, false), consume(t, ch, q, true)}
	publisher := ch
	const n = 300
	for i := range n {
		publish(t, publisher, "", q, fmt.Sprint(i))
	}
	got := [3]int{}
	seen := map[string]bool{}
	for range n {
		var d amqp.Delivery
		var i int
		select {
		case d = <-consumers[0]:
			i = 0
		case d = <-consumers[1]:
			i = 1
		case d = <-consumers[2]:
			i = 2
		}
		got[i]++
		if seen[string(d.Body)] {
			t.Fatalf("%s came twice", d.Body)
		}
		seen[string(d.Body)] = true
	}
	for i, count := range got {
		if count < n/3-1 || count > n/3+1 {
			t.Errorf("consumer %d got %d of %d", i, count, n)
		}
	}
}
