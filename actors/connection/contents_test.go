package connection

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/alarm"
	"warren/actors/channel"
	"warren/actors/rate"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// readerOn is a reader on one end of a pipe, whose messages lie in the inbox of its first channel.
func readerOn(memory *alarm.Memory) (r *reader, inbox *channel.Inbox, peer net.Conn) {
	ours, theirs := net.Pipe()
	r, inbox = readerOf(memory, ours)
	return r, inbox, theirs
}

func readerOf(memory *alarm.Memory, conn net.Conn) (r *reader, inbox *channel.Inbox) {
	send := func(*actor.PID, any) {}
	t := newTransport(conn, send, nil, memory.Contents())
	var limits atomic.Pointer[negotiated]
	limits.Store(&negotiated{frameMax: 131072, channelMax: 10, user: "guest", running: true})
	inbox = channel.NewInbox(send, t.account)
	r = &reader{
		transport: t, control: channel.NewInbox(send, func(int) {}), memory: memory, limits: &limits, flow: &Flow{}, blocking: func() {}, size: slabMin,
		waiters:   [2]*rate.Waiter{rate.NewWaiter(t.wakeReader), rate.NewWaiter(t.wakeReader)},
		assembler: newAssembler(func(number uint16) (*inbound, *protocol.Error) { return &inbound{number: number, inbox: inbox}, nil }),
	}
	r.anew, r.put, r.lend = r.run, r.deliver, func(put func()) bool { put(); return true }
	go r.run()
	return r, inbox
}

func bodies(in *channel.Inbox) (out []string) {
	for _, s := range in.After(0) {
		for _, m := range s.Messages {
			out = append(out, string(m.Body))
		}
	}
	return out
}

func opening(size int, body string) []byte {
	return (&script{frameMax: 131072}).method(1, &amqp091.ChannelOpen{}).publish(1, "x", "k", "first").publish(1, "x", "k", strings.Repeat(body, size)).b
}

func TestContentsAreReservedFirst(t *testing.T) {
	// a large content is read when there is memory for it and not before; what came in front of it does not wait, its connection is
	// in flow, and what it had goes back: when its message is in its queues, or when its connection ends in the middle of it.
	synctest.Test(t, func(t *testing.T) {
		const size = 600 << 10
		memory := alarm.NewMemory(alarm.Marks{High: 8 << 20, Low: 8 << 20}, alarm.Policy{}) // 1 MiB of contents
		_, in, one := readerOn(memory)
		_, in2, two := readerOn(memory)
		half := opening(size, "a")
		half = half[:len(half)-1000]
		if _, err := one.Write(half); err != nil {
			t.Fatal(err)
		}
		r, _, _ := readerOn(memory)
		go two.Write(opening(size, "b"))
		synctest.Wait()
		if got := bodies(in2); len(got) != 1 || got[0] != "first" {
			t.Fatalf("%d messages while there is no room for more", len(got))
		}
		if got := bodies(in); len(got) != 1 {
			t.Fatalf("%d messages of one that is not whole", len(got))
		}
		_ = one.Close()
		synctest.Wait()
		if got := bodies(in2); len(got) != 2 || got[1] != strings.Repeat("b", size) {
			t.Fatalf("%d messages", len(got))
		}
		if memory.Contents().Open() != true {
			t.Fatal("not open")
		}
		in2.Close()
		_ = two.Close()
		synctest.Wait()
		r.transport.Close()
		synctest.Wait()
		if held := memory.Contents().Held(); held != 0 {
			t.Fatalf("%d bytes are left", held)
		}
	})
}

