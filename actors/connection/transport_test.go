package connection

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/channel"
	"warren/protocol/amqp091"
)

func reply(size int) channel.Chunk {
	f := &channel.Frames{}
	f.Method(0, &amqp091.ConnectionClose{ReplyText: string(make([]byte, size))})
	return channel.Chunk{Frames: f, Replies: f.Size()}
}

// pipe is a transport, and the other end.
func pipe() (*Transport, net.Conn) {
	ours, theirs := net.Pipe()
	t := newTransport(ours, func(*actor.PID, any) {}, nil, plenty())
	return t, theirs
}

func TestTransportWritesInOrderAndTells(t *testing.T) {
	// Promise: what waits is written with as few calls as can be, in order, and credit follows what has left (DESIGN section 7).
	synctest.Test(t, func(t *testing.T) {
		tr, peer := pipe()
		outlet := channel.NewOutlet(tr, 0)
		var want []byte
		for i := range 5 {
			f := &channel.Frames{}
			m := &amqp091.ConnectionBlocked{Reason: string(rune('a' + i))}
			f.Method(0, m)
			want = amqp091.AppendMethod(want, 0, m)
			outlet.Put(0, uint64(i+1), f, f.Size())
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(peer, got); err != nil || string(got) != string(want) {
			t.Fatalf("%q, %v", got, err)
		}
		synctest.Wait()
		if outlet.Written() != uint64(len(want)) || tr.sent.Load() != int64(len(want)) || tr.replies.Load() != 0 {
			t.Fatalf("written %d, sent %d, replies %d", outlet.Written(), tr.sent.Load(), tr.replies.Load())
		}
		tr.Close()
	})
}

func TestTransportOfAPeerThatNeverReads(t *testing.T) {
	// DESIGN section 7, output: above the mark we stop reading that connection, heartbeats do not pile up, and Close lets go of
	// everything and of both goroutines.
	synctest.Test(t, func(t *testing.T) {
		tr, peer := pipe()
		tr.Write(reply(10))
		synctest.Wait()
		for range 1000 {
			tr.Heartbeat()
		}
		if n := len(tr.pending); n != 0 {
			t.Fatalf("%d chunks wait", n)
		}
		n := 0
		for ; tr.mayRead(); n++ {
			tr.Write(reply(200))
		}
		if waiting := tr.replies.Load(); waiting > repliesMark+1000 || n == 0 {
			t.Fatalf("%d bytes wait in %d chunks", waiting, n)
		}
		tr.Close()
		synctest.Wait()
		if tr.pending != nil || tr.sent.Load() != 0 {
			t.Fatalf("%d chunks are held, %d bytes sent", len(tr.pending), tr.sent.Load())
		}
		if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Fatalf("the peer sees %v", err)
		}
		last := reply(1)
		if tr.Write(last); last.Frames.Segments() != nil || tr.pending != nil {
			t.Fatal("a chunk behind the end is kept")
		}
		tr.Close()
		tr.Finish(0)
	})
}

func TestTransportWakesTheReader(t *testing.T) {
	// A-13, promise: out of credit a connection is not read, and it is again as soon as it has some.
	tr := newTransport(nil, nil, nil, plenty())
	tr.account(inflightWindow)
	if tr.mayRead() {
		t.Fatal("reads without credit")
	}
	tr.account(-1)
	select {
	case <-tr.room:
	default:
		t.Fatal("nobody is woken")
	}
	if !tr.mayRead() {
		t.Fatal("does not read with credit")
	}
}

func TestFinishOnlyGetsShorter(t *testing.T) {
	// Promise: a client that never reads holds its socket for the grace it was given, however often something happens meanwhile.
	synctest.Test(t, func(t *testing.T) {
		tr, peer := pipe()
		defer peer.Close()
		tr.Write(reply(10))
		began := time.Now()
		tr.Finish(5 * time.Second)
		time.Sleep(3 * time.Second) // of the bubble
		tr.Finish(5 * time.Second)
		<-tr.done
		if waited := time.Since(began); waited != 5*time.Second {
			t.Fatalf("closed after %v", waited)
		}
		tr, peer = pipe()
		defer peer.Close()
		tr.Write(reply(10))
		tr.Finish(time.Hour)
		tr.Finish(0)
		began = time.Now()
		<-tr.done
		if waited := time.Since(began); waited != 0 {
			t.Fatalf("closed after %v", waited)
		}
	})
}

func TestNothingComesBehindTheLastWord(t *testing.T) {
	// The model test got deliveries behind connection.close, while the channels of that connection were ending.
	synctest.Test(t, func(t *testing.T) {
		tr, peer := pipe()
		own, other := channel.NewOutlet(tr, 0), channel.NewOutlet(tr, 0)
		put := func(o *channel.Outlet, reason string) {
			f := &channel.Frames{}
			f.Method(0, &amqp091.ConnectionBlocked{Reason: reason})
			o.Put(0, 1, f, f.Size())
		}
		put(other, "before")
		tr.LastWord(own)
		put(other, "behind")
		put(own, "close")
		tr.Finish(time.Second)
		got, err := io.ReadAll(peer)
		want := amqp091.AppendMethod(nil, 0, &amqp091.ConnectionBlocked{Reason: "before"})
		if want = amqp091.AppendMethod(want, 0, &amqp091.ConnectionBlocked{Reason: "close"}); string(got) != string(want) {
			t.Fatalf("%q, %v", got, err)
		}
		if n := tr.replies.Load(); n != 0 {
			t.Errorf("%d bytes of replies wait for ever", n)
		}
	})
}

func TestFinishWritesWhatWaits(t *testing.T) {
	// P-13: what was said before the end arrives, then the socket closes.
	synctest.Test(t, func(t *testing.T) {
		tr, peer := pipe()
		tr.Write(reply(100))
		tr.Finish(time.Second)
		if all, err := io.ReadAll(peer); err != nil || len(all) == 0 {
			t.Fatalf("%d bytes, %v", len(all), err)
		}
		<-tr.done
	})
}

func TestIdleTransportHasNoWriter(t *testing.T) {
	// the goroutine that writes ends when it has had nothing to write for long, and another one begins with the next it has.
	synctest.Test(t, func(t *testing.T) {
		tr, peer := pipe()
		hears := func(c channel.Chunk) {
			t.Helper()
			n := c.Frames.Size()
			tr.Write(c)
			if _, err := io.ReadFull(peer, make([]byte, n)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		there := func(want bool) {
			t.Helper()
			synctest.Wait()
			tr.mu.Lock()
			defer tr.mu.Unlock()
			if tr.writer != want {
				t.Fatalf("a writer is there: %v", tr.writer)
			}
		}
		there(false)
		for range 3 {
			hears(reply(10))
			there(true)
			tr.rest()
			there(true) // it has written since
			hears(reply(20))
			tr.rest()
			there(true)
			tr.rest()
			there(false)
			tr.rest()
		}
		tr.Finish(time.Second)
		if _, err := peer.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Fatalf("behind the end: %v", err)
		}
		synctest.Wait()
	})
}
