package flow

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	adminv1 "warren/proto/admin/v1"
	"warren/test/broker"
	"warren/test/raw"
)

// highestBytes is what the process may use when the machine is as small as that: the high mark of 40 %, and a tenth of it.
const highestBytes = machineBytes / 5 * 2 / 10 * 11

// creditBytes is what a connection may have between its socket and the queues (docs/limits.md).
const creditBytes = 2 << 20

// bounds watches a broker while something is done to it: the memory of its process, and how much waits in each mailbox.
type bounds struct {
	end     chan struct{}
	watched sync.WaitGroup
	highest int64
	memory  int64
	mailbox *adminv1.Actor
}

// watch looks all the time.
func watch(t *testing.T, b *broker.Broker) *bounds {
	t.Helper()
	w, client := &bounds{end: make(chan struct{}), highest: highestBytes, mailbox: &adminv1.Actor{}}, b.Admin(t)
	pause := time.NewTicker(50 * time.Millisecond)
	w.watched.Go(func() {
		defer pause.Stop()
		for {
			select {
			case <-w.end:
				return
			case <-pause.C:
			}
			w.memory = max(w.memory, b.RSS(t))
			if err := w.tree(client); err != nil {
				t.Errorf("actors tree: %v", err)
				return
			}
		}
	})
	return w
}

func (w *bounds) tree(client adminv1.AdminServiceClient) error {
	stream, err := client.ActorsTree(context.Background(), &adminv1.ActorsTreeRequest{})
	for err == nil {
		var piece *adminv1.ActorsTreeResponse
		if piece, err = stream.Recv(); err == nil {
			for _, a := range piece.Actors {
				if a.MailboxLength > w.mailbox.MailboxLength {
					w.mailbox = a
				}
			}
		}
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// held says that neither was above its bound. A mailbox holds no more than what all publishers have credit for, a message of theirs in each
// of its batches, and a few words of each neighbour.
func (w *bounds) held(t *testing.T, publishers, messageBytes, neighbours int) {
	t.Helper()
	close(w.end)
	w.watched.Wait()
	longest := int64(publishers*(creditBytes/messageBytes+1) + 10*neighbours + 100)
	t.Logf("%d KiB of %d resident; %d of %d waited for %s", w.memory>>10, w.highest>>10, w.mailbox.MailboxLength, longest, w.mailbox.Path)
	if w.memory > w.highest {
		t.Errorf("%d KiB resident, more than %d", w.memory>>10, w.highest>>10)
	}
	if w.mailbox.MailboxLength > longest {
		t.Errorf("%d waited for %s, more than %d", w.mailbox.MailboxLength, w.mailbox.Path, longest)
	}
}

// two full queues, each of which is the other's dead letter target, and consumers who turn everything down.
func TestBounded_DeadLetterCycle(t *testing.T) {
	b := smallBroker(t)
	w := watch(t, b)
	ch := channelOn(t, connectTo(t, b.URI()))
	one, other := name(t, "one"), name(t, "other")
	for _, q := range [][2]string{{one, other}, {other, one}} {
		_, err := ch.QueueDeclare(q[0], false, false, false, false, amqp.Table{
			"x-max-length": 500, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": q[1],
		})
		must(t, err)
	}
	const each = 2000
	for _, q := range []string{one, other} {
		f := startFlood(t, b, q, each)
		must(t, next(t, f.done, "the flood"))
	}
	turned := make(chan struct{}, 1)
	for _, q := range []string{one, other} {
		taker := channelOn(t, connectTo(t, b.URI()))
		must(t, taker.Qos(100, 0, false))
		deliveries := consume(t, taker, q, false)
		go func() {
			for d := range deliveries {
				if d.Reject(false) != nil {
					return
				}
				select {
				case turned <- struct{}{}:
				default:
				}
			}
		}()
	}
	for range 1500 { // round and round
		next(t, turned, "a message that is turned down")
	}
	confirms := confirming(t, ch, 1)
	for range 100 { // whoever publishes into it is served
		publish(t, ch, "", one, "more")
		acked(t, confirms, 1)
	}
	w.held(t, 3, kibibyte, 10)
}

// a consumer without acknowledgements that does not read for a while, and then reads everything, in order.
func TestBounded_NoAckConsumerThatPauses(t *testing.T) {
	const n, noAck = 40_000, 2
	b := smallBroker(t)
	w := watch(t, b)
	q := queueFor(t, channelOn(t, connectTo(t, b.URI())))
	deaf := raw.Open(t, b.Addr)
	deaf.OpenChannel(1)
	deaf.Method(1, raw.BasicConsume, raw.Fields{}.Short(0).ShortStr(q).ShortStr("deaf").Octet(noAck).Table())
	f := startFlood(t, b, q, n)
	f.settle(t, b)
	deaf.Expect(1, raw.BasicConsumeOk)
	for i := range n {
		d := deaf.Expect(1, raw.BasicDeliver)
		d.ShortStr()
		if tag := d.LongLong(); tag != uint64(i+1) {
			t.Fatalf("tag %d, not %d", tag, i+1)
		}
		for range 2 {
			if _, err := deaf.Read(); err != nil { // header and body
				t.Fatal(err)
			}
		}
	}
	must(t, next(t, f.done, "the publisher"))
	w.held(t, 1, kibibyte, 10)
}

// a connection in flow says what it waits for, its channel too.
func TestA20_FlowSaysWhy(t *testing.T) {
	t.Run("A-20 a client that does not read its replies", func(t *testing.T) {
		b := smallBroker(t)
		deaf := raw.Open(t, b.Addr)
		deaf.OpenChannel(1)
		burst := unroutables(50)
		go func() {
			for {
				if _, err := deaf.Write(burst); err != nil {
					return
				}
			}
		}()
		flowOf(t, b, "list_connections", "/", "the client, which does not read its replies", 100*time.Millisecond)
		flowOf(t, b, "list_channels", "/", "the client, which does not read its replies", 100*time.Millisecond)
	})
	t.Run("A-20 a queue that does not take what is published", func(t *testing.T) {
		b := broker.Start(t, broker.NoRace(), broker.Set("chaos.enabled", "true"))
		q := queueFor(t, channelOn(t, connectTo(t, b.URI())))
		for _, a := range b.Actors(t) {
			if a.Kind == "queue" {
				b.Ctl(t, "actors", "crash", "--hang", a.Path)
			}
		}
		conn := connectHard(t, b.URI())
		ch := channelOn(t, conn)
		go func() {
			for ch.Publish("", q, false, false, amqp.Publishing{Body: make([]byte, 10_000)}) == nil {
			}
		}()
		flowOf(t, b, "list_connections", "/", "queue '"+q+"' in vhost '/'", 100*time.Millisecond)
		flowOf(t, b, "list_channels", "/", "queue '"+q+"' in vhost '/'", 100*time.Millisecond)
	})
}

// unroutables are mandatory messages of 4 KiB on channel 1, each of which comes back.
func unroutables(n int) (frames []byte) {
	body := make([]byte, 4096)
	mandatory := raw.Fields{}.Short(0).ShortStr("").ShortStr("nowhere").Octet(1)
	for range n {
		frames = append(frames, raw.MethodFrame(1, raw.BasicPublish, mandatory)...)
		frames = append(frames, raw.ContentHeader(1, uint64(len(body)))...)
		frames = append(frames, raw.Body(1, body)...)
	}
	return frames
}