func TestContentsInPieces(t *testing.T) {
	// 4.2.3: a body is read where it stays, whatever a read brings, and the octet behind each frame is looked at.
	for _, step := range []int{1000, 4096, 131073, 200_000} {
		body := strings.Repeat("0123456789abcde", 40_000)
		s := (&script{frameMax: 131072}).method(1, &amqp091.ChannelOpen{})
		for range 3 {
			s.publish(1, "x", "k", body).publish(1, "x", "k", "small")
		}
		_, control, messages := play(&tape{b: s.b, step: step}, 131072)
		if len(messages) != 6 || len(control) != 1 {
			t.Fatalf("step %d: %d messages, control %+v", step, len(messages), control)
		}
		for i, m := range messages {
			if want := []string{body, "small"}[i%2]; string(m.Body) != want || cap(m.Body) != len(m.Body) && i%2 == 0 {
				t.Fatalf("step %d: message %d of %d bytes", step, i, len(m.Body))
			}
		}
	}
	s := (&script{frameMax: 131072}).method(1, &amqp091.ChannelOpen{}).publish(1, "x", "k", strings.Repeat("x", 100_000))
	s.b[len(s.b)-1] = 0
	_, control, messages := play(&tape{b: s.b, step: 5000}, 131072)
	if len(messages) != 0 || len(control) != 2 || control[0].Err == nil || !control[0].Last {
		t.Fatalf("%d messages, control %+v", len(messages), control)
	}
	if text := control[0].Err.ReplyText(); text != "FRAME_ERROR - type 3, first 16 octets = <<\"xxxxxxxxxxxxxxxx\">>: {invalid_frame_end_marker,0}" {
		t.Errorf("%s", text)
	}
}

func TestContentInMoreFramesThanItNeeds(t *testing.T) {
	// what would have fitted into one frame, and comes in several, is reserved as soon as that shows.
	synctest.Test(t, func(t *testing.T) {
		const size = 100 << 10
		memory := alarm.NewMemory(alarm.Marks{High: 1 << 30, Low: 1 << 30}, alarm.Policy{})
		r, in, peer := readerOn(memory)
		write := func(b []byte, reserved int64) {
			if _, err := peer.Write(b); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			inflight := max(0, r.transport.inflight.Load()-alarm.Guaranteed)
			if got := memory.Contents().Held() - inflight; got != reserved {
				t.Fatalf("%d bytes are reserved, not %d", got, reserved)
			}
		}
		s := (&script{frameMax: 131072}).method(1, &amqp091.ChannelOpen{}).publish(1, "x", "k", strings.Repeat("z", size))
		write(s.b[:len(s.b)-1000], 0)
		write(s.b[len(s.b)-1000:], 0)
		in.Done(0, 99, 0)
		s = (&script{frameMax: 10_000}).publish(1, "x", "k", strings.Repeat("z", size))
		write(s.b[:len(s.b)-1000], size)
		write(s.b[len(s.b)-1000:], 0)
		in.Close()
		_ = peer.Close()
		synctest.Wait()
		if got := memory.Contents().Held(); got != 0 {
			t.Fatalf("%d bytes are left", got)
		}
	})
}

func TestIdleReaderHoldsNoSlab(t *testing.T) {
	// a reader that nothing comes from gives its buffer back, and goes on reading.
	synctest.Test(t, func(t *testing.T) {
		r, in, peer := readerOn(alarm.NewMemory(alarm.Marks{High: 8 << 20, Low: 8 << 20}, alarm.Policy{}))
		write := func(b []byte) {
			if _, err := peer.Write(b); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		s := opened()
		for range 100 {
			s.publish(1, "x", "k", "0123456789")
		}
		write(s.b)
		r.transport.rest()
		synctest.Wait()
		if !r.transport.slab.Load() {
			t.Fatal("gave its buffer back at once")
		}
		r.transport.rest()
		time.Sleep(time.Second)
		synctest.Wait()
		if r.transport.slab.Load() {
			t.Fatal("still has a buffer")
		}
		before := r.transport.received.Load()
		for range 3 {
			write([]byte(heartbeat))
		}
		if got := r.transport.received.Load() - before; r.transport.slab.Load() || got != int64(3*len(heartbeat)) {
			t.Fatalf("after three heartbeats: %d bytes received, a buffer is %v", got, r.transport.slab.Load())
		}
		write((&script{frameMax: 8192}).publish(1, "x", "k", strings.Repeat("y", 3000)).b)
		if got := bodies(in); len(got) != 101 || got[100] != strings.Repeat("y", 3000) {
			t.Fatalf("%d messages", len(got))
		}
		if !r.transport.slab.Load() {
			t.Fatal("reads without a buffer")
		}
		_ = peer.Close()
		synctest.Wait()
	})
}
