package connection

import (
	"bytes"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/alarm"
	"warren/actors/channel"
	"warren/actors/rate"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// tape is a socket that plays back, at most step bytes with a read, and remembers how large the buffers were.
type tape struct {
	net.Conn
	b      []byte
	step   int
	rooms  []int
	lent   int
	closed bool
}

func (t *tape) Read(b []byte) (int, error) {
	t.rooms = append(t.rooms, len(b))
	if len(t.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(t.step, len(b))], t.b)
	t.b = t.b[n:]
	return n, nil
}

func (t *tape) Close() error { t.closed = true; return nil }

// plenty is more memory of contents than a test needs.
func plenty() *alarm.Contents {
	return alarm.NewMemory(alarm.Marks{High: 1 << 40, Low: 1 << 40}, alarm.Policy{}).Contents()
}

// play reads a tape to its end and returns what came into each channel's inbox, and into the connection's. Each third time that the reader
// lends its goroutine, another one goes on in its place.
func play(tp *tape, frameMax int) (r *reader, control []channel.Step, messages []protocol.Message) {
	send := func(*actor.PID, any) {}
	t := newTransport(tp, send, nil, plenty())
	var limits atomic.Pointer[negotiated]
	limits.Store(&negotiated{frameMax: frameMax, channelMax: 10, user: "guest", running: true})
	var inboxes []*channel.Inbox
	r = &reader{
		transport: t, control: channel.NewInbox(send, func(int) {}), memory: alarm.NewMemory(alarm.Marks{High: 1 << 40, Low: 1 << 40}, alarm.Policy{}), limits: &limits,
		flow: &Flow{}, blocking: func() {}, size: slabMin, waiters: [2]*rate.Waiter{rate.NewWaiter(t.wakeReader), rate.NewWaiter(t.wakeReader)},
		assembler: newAssembler(func(number uint16) (*inbound, *protocol.Error) {
			in := channel.NewInbox(send, func(int) {})
			inboxes = append(inboxes, in)
			return &inbound{number: number, inbox: in}, nil
		}),
	}
	replaced := true
	r.put, r.lend = r.deliver, func(put func()) bool {
		put()
		tp.lent++
		replaced = tp.lent%3 == 0
		return !replaced
	}
	for replaced {
		replaced = false
		r.run()
	}
	for _, in := range inboxes {
		for _, s := range in.After(0) {
			messages = append(messages, s.Messages...)
		}
	}
	return r, r.control.After(0), messages
}

func TestSlabsFollowTheTraffic(t *testing.T) {
	// Promise: an idle connection holds a small buffer, a busy one gets hundreds of messages with one read (DESIGN section 4);
	// one that goes idle again gets a small one again.
	s := opened()
	for range 20_000 {
		s.publish(1, "x", "k", "0123456789")
	}
	tp := &tape{b: s.b, step: 1 << 30}
	r, _, messages := play(tp, 131072)
	if largest := slices.Max(tp.rooms); tp.rooms[0] != slabMin || largest != slabMax || len(messages) != 20_000 {
		t.Fatalf("first read of %d bytes, the largest of %d, %d messages", tp.rooms[0], largest, len(messages))
	}
	if reads := len(tp.rooms); reads > len(s.b)/slabMax*2+20 {
		t.Errorf("%d reads for %d bytes", reads, len(s.b))
	}
	r.transport = newTransport(&tape{b: bytes.Repeat([]byte{0}, 100), step: 1}, nil, nil, plenty())
	for range 100 {
		if _, err := r.fill(); err != nil {
			t.Fatal(err)
		}
		r.start = r.end
	}
	if r.size != slabMin {
		t.Errorf("slabs of %d for single bytes", r.size)
	}
}

func TestMessagesKeepTheirBytes(t *testing.T) {
	// Promise: messages alias the slab they were read into, and no slab is read into twice (DESIGN section 4, bytes).
	for _, step := range []int{1, 7, 1000, 5000, 1 << 30} {
		s := (&script{frameMax: 8192}).method(1, opened1())
		var want []string
		for i := range 300 {
			body := strings.Repeat(string(rune('a'+i%26)), i*i%30_000)
			if step == 1 {
				body = body[:len(body)%50]
			}
			want = append(want, body)
			s.publish(1, "x", "k", body)
		}
		tp := &tape{b: s.b, step: step}
		_, _, messages := play(tp, 8192)
		if len(messages) != len(want) {
			t.Fatalf("step %d: %d messages", step, len(messages))
		}
		if lends := step <= lendMax; lends != (tp.lent > 3) {
			t.Errorf("step %d: the reader has lent its goroutine %d times", step, tp.lent)
		}
		for i := range messages {
			if string(messages[i].Body) != want[i] || messages[i].RoutingKey != "k" {
				t.Fatalf("step %d: message %d is %q", step, i, messages[i].Body)
			}
		}
	}
}

func TestFramesBeyondFrameMax(t *testing.T) {
	// P-02: a frame above frame_max is refused by its header alone; nothing behind it can be read, and the end is told last.
	s := (&script{frameMax: 0}).method(1, opened1()).publish(1, "x", "k", strings.Repeat("x", 9000)).publish(1, "x", "k", "behind")
	_, control, messages := play(&tape{b: s.b, step: 100}, 8192)
	if len(messages) != 0 || len(control) != 2 || control[0].Err == nil || !control[0].Last || !control[1].Closed {
		t.Fatalf("%d messages, control %+v", len(messages), control)
	}
	if text := control[0].Err.ReplyText(); !strings.HasPrefix(text, "FRAME_ERROR") || !strings.Contains(text, "{frame_too_large,9000,8184}") {
		t.Errorf("%s", text)
	}
}

func TestNoFrameMaxReservesWhatArrives(t *testing.T) {
	// Promise: bounded: where there is no frame_max, a header that announces 4 GiB reserves no more than a slab, or as much
	// again as has arrived.
	tp := &tape{b: append([]byte{3, 0, 1, 0xff, 0xff, 0xff, 0xf0}, make([]byte, 3<<20)...), step: 1 << 30}
	r, _, _ := play(tp, 0)
	if len(r.slab) > 8<<20 {
		t.Fatalf("a slab of %d bytes", len(r.slab))
	}
}

func opened1() *amqp091.ChannelOpen { return &amqp091.ChannelOpen{} }
