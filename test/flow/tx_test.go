package flow

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// P-39: nothing is seen before commit; rollback discards. 20 MiB are more than one connection's buffers.
func TestP39_TxLargerThanAConnectionsBuffers(t *testing.T) {
	ch := channel(t)
	q := openQueue(t, "q")
	reader := channel(t)
	must(t, ch.Tx())
	const n, size = 20 * 16, 64 << 10
	fill := func(round int) {
		for i := range n {
			body := randomBody(uint64(round*n+i), size)
			must(t, ch.Publish("", q, false, false, amqp.Publishing{Body: body}))
		}
	}
	fill(0)
	ready(t, reader, q, 0)
	must(t, ch.TxRollback())
	ready(t, reader, q, 0)
	fill(1)
	must(t, ch.TxCommit())
	ready(t, reader, q, n)
	for i := range n {
		if got := get(t, reader, q); got != string(randomBody(uint64(n+i), size)) {
			t.Fatalf("message %d is another one", i)
		}
	}
}

// P-39: acks are part of the transaction; a rollback forgets them and leaves the deliveries with the channel.
func TestP39_TxAcks(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	q := queue(t, ch, "q")
	for i := range 4 {
		publish(t, ch, "", q, fmt.Sprint(i))
	}
	must(t, ch.Tx())
	first, _, err := ch.Get(q, false)
	must(t, err)
	must(t, first.Ack(false))
	must(t, ch.TxRollback())
	must(t, first.Ack(false)) // still there to be acked
	must(t, ch.TxCommit())
	second, _, err := ch.Get(q, false)
	must(t, err)
	must(t, second.Ack(false)) // never committed
	must(t, ch.Close())
	after := channelOn(t, c)
	ready(t, after, q, 3)
	d, _, err := after.Get(q, true)
	must(t, err)
	if string(d.Body) != "1" || !d.Redelivered {
		t.Fatalf("got %q, redelivered %v", d.Body, d.Redelivered)
	}
}

func TestP39_TxErrors(t *testing.T) {
	for _, row := range []struct {
		what    string
		provoke func(*amqp.Channel) error
		text    string
	}{
		{"commit without select", func(ch *amqp.Channel) error { return ch.TxCommit() }, "PRECONDITION_FAILED - channel is not transactional"},
		{"rollback without select", func(ch *amqp.Channel) error { return ch.TxRollback() }, "PRECONDITION_FAILED - channel is not transactional"},
		{"select in confirm mode", func(ch *amqp.Channel) error {
			if err := ch.Confirm(false); err != nil {
				return err
			}
			return ch.Tx()
		}, "PRECONDITION_FAILED - cannot switch from confirm to tx mode"},
		{"confirm in tx mode", func(ch *amqp.Channel) error {
			if err := ch.Tx(); err != nil {
				return err
			}
			return ch.Confirm(false)
		}, "PRECONDITION_FAILED - cannot switch from tx to confirm mode"},
	} {
		t.Run(row.what, func(t *testing.T) {
			c := connect(t)
			refused(t, row.provoke(channelOn(t, c)), 406, row.text)
			alive(t, c)
		})
	}
}

// P-33: in a transaction a mandatory message is returned at the commit.
func TestP39_TxReturnsAtCommit(t *testing.T) {
	ch := channel(t)
	returns := ch.NotifyReturn(make(chan amqp.Return, 1))
	must(t, ch.Tx())
	must(t, ch.Publish("", name(t, "missing"), true, false, amqp.Publishing{Body: []byte("x")}))
	queue(t, ch, "a round trip")
	select {
	case r := <-returns:
		t.Fatalf("returned before the commit: %+v", r)
	default:
	}
	must(t, ch.TxCommit())
	if r := next(t, returns, "return"); r.ReplyCode != 312 || string(r.Body) != "x" {
		t.Fatalf("%+v", r)
	}
}
