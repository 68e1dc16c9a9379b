package chaos

import (
	"net"
	"sync"
	"sync/atomic"

	"warren/protocol/amqp091"
)

// tap is a client's socket that looks at every frame of the broker before the client does. The client library puts confirms in
// order and drops what it has seen; the tap sees what came.
type tap struct {
	net.Conn
	fault     func(format string, args ...any)
	carry     []byte
	published atomic.Uint64 // tags given to publishes so far

	mu       sync.Mutex
	low      uint64 // all up to it are confirmed
	above    map[uint64]bool
	confirms uint64
}

func newTap(conn net.Conn, fault func(string, ...any)) *tap {
	return &tap{Conn: conn, fault: fault, above: map[uint64]bool{}}
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
		t.confirmed(m.DeliveryTag, m.Multiple)
	case id == amqp091.MethodBasicNack:
		t.fault("a publish was nacked")
	}
}

// confirmed checks that every confirm brings news.
func (t *tap) confirmed(tag uint64, multiple bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := tag
	if multiple {
		first = t.low + 1
	}
	news := 0
	for ; first <= tag; first++ {
		if first > t.low && !t.above[first] {
			t.above[first] = true
			news++
		}
	}
	if news == 0 {
		t.fault("confirm of %d (multiple: %v) came before", tag, multiple)
	}
	t.confirms += uint64(news)
	for t.above[t.low+1] {
		t.low++
		delete(t.above, t.low)
	}
}

// count is how many publishes are confirmed.
func (t *tap) count() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.confirms
}
