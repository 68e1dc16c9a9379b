package budget

import (
	"bytes"
	"fmt"
	"math"
	"net"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"warren/internal/config"
	"warren/supervision/tree"
	"warren/test/broker"
	"warren/test/raw"
)

const (
	turns  = 100 // of a round
	rounds = 5   // the best of them counts: what else the process does only adds
)

// DESIGN section 8: no allocations in forwarding. A batch may allocate: the slab it was read into, the commands that carry it from
// actor to actor, the event that the queue's stream keeps, the frames that go out. So what a turn of many messages allocates is bounded
// by what a batch may, far below one for each message.
func TestAllocationsPerMessage(t *testing.T) {
	if broker.RaceEnabled {
		t.Skip("the race detector throws pooled memory away at random: make budget runs this without it")
	}
	for _, c := range []struct {
		load
		messages int // of a batch: as many as one read takes
		// Bounds: allocations of a batch, bytes for each message. Behind each row what was measured on 2026-11-24.
		mallocs, bytes float64
	}{
		{load{what: "16 B, no ack", body: 16}, 250, 40, 200},                                                               // 25, 174
		{load{what: "1 KiB, no ack", body: 1024}, 50, 45, 1600},                                                            // 27, 1420
		{load{what: "16 B, acked by the batch", body: 16, acks: true}, 250, 60, 320},                                       // 37, 282
		{load{what: "16 B, transient, confirmed, acked by the batch", body: 16, acks: true, confirms: true}, 250, 75, 330}, // 48, 283
		// On the machine's file system, unsynced: a file system in memory allocates more than the broker.
		{load{what: "1 KiB, persistent, confirmed, acked by the batch", body: 1024, acks: true, confirms: true, disk: true}, 50, 100, 4300}, // 72, 3750
	} {
		t.Run(c.what, func(t *testing.T) {
			got := measure(connect(t, start(t), c.load, c.messages).turn)
			got.bytes /= float64(c.messages)
			t.Logf("%.1f allocations in a batch of %d, %.0f bytes a message", got.mallocs, c.messages, got.bytes)
			if got.mallocs > c.mallocs {
				t.Errorf("%.1f allocations in a batch of %d, more than %.0f", got.mallocs, c.messages, c.mallocs)
			}
			if got.bytes > c.bytes {
				t.Errorf("%.0f bytes allocated a message, more than %.0f", got.bytes, c.bytes)
			}
		})
	}
}

// cost is what one turn allocates.
type cost struct{ mallocs, bytes float64 }

// measure returns the least of some rounds. The collector rests meanwhile: it empties pools.
func measure(turn func()) cost {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for range turns { // until pools and windows have their size
		turn()
	}
	least := cost{math.Inf(1), math.Inf(1)}
	for range rounds {
		runtime.GC()
		turn() // fills the pools again
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range turns {
			turn()
		}
		runtime.ReadMemStats(&after)
		least.mallocs = min(least.mallocs, float64(after.Mallocs-before.Mallocs)/turns)
		least.bytes = min(least.bytes, float64(after.TotalAlloc-before.TotalAlloc)/turns)
	}
	return least
}

// load is what is published, and how it is consumed.
type load struct {
	what                 string
	body                 int
	acks, confirms, disk bool
}

func start(t *testing.T) string {
	t.Helper()
	c, err := config.Load("", []string{"journal.sync=os"})
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := tree.New(c, t.TempDir(), []*tree.Socket{{Listener: socket, Name: "default"}}, 4<<30, zerolog.Nop(), func() {})
	if err := b.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	return socket.Addr().String()
}

// connect is a client with a queue of its own.
func connect(t *testing.T, addr string, l load, messages int) *client {
	t.Helper()
	c := &client{t: t, publisher: raw.Open(t, addr), consumer: raw.Open(t, addr), messages: messages, acks: l.acks, confirms: l.confirms}
	c.publisher.OpenChannel(channel)
	c.consumer.OpenChannel(channel)
	const durable = 1 << 1
	name, flags := fmt.Sprint("q", messages), byte(0)
	if l.disk {
		flags = durable
	}
	c.consumer.Call(channel, raw.QueueDeclare, raw.Fields{}.Short(0).ShortStr(name).Octet(flags).Table(), raw.QueueDeclareOk)
	const noAck = 1 << 1
	flags = noAck
	if l.acks {
		flags = 0
	}
	c.consumer.Call(channel, raw.BasicConsume, raw.Fields{}.Short(0).ShortStr(name).ShortStr("c").Octet(flags).Table(), raw.BasicConsumeOk)
	if l.confirms {
		c.publisher.Call(channel, raw.ConfirmSelect, raw.Fields{}.Octet(0), raw.ConfirmSelectOk)
	}
	header := raw.ContentHeader(channel, uint64(l.body))
	if l.disk {
		header = persistent(uint64(l.body))
	}
	for i := range messages {
		c.batch = append(c.batch, raw.MethodFrame(channel, raw.BasicPublish, raw.Publish("", name))...)
		c.batch = append(append(c.batch, header...), raw.Body(channel, bytes.Repeat([]byte{byte(i)}, l.body))...)
	}
	for _, conn := range []*raw.Conn{c.publisher, c.consumer} {
		if err := conn.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	c.in = frames{from: c.consumer.Conn, buffer: make([]byte, 1<<20)}
	c.back = frames{from: c.publisher.Conn, buffer: make([]byte, 1<<16)}
	return c
}

// persistent is a content header with delivery-mode 2.
func persistent(body uint64) []byte {
	const deliveryModePresent = 1 << 12
	payload := raw.Fields{}.Short(60).Short(0).LongLong(body).Short(deliveryModePresent).Octet(2)
	return raw.Frame{Type: raw.FrameHeader, Channel: channel, Payload: payload}.Encode()
}

// The client's own loop counts for nothing.
func TestTheClientAllocatesNothing(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		frame := raw.MethodFrame(channel, raw.BasicAck, raw.Fields{}.LongLong(1).Octet(1))
		for {
			if _, err := far.Write(frame); err != nil {
				return
			}
		}
	}()
	f := frames{from: near, buffer: make([]byte, 1<<10)}
	if n := testing.AllocsPerRun(1000, func() { f.next(t) }); n >= 1 {
		t.Error(fmt.Sprint(n, " allocations for a frame"))
	}
}
