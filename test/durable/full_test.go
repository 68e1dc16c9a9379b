package durable

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// smallDisk mounts a file system of some size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("warren-test", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("this test needs a small file system, and mounting one is not permitted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// ballast takes room until it is removed.
func ballast(t *testing.T, dir string, size int64) string {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	must(t, os.WriteFile(path, bytes.Repeat([]byte("x"), int(size)), 0o600))
	return path
}

// filler publishes persistent messages with confirms, and never stops by itself.
type filler struct {
	book      *book
	ch        *amqp.Channel
	published atomic.Int64
	confirmed atomic.Int64
	stop      chan struct{}
	ended     chan error
}

const fillBytes = 64 << 10

func fillBody(n int) []byte {
	return append(fmt.Appendf(nil, "%d|", n), bytes.Repeat([]byte{byte('a' + n%26)}, fillBytes)...)
}

func fill(t *testing.T, c *amqp.Connection, queue string) *filler {
	t.Helper()
	f := &filler{ch: channelOn(t, c), stop: make(chan struct{}), ended: make(chan error, 1)}
	must(t, f.ch.Confirm(false))
	go func() {
		var waiting []*amqp.DeferredConfirmation
		for n := 1; ; n++ {
			select {
			case <-f.stop:
				f.ended <- nil
				return
			default:
			}
			dc, err := f.ch.PublishWithDeferredConfirmWithContext(context.Background(), "", queue, false, false,
				amqp.Publishing{DeliveryMode: amqp.Persistent, Body: fillBody(n)})
			if err != nil {
				f.ended <- err
				return
			}
			f.published.Store(int64(n))
			if waiting = append(waiting, dc); len(waiting) < 20 {
				continue
			}
			<-waiting[0].Done()
			if !waiting[0].Acked() {
				f.ended <- errors.New("a nack")
				return
			}
			waiting = waiting[1:]
			f.confirmed.Add(1)
		}
	}()
	return f
}

// still waits until nothing is confirmed any more.
func (f *filler) still(t *testing.T, b *broker.Broker) int64 {
	t.Helper()
	seen, since := int64(-1), time.Now()
	broker.Eventually(t, 60*time.Second, "confirms stop", func() (bool, any) {
		select {
		case err := <-f.ended:
			t.Fatalf("the publisher ended: %v\n%s", err, b.Log())
		default:
		}
		if n := f.confirmed.Load(); n != seen {
			seen, since = n, time.Now()
		}
		return time.Since(since) > 1500*time.Millisecond, seen
	})
	return seen
}

func take(t *testing.T, deliveries <-chan amqp.Delivery, b *broker.Broker, want int) {
	t.Helper()
	select {
	case d, ok := <-deliveries:
		if !ok {
			t.Fatalf("the consumer's channel ended before %d\n%s", want, b.Log())
		}
		if !bytes.Equal(d.Body, fillBody(want)) {
			t.Fatalf("message %d is %.30q", want, d.Body)
		}
		must(t, d.Ack(false))
	case <-time.After(patience):
		t.Fatalf("message %d does not come\n%s", want, b.Log())
	}
}

// Issue 3: a disk that is full stops confirms and raises the alarm, loses nothing, and the broker goes on without a restart once
// there is room.
func TestDiskFull(t *testing.T) {
	dir := smallDisk(t, "200m")
	room := ballast(t, dir, 60<<20)
	b := broker.Start(t, broker.DataDir(filepath.Join(dir, "data")), broker.Set("disk_free_limit.absolute", "0"))
	const q = "filled"
	control := connect(t, b.URI())
	_, err := channelOn(t, control).QueueDeclare(q, true, false, false, false, nil)
	must(t, err)
	publisher := connect(t, b.URI())
	blocked := publisher.NotifyBlocked(make(chan amqp.Blocking, 100))
	f := fill(t, publisher, q)
	stood := f.still(t, b)
	t.Logf("%d confirmed of %d when the disk was full", stood, f.published.Load())
	// As in RabbitMQ, who publishes from now on is told.
	must(t, channelOn(t, publisher).Publish("", "nowhere", false, false, amqp.Publishing{Body: []byte("one more")}))
	expect(t, b, blocked, true)

	// Consumers go on meanwhile.
	consumer := channelOn(t, connect(t, b.URI()))
	must(t, consumer.Qos(20, 0, false))
	deliveries, err := consumer.Consume(q, "", false, false, false, false, nil)
	must(t, err)
	next := 1
	for ; next <= int(stood)/4; next++ {
		take(t, deliveries, b, next)
	}
	must(t, os.Remove(room))
	broker.Eventually(t, 30*time.Second, "confirms go on", func() (bool, any) {
		n := f.confirmed.Load()
		return n > stood+20, n
	})
	expect(t, b, blocked, false)
	for ; next <= int(stood)/2; next++ {
		take(t, deliveries, b, next)
	}

	// Full again: what a consumer takes away makes room, with nobody's help.
	for round := range 3 {
		stood = f.still(t, b)
		for ; next <= int(stood)-5; next++ {
			take(t, deliveries, b, next)
		}
		broker.Eventually(t, 30*time.Second, "what was drained makes room", func() (bool, any) {
			n := f.confirmed.Load()
			return n > stood+20, fmt.Sprintf("round %d: %d confirmed, %d taken\n%s", round, n, next, b.Log())
		})
	}

	stood = f.still(t, b)
	confirmed := int(f.confirmed.Load())
	b.Kill(t)
	b = b.Restart(t)
	ch := channelOn(t, connect(t, b.URI()))
	deliveries, err = ch.Consume(q, "", false, false, false, false, nil)
	must(t, err)
	// Acks in the last moments before the kill may be lost.
	first := true
	for want := 0; want <= confirmed; want++ {
		select {
		case d := <-deliveries:
			if first {
				first = false
				for want = 1; !bytes.HasPrefix(d.Body, fmt.Appendf(nil, "%d|", want)); want++ {
					if want > next {
						t.Fatalf("begins with %.20q, and %d was never taken", d.Body, next)
					}
				}
			}
			if !bytes.Equal(d.Body, fillBody(want)) {
				t.Fatalf("message %d is %.30q", want, d.Body)
			}
		case <-time.After(patience):
			t.Fatalf("%d were confirmed, %d does not come", confirmed, want)
		}
	}
}

// expect waits for connection.blocked or unblocked.
func expect(t *testing.T, b *broker.Broker, blocked <-chan amqp.Blocking, active bool) {
	t.Helper()
	for {
		select {
		case is := <-blocked:
			if is.Active && is.Reason != "low on disk" {
				t.Fatalf("blocked for %q", is.Reason)
			}
			if is.Active == active {
				return
			}
		case <-time.After(patience):
			t.Fatalf("not told blocked=%v\n%s", active, b.Log())
		}
	}
}
