package flow

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
	"warren/test/raw"
)

func notFound(queue string) string {
	return fmt.Sprintf("NOT_FOUND - no queue '%s' in vhost '/'", queue)
}

// P-53, P-62: names, counts, passive declares, and declaring again.
func TestP53_QueueDeclare(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	q, err := ch.QueueDeclare("", false, false, true, false, nil)
	must(t, err)
	if !regexp.MustCompile(`^amq\.gen-[A-Za-z0-9_-]{22}$`).MatchString(q.Name) {
		t.Errorf("server-named queue %q", q.Name)
	}
	publish(t, ch, "", q.Name, "1")
	get(t, ch, q.Name)
	publish(t, ch, "", q.Name, "1")
	publish(t, ch, "", q.Name, "2")
	if n, err := ch.QueuePurge(q.Name, false); n != 2 || err != nil {
		t.Fatalf("purged %d, %v", n, err)
	}
	consume(t, ch, q.Name, true)
	if ready, consumers := counts(t, ch, q.Name); ready != 0 || consumers != 1 {
		t.Errorf("%d ready, %d consumers", ready, consumers)
	}
	missing := name(t, "missing")
	_, err = channelOn(t, c).QueueDeclarePassive(missing, false, false, false, false, nil)
	refused(t, err, 404, notFound(missing))
	alive(t, c)
}

// P-55: nobody but its connection may touch an exclusive queue, with one text for all methods.
func TestP55_ExclusiveQueueIsLocked(t *testing.T) {
	q := queue(t, channel(t), "q")
	other := connect(t)
	text := fmt.Sprintf("RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '%s' in vhost '/'. It could be originally declared on another connection or the exclusive property value does not match that of the original declaration.", q)
	for what, do := range map[string]func(*amqp.Channel) error{
		"declare": func(ch *amqp.Channel) error { _, err := ch.QueueDeclare(q, false, false, true, false, nil); return err },
		"passive": func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclarePassive(q, false, false, false, false, nil)
			return err
		},
		"bind": func(ch *amqp.Channel) error { return ch.QueueBind(q, "k", "amq.direct", false, nil) },
		"consume": func(ch *amqp.Channel) error {
			_, err := ch.Consume(q, "", false, false, false, false, nil)
			return err
		},
		"get":    func(ch *amqp.Channel) error { _, _, err := ch.Get(q, true); return err },
		"purge":  func(ch *amqp.Channel) error { _, err := ch.QueuePurge(q, false); return err },
		"delete": func(ch *amqp.Channel) error { _, err := ch.QueueDelete(q, false, false, false); return err },
	} {
		t.Run("P-55 "+what, func(t *testing.T) {
			e := amqpError(t, do(channelOn(t, other)))
			// A reply text ends after 255 bytes (P-21).
			if e.Code != 405 || !strings.HasPrefix(text, strings.TrimSuffix(e.Reason, "...")) || len(e.Reason) < 200 {
				t.Fatalf("got %d %s", e.Code, e.Reason)
			}
		})
	}
	alive(t, other)
}

// an exclusive queue is gone when close-ok is there, and after a broken connection soon (P-13).
func TestQ03_ExclusiveQueueGoesWithItsConnection(t *testing.T) {
	c := connect(t)
	q := queue(t, channelOn(t, c), "q")
	must(t, c.Close())
	_, err := channel(t).QueueDeclarePassive(q, false, false, false, false, nil)
	refused(t, err, 404, notFound(q))

	broken := raw.Open(t, broker.Shared(t).Addr)
	broken.OpenChannel(1)
	q = broken.DeclareQueue(1, name(t, "broken"))
	broken.Close()
	probe := connect(t)
	broker.Eventually(t, patience, "the queue is gone", func() (bool, any) {
		ch := channelOn(t, probe)
		_, err := ch.QueueDeclarePassive(q, false, false, false, false, nil)
		if err == nil {
			err = ch.Close()
			return false, err
		}
		return amqpError(t, err).Code == 404, err
	})
}

// an auto-delete queue goes with its last consumer, not before there was one, and not by get.
func TestQ04_AutoDelete(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	q := name(t, "q")
	_, err := ch.QueueDeclare(q, false, true, false, false, nil)
	must(t, err)
	publish(t, ch, "", q, "1")
	get(t, ch, q)
	counts(t, ch, q)
	for _, tag := range []string{"first", "second"} {
		_, err := ch.Consume(q, tag, true, false, false, false, nil)
		must(t, err)
	}
	must(t, ch.Cancel("first", false))
	counts(t, ch, q)
	must(t, ch.Cancel("second", false))
	gone(t, q)

	ch = channelOn(t, c)
	_, err = ch.QueueDeclare(q, false, true, false, false, nil)
	must(t, err)
	consume(t, ch, q, true)
	must(t, ch.Close()) // the end of a channel cancels its consumers
	gone(t, q)
}

