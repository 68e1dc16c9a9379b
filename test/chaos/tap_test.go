package chaos

import (
	"net"
	"sync"

	"warren/protocol/amqp091"
)

// tap is a client's socket that looks at every frame of the broker before the client does. The client library puts confirms in
// order and drops what it has seen; the tap sees what came.
type tap struct {
	net.Conn
	fault func(format string, args ...any)
	carry []byte

	mu       sync.Mutex
	channels map[uint16]*confirms
	total    uint64 // of all channels
}

// confirms are the tags that were confirmed on a channel.
type confirms struct {
	low   uint64 // all up to it
	above map[uint64]bool
}

func newTap(conn net.Conn, fault func(string, ...any)) *tap {
	return &tap{Conn: conn, fault: fault, channels: map[uint16]*confirms{}}
}

func (t *tap) Read(b []byte) (int, error) {
	n, err := t.Conn.Read(b)
	t.carry = append(t.carry, b[:n]...)
	for {
		f, size, err := amqp091.ParseFrame(t.carry, 0)
		if err != nil {
			t.fault("out of step: %v", err)
			t.carry = nil
		}
		if size == 0 {
			break
		}
		t.frame(f)
		t.carry = t.carry[size:]
	}
	t.carry = append([]byte(nil), t.carry...)
	return n, err
}

func (t *tap) frame(f amqp091.Frame) {
	if f.Type != amqp091.FrameMethod {
		return
	}
	id, args, err := amqp091.SplitMethod(f.Payload)
	switch {
	case err != nil:
		t.fault("malformed method: %v", err)
	case id == amqp091.MethodBasicAck:
		var m amqp091.BasicAck
		if err := m.Parse(args); err != nil {
			t.fault("malformed ack: %v", err)
		}
		t.confirmed(f.Channel, m.DeliveryTag, m.Multiple)
	case id == amqp091.MethodChannelOpenOk:
		t.mu.Lock()
		t.channels[f.Channel] = &confirms{above: map[uint64]bool{}}
		t.mu.Unlock()
	case id == amqp091.MethodBasicNack:
		t.fault("a publish was nacked")
	}
}

// confirmed checks that every confirm brings news.
func (t *tap) confirmed(channel uint16, tag uint64, multiple bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.channels[channel]
	if c == nil {
		t.fault("confirm on channel %d, which is not open", channel)
		return
	}
	first := tag
	if multiple {
		first = c.low + 1
	}
	news := 0
	for ; first <= tag; first++ {
		if first > c.low && !c.above[first] {
			c.above[first] = true
			news++
		}
	}
	if news == 0 {
		t.fault("confirm of %d (multiple: %v) on channel %d came before", tag, multiple, channel)
	}
	t.total += uint64(news)
	for c.above[c.low+1] {
		c.low++
		delete(c.above, c.low)
	}
}

// count is how many publishes are confirmed.
func (t *tap) count() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.total
}
