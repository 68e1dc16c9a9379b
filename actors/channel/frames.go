package channel

import (
	"sync"

	"warren/protocol"
	"warren/protocol/amqp091"
)

// Bodies of at least this size are handed to writev where they are; below, a copy into the buffer is cheaper than another
// vector (DESIGN section 4).
const largeBody = 8 << 10

const bufferSize = 32 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, bufferSize); return &b }}

// Frames are encoded frames on their way to a socket: buffers of ours, and large bodies between them that are not copied.
type Frames struct {
	segments [][]byte
	tail     []byte // of a buffer, behind what segments have of it
	pooled   []*[]byte
	size     int
	ends     ends
}

// ends are the methods among frames that end what they are sent on.
type ends uint8

const (
	saysClose ends = 1 << iota
	saysCloseOk
)

// Size is in bytes.
func (f *Frames) Size() int { return f.size }

// Segments are what is to be written, in order. Nothing can be added after it.
func (f *Frames) Segments() [][]byte {
	f.cut()
	return f.segments
}

// Release gives the buffers back, once they are written.
func (f *Frames) Release() {
	for _, b := range f.pooled {
		*b = (*b)[:0]
		buffers.Put(b)
	}
	f.pooled, f.segments, f.tail = nil, nil, nil
}

// space makes room for n more bytes in one piece and returns the slice to append to.
func (f *Frames) space(n int) []byte {
	if cap(f.tail)-len(f.tail) >= n {
		return f.tail
	}
	f.cut()
	if n > bufferSize {
		f.tail = make([]byte, 0, n)
	} else {
		b := buffers.Get().(*[]byte)
		f.pooled = append(f.pooled, b)
		f.tail = *b
	}
	return f.tail
}

// grown takes back what was appended to space.
func (f *Frames) grown(b []byte) {
	f.size += len(b) - len(f.tail)
	f.tail = b
}

// cut closes the segment under way; what follows goes into the rest of its buffer.
func (f *Frames) cut() {
	if len(f.tail) > 0 {
		f.segments = append(f.segments, f.tail)
		f.tail = f.tail[len(f.tail):]
	}
}

// Method adds a method frame.
func (f *Frames) Method(channel uint16, m amqp091.Method) {
	switch m.(type) {
	case *amqp091.ChannelClose, *amqp091.ConnectionClose:
		f.ends |= saysClose
	case *amqp091.ChannelCloseOk, *amqp091.ConnectionCloseOk:
		f.ends |= saysCloseOk
	}
	f.grown(amqp091.AppendMethod(f.space(1024), channel, m))
}

// Heartbeat adds a heartbeat frame.
func (f *Frames) Heartbeat() { f.grown(amqp091.AppendHeartbeat(f.space(amqp091.FrameOverhead))) }

const methodRoom = 1024 // a hot method with three short strings

func (f *Frames) deliver(channel uint16, tag string, deliveryTag uint64, redelivered bool, exchange, key string) {
	f.grown(amqp091.AppendDeliver(f.space(methodRoom), channel, tag, deliveryTag, redelivered, exchange, key))
}

// content adds header and body of a message, the body in frames the client can take. Queues have messages with all their routing keys,
// since a dead letter goes by them, too; this is where no client hears of those in BCC (contract P-36).
func (f *Frames) content(channel uint16, m *protocol.Message, frameMax int) {
	properties := m.Properties
	if m.Flags.Has(protocol.FlagBCC) {
		properties = protocol.WithoutBCC(*m).Properties
	}
	f.grown(amqp091.AppendContentHeader(f.space(len(properties)+32), channel, basicClass, uint64(len(m.Body)), properties))
	if len(m.Body) < largeBody {
		f.grown(amqp091.AppendBody(f.space(amqp091.BodySize(len(m.Body), frameMax)), channel, m.Body, frameMax))
		return
	}
	for head, part := range amqp091.BodyFrames(channel, m.Body, frameMax) {
		f.grown(append(f.space(len(head)), head[:]...))
		f.cut()
		f.segments = append(f.segments, part)
		f.size += len(part)
		f.grown(append(f.space(1), amqp091.FrameEnd))
	}
}

const basicClass = 60