// P-56: names that begin with amq. are the broker's.
func TestP56_ReservedNames(t *testing.T) {
	c := connect(t)
	_, err := channelOn(t, c).QueueDeclare("amq.mine", false, false, true, false, nil)
	refused(t, err, 403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'")
	ch := channelOn(t, c)
	own, err := ch.QueueDeclare("", false, false, true, false, nil)
	must(t, err)
	_, err = ch.QueueDeclare(own.Name, false, false, true, false, nil) // the name is the server's even where the queue is there
	refused(t, err, 403, fmt.Sprintf("ACCESS_REFUSED - queue name '%s' contains reserved prefix 'amq.*'", own.Name))
	err = channelOn(t, c).ExchangeDeclare("amq.mine", "direct", false, false, false, false, nil)
	refused(t, err, 403, "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'")
	must(t, channelOn(t, c).ExchangeDeclare("amq.direct", "direct", true, false, false, false, nil))
	err = channelOn(t, c).ExchangeDelete("amq.direct", false, false)
	want := "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed"
	if !isModern(t) {
		want = amqpError(t, err).Reason // 3.10: "operation not permitted on the default exchange" or its like
	}
	refused(t, err, 403, want)
	alive(t, c)
}

// P-57: no name means the queue declared last on the channel.
func TestP57_CurrentQueue(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	queue(t, ch, "before")
	q := queue(t, ch, "current")
	must(t, ch.QueueBind("", "", "amq.direct", false, nil)) // both empty: the key is the queue's name
	publish(t, ch, "amq.direct", q, "1")
	if got := get(t, ch, ""); got != "1" {
		t.Fatalf("got %q", got)
	}
	publish(t, ch, "", q, "2")
	if n, err := ch.QueuePurge("", false); n != 1 || err != nil {
		t.Fatalf("purged %d, %v", n, err)
	}
	consume(t, ch, "", true)
	if _, consumers := counts(t, ch, q); consumers != 1 {
		t.Fatalf("%d consumers", consumers)
	}
	if _, err := ch.QueueDelete("", false, false, false); err != nil {
		t.Fatal(err)
	}
	_, _, err := channelOn(t, c).Get("", true)
	refused(t, err, 404, "NOT_FOUND - no previously declared queue")
}

// P-58: what is not there can be deleted.
func TestQueueDeleteOfAMissingQueueAnswersDeleteOkZero(t *testing.T) {
	ch := channel(t)
	if n, err := ch.QueueDelete(name(t, "missing"), false, false, false); n != 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
	if n, err := ch.QueueDelete(name(t, "missing"), true, true, false); n != 0 || err != nil {
		t.Fatalf("if-unused, if-empty: %d, %v", n, err)
	}
}

func TestP58_QueueDelete(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	q := filled(t, ch, 2)
	_, err := channelOn(t, c).QueueDelete(q, false, true, false)
	refused(t, err, 406, fmt.Sprintf("PRECONDITION_FAILED - queue '%s' in vhost '/' not empty", q))
	_, err = ch.Consume(q, "t", false, false, false, false, nil)
	must(t, err)
	_, err = channelOn(t, c).QueueDelete(q, true, false, false)
	refused(t, err, 406, fmt.Sprintf("PRECONDITION_FAILED - queue '%s' in vhost '/' in use", q))
	must(t, ch.Cancel("t", false))
	must(t, ch.Nack(0, true, true))
	if n, err := ch.QueueDelete(q, true, false, false); n != 2 || err != nil {
		t.Fatalf("deleted %d, %v", n, err)
	}
	must(t, ch.Publish("", q, false, false, amqp.Publishing{})) // unroutable now, and no error
	alive(t, c)
}

// P-59: purge leaves what is unacked.
func TestP59_Purge(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	q := filled(t, ch, 3)
	d := getUnacked(t, ch, q, "0", false)
	if n, err := ch.QueuePurge(q, false); n != 2 || err != nil {
		t.Fatalf("purged %d, %v", n, err)
	}
	must(t, d.Nack(false, true))
	if got := getAll(t, ch, q); fmt.Sprint(got) != "[0]" {
		t.Fatalf("left: %v", got)
	}
	missing := name(t, "missing")
	_, err := ch.QueuePurge(missing, false)
	refused(t, err, 404, notFound(missing))
	alive(t, c)
}

// P-60: bind wants both ends; unbind is content with neither.
func TestP60_BindAndUnbind(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	q, x, missing := queue(t, ch, "q"), exchange(t, "direct"), name(t, "missing")
	refused(t, channelOn(t, c).QueueBind(missing, "k", x, false, nil), 404, notFound(missing))
	refused(t, channelOn(t, c).QueueBind(q, "k", missing, false, nil), 404, fmt.Sprintf("NOT_FOUND - no exchange '%s' in vhost '/'", missing))
	must(t, ch.QueueUnbind(q, "never bound", x, nil))
	must(t, ch.QueueUnbind(missing, "k", x, nil))
	must(t, ch.QueueUnbind(q, "k", missing, nil))
	bind(t, ch, q, "k", x, nil)
	must(t, ch.QueueUnbind(q, "k", x, amqp.Table{"other": "arguments"}))
	publish(t, ch, x, "k", "still bound")
	if got := get(t, ch, q); got != "still bound" {
		t.Fatal(got)
	}
	must(t, ch.QueueUnbind(q, "k", x, nil))
	publish(t, ch, x, "k", "lost")
	if got := getAll(t, ch, q); len(got) != 0 {
		t.Fatalf("got %v", got)
	}
	refused(t, channelOn(t, c).QueueBind(q, "k", "", false, nil), 403, "ACCESS_REFUSED - operation not permitted on the default exchange")
}
