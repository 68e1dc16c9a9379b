package connection

import (
	"bytes"
	"io"
	"net"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/channel"
	"warren/protocol/amqp091"
)

// sockets are both ends of a TCP connection.
func sockets(t *testing.T) (ours, theirs *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	here, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	return here.(*net.TCPConn), there.(*net.TCPConn)
}

func TestDirectWrite(t *testing.T) {
	// Promise: while it is calm a small chunk has left when Write returns, with no writer; else it waits for the writer.
	ours, theirs := sockets(t)
	calm := true
	tr := newTransport(ours, func(*actor.PID, any) {}, func() bool { return calm }, plenty())
	tr.writer = true // but not yet
	outlet := channel.NewOutlet(tr, 0)
	var want []byte
	put := func(size int) {
		f := &channel.Frames{}
		m := &amqp091.ConnectionBlocked{Reason: string(bytes.Repeat([]byte{'x'}, size))}
		f.Method(0, m)
		want = amqp091.AppendMethod(want, 0, m)
		outlet.Put(0, outlet.Last()+1, f, f.Size())
	}
	tr.Write(channel.Chunk{Frames: &channel.Frames{}}) // one that is empty is nobody's harm
	if len(tr.pending) != 1 {
		t.Fatalf("%d chunks wait", len(tr.pending))
	}
	tr.pending = nil
	put(100)
	if outlet.Written() != uint64(len(want)) || tr.sent.Load() != int64(len(want)) || tr.replies.Load() != 0 || tr.writing {
		t.Errorf("%d of %d bytes have left, replies %d, writing %v", outlet.Written(), len(want), tr.replies.Load(), tr.writing)
	}
	before := outlet.Written()
	calm = false
	put(100)
	calm = true
	put(100) // not before the other one
	if outlet.Written() != before || len(tr.pending) != 2 {
		t.Errorf("%d bytes more have left, %d chunks wait", outlet.Written()-before, len(tr.pending))
	}
	go tr.write()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(theirs, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%q, %v", got, err)
	}
	tr.Write(channel.Chunk{Frames: &channel.Frames{}})
	tr.Finish(0)
	<-tr.done
}

func TestDirectWriteToAFullSocket(t *testing.T) {
	// Promise: a client that does not read holds up nobody, and gets every byte once it does.
	ours, theirs := sockets(t)
	_, _ = ours.SetWriteBuffer(4<<10), theirs.SetReadBuffer(4<<10)
	tr := newTransport(ours, func(*actor.PID, any) {}, func() bool { return true }, plenty())
	outlet := channel.NewOutlet(tr, 0)
	var want []byte
	tr.writer = true // not yet: nobody else touches what is pending
	for i := 0; len(tr.pending) < 3; i++ {
		f := &channel.Frames{}
		m := &amqp091.ConnectionBlocked{Reason: string(bytes.Repeat([]byte{byte(i)}, 255))}
		for range 40 {
			f.Method(0, m)
			want = amqp091.AppendMethod(want, 0, m)
		}
		outlet.Put(0, uint64(i+1), f, 0)
	}
	go tr.write()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(theirs, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes are not what was written, %v", len(got), err)
	}
	tr.Finish(0)
	<-tr.done
	if outlet.Written() != uint64(len(want)) || tr.sent.Load() != int64(len(want)) {
		t.Errorf("written %d, sent %d of %d", outlet.Written(), tr.sent.Load(), len(want))
	}
}

func TestDirectOfALostPeer(t *testing.T) {
	// Promise: a socket that fails is closed by whoever notices, and reading ends as it does with net's.
	ours, theirs := sockets(t)
	tr := newTransport(ours, func(*actor.PID, any) {}, func() bool { return true }, plenty())
	if _, err := theirs.Write([]byte("abc")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	if n, err := tr.read(b); n != 3 || err != nil || string(b[:n]) != "abc" {
		t.Errorf("%q, %v", b[:n], err)
	}
	_ = theirs.CloseWrite()
	if n, err := tr.read(b); n != 0 || err != io.EOF {
		t.Errorf("%d, %v at the end", n, err)
	}
	_ = theirs.SetLinger(0)
	_ = theirs.Close()          // a reset
	for gone := false; !gone; { // the first may still be taken
		tr.Write(reply(10))
		select {
		case <-tr.done:
			gone = true
		default:
		}
	}
	if n, err := tr.read(b); n != 0 || err == nil {
		t.Errorf("%d, %v of a closed socket", n, err)
	}
}
