package connection

import (
	"bytes"
	"io"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/channel"
	"warren/protocol/amqp091"
)

// meter is a socket's raw side, which takes so many bytes of the next write and no more. The tests' sockets are pipes, whose other end sees
// nothing of that: what was taken is in got.
type meter struct {
	direct *direct
	takes  int
	err    syscall.Errno // instead
	during func()        // while the call lasts
	got    []byte
	calls  int
}

func (m *meter) Control(func(uintptr)) error   { return nil }
func (m *meter) Read(func(uintptr) bool) error { return io.EOF }

func (m *meter) Write(func(uintptr) bool) error {
	p := &m.direct.out
	m.calls++
	if m.during != nil {
		m.during()
	}
	p.n, p.err = min(m.takes, len(p.b)), m.err
	if p.err == 0 && p.n == 0 {
		p.err = syscall.EAGAIN
	}
	if p.err == 0 {
		m.got = append(m.got, p.b[:p.n]...)
	}
	return nil
}

// metered is a transport with its writer, of which the first write goes to a meter.
func metered(takes int) (*Transport, *meter, io.ReadCloser) {
	t, peer := pipe()
	m := &meter{takes: takes}
	m.direct = &direct{raw: m}
	t.direct, t.calm = m.direct, func() bool { return m.calls == 0 }
	return t, m, peer
}

// spoken puts a method on an outlet and returns its bytes.
func spoken(o *channel.Outlet, reason string) []byte {
	f, m := &channel.Frames{}, &amqp091.ConnectionBlocked{Reason: reason}
	f.Method(0, m)
	o.Put(0, o.Last()+1, f, f.Size())
	return amqp091.AppendMethod(nil, 0, m)
}

func TestDirectWriteStopsAtEachByte(t *testing.T) {
	// Promise: wherever a socket stops taking what is written at once, the writer goes on from there, in front of what came meanwhile, and
	// whoever is to hear that it has left hears so once, and not before.
	size := len(amqp091.AppendMethod(nil, 0, &amqp091.ConnectionBlocked{Reason: "first"}))
	for takes := range size + 1 {
		synctest.Test(t, func(t *testing.T) {
			tr, m, peer := metered(takes)
			outlet := channel.NewOutlet(tr, 0)
			told := 0
			tr.send = func(*actor.PID, any) { told++ }
			outlet.Claim(actor.NewPID("", "channel"), 0)
			var want []byte
			m.during = func() { // somebody else writes, and waits
				m.during = nil
				want = append(want, spoken(channel.NewOutlet(tr, 0), "second")...)
				synctest.Wait()
			}
			first := spoken(outlet, "first")
			want = append(first, want...)
			synctest.Wait() // the writer has begun, and the peer does not read
			if left := outlet.Written(); left != 0 && takes < size || told != 0 && takes < size {
				t.Fatalf("%d of %d bytes are taken: %d said to have left, to %d", takes, size, left, told)
			}
			got := bytes.Clone(m.got)
			read := func() { // with no later write to wake the writer
				rest := make([]byte, len(want)-len(got))
				if _, err := io.ReadFull(peer, rest); err != nil {
					t.Fatal(err)
				}
				got = append(got, rest...)
				synctest.Wait()
			}
			read()
			want = append(want, spoken(outlet, "third")...)
			read()
			if !bytes.Equal(got, want) || len(m.got) != takes {
				t.Fatalf("%d of %d bytes were taken: %q, want %q", takes, size, got, want)
			}
			if tr.sent.Load() != int64(len(want)) || told != 2 || tr.replies.Load() != 0 || tr.writing || m.calls != 1 {
				t.Fatalf("%d of %d bytes are sent, %d told, %d bytes of replies, writing %v, %d calls", tr.sent.Load(), len(want), told, tr.replies.Load(), tr.writing, m.calls)
			}
			tr.Close()
		})
	}
}

func TestEndWhileADirectWriteLasts(t *testing.T) {
	// Promise: a socket that is to be closed is, whatever a write at once was doing at that moment, with nothing left behind: at once when it is
	// closed or fails, behind the last byte when it has time, and when the time is over when the client does not read.
	const all = 1 << 10
	for _, c := range []struct {
		what   string
		takes  int
		err    syscall.Errno
		during func(tr *Transport)
		reads  bool          // the client does
		lasts  time.Duration // until the socket is closed
	}{
		{what: "closed, all is taken", takes: all, during: func(tr *Transport) { tr.Close() }},
		{what: "closed, half is taken", takes: 5, during: func(tr *Transport) { tr.Close() }},
		{what: "closed, nothing is taken", takes: 0, during: func(tr *Transport) { tr.Close() }},
		{what: "it fails", err: syscall.EPIPE},
		{what: "it fails while it ends", err: syscall.EPIPE, during: func(tr *Transport) { tr.Finish(time.Second) }},
		{what: "it ends, all is taken", takes: all, during: func(tr *Transport) { tr.Finish(time.Second) }},
		{what: "it ends, half is taken, and is read", takes: 5, during: func(tr *Transport) { tr.Finish(time.Second) }, reads: true},
		{what: "it ends, half is taken, and nobody reads", takes: 5, during: func(tr *Transport) { tr.Finish(time.Second) }, lasts: time.Second},
		{what: "it has a last word, half is taken", takes: 5, during: func(tr *Transport) { tr.LastWord(nil); tr.Finish(time.Second) }, reads: true},
		{what: "its time is up, half is taken", takes: 5, during: func(tr *Transport) { tr.CloseIn(time.Minute) }, lasts: time.Minute},
	} {
		t.Run(c.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr, m, peer := metered(c.takes)
				defer peer.Close()
				m.err = c.err
				m.during = func() {
					if c.during != nil {
						c.during(tr)
						synctest.Wait()
					}
				}
				began := time.Now()
				want := spoken(channel.NewOutlet(tr, 0), "first")
				if c.reads {
					rest, err := io.ReadAll(peer)
					if got := append(m.got, rest...); err != nil || !bytes.Equal(got, want) {
						t.Fatalf("%q, %v", got, err)
					}
				}
				<-tr.done
				if lasted := time.Since(began); lasted != c.lasts {
					t.Errorf("closed after %v", lasted)
				}
				synctest.Wait()
				if n := len(tr.pending); n > 0 || tr.fuse != nil {
					t.Errorf("%d chunks are left behind, and a timer: %v", n, tr.fuse != nil)
				}
			})
		})
	}
}
