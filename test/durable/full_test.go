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
		return time.Since(since) > time.Second, seen
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

// A-03, D-02 (issue 3): a disk that is full stops confirms and raises the alarm, loses nothing, and the broker goes on without a
// restart once there is room.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	// Below the limit publishers wait, and what consumers take away makes room with nobody's help.
	t.Run("limit", func(t *testing.T) {
		dir := smallDisk(t, "200m")
		s := newDisk(t, dir, "50MB")
		for range 2 {
			stood := s.fill.still(t, s.b)
			if stood-int64(s.next) < 200 {
				t.Fatalf("stands at %d with %d taken: there is room for more\n%s", stood, s.next, s.b.Log())
			}
			s.expect(t, true)
			s.takeUpTo(t, int(stood)-5)
			s.goesOn(t, stood)
			s.expect(t, false)
		}
		s.killAndCompare(t)
	})
	// To the brim, because somebody else took the room.
	t.Run("brim", func(t *testing.T) {
		dir := smallDisk(t, "200m")
		room := ballast(t, dir, 60<<20)
		s := newDisk(t, dir, "0")
		stood := s.fill.still(t, s.b)
		s.expect(t, true)
		s.takeUpTo(t, int(stood)/4) // consumers go on meanwhile
		must(t, os.Remove(room))
		s.goesOn(t, stood)
		s.expect(t, false)
		s.takeUpTo(t, int(stood)/2)
		s.fill.still(t, s.b)
		s.killAndCompare(t)
	})
}

// disk is a broker on a small disk with a publisher that fills it and a consumer.
type disk struct {
	b          *broker.Broker
	fill       *filler
	other      *amqp.Channel // of the publisher's connection
	blocked    chan amqp.Blocking
	deliveries <-chan amqp.Delivery
	next       int // to be taken
}

const filled = "filled"

func newDisk(t *testing.T, dir, limit string) *disk {
	t.Helper()
	s := &disk{next: 1}
	s.b = broker.Start(t, broker.NoRace(), broker.DataDir(filepath.Join(dir, "data")), broker.Set("disk_free_limit.absolute", limit))
	ch := channelOn(t, connect(t, s.b.URI()))
	_, err := ch.QueueDeclare(filled, true, false, false, false, nil)
	must(t, err)
	publisher := connect(t, s.b.URI())
	s.blocked = publisher.NotifyBlocked(make(chan amqp.Blocking, 100))
	s.other = channelOn(t, publisher)
	s.fill = fill(t, publisher, filled)
	t.Cleanup(func() { close(s.fill.stop) })
	return s
}

func (s *disk) takeUpTo(t *testing.T, last int) {
	t.Helper()
	if s.deliveries == nil { // who has never published is let in whatever the state
		ch := channelOn(t, connect(t, s.b.URI()))
		must(t, ch.Qos(20, 0, false))
		var err error
		s.deliveries, err = ch.Consume(filled, "", false, false, false, false, nil)
		must(t, err)
	}
	for ; s.next <= last; s.next++ {
		take(t, s.deliveries, s.b, s.next)
	}
}

func (s *disk) goesOn(t *testing.T, stood int64) {
	t.Helper()
	broker.Eventually(t, 30*time.Second, "confirms go on", func() (bool, any) {
		n := s.fill.confirmed.Load()
		return n > stood+20, fmt.Sprintf("%d confirmed, %d taken\n%s", n, s.next, s.b.Log())
	})
}

// killAndCompare: nothing that was confirmed and not taken is lost. Acks in the last moments before the kill may be.
func (s *disk) killAndCompare(t *testing.T) {
	t.Helper()
	confirmed := int(s.fill.confirmed.Load())
	s.b.Kill(t)
	b := s.b.Restart(t)
	ch := channelOn(t, connect(t, b.URI()))
	deliveries, err := ch.Consume(filled, "", false, false, false, false, nil)
	must(t, err)
	for want := 0; want < confirmed; want++ {
		select {
		case d := <-deliveries:
			if want == 0 {
				_, err := fmt.Sscanf(string(d.Body[:10]), "%d|", &want)
				must(t, err)
				if want > s.next {
					t.Fatalf("begins with %d, and %d was never taken", want, s.next)
				}
			}
			if !bytes.Equal(d.Body, fillBody(want)) {
				t.Fatalf("message %d is %.30q", want, d.Body)
			}
			must(t, d.Ack(false))
		case <-time.After(patience):
			t.Fatalf("%d were confirmed, %d does not come\n%s", confirmed, want+1, b.Log())
		}
	}
}

// expect waits for connection.blocked or unblocked. As in RabbitMQ, who publishes is told.
func (s *disk) expect(t *testing.T, active bool) {
	t.Helper()
	if active {
		must(t, s.other.PublishWithContext(context.Background(), "", "nowhere", false, false, amqp.Publishing{Body: []byte("one more")}))
	}
	expect(t, s.b, s.blocked, active)
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
