package channel

import (
	"math"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"warren/protocol/amqp091"
)

// Outlet is a channel's way to the socket. It remembers the newest output it was given, so that a channel which restarts
// neither repeats nor drops one. It belongs to the connection's transport.
type Outlet struct {
	sink Sink

	putting sync.Mutex // so that the sink gets everything in the order of the ordinals; before mu
	writer  uint64     // incarnation that may hand over; guarded by putting
	ends    ends       // what was handed over of the end; guarded by putting

	mu       sync.Mutex
	last     uint64 // ordinal of the newest output
	queued   uint64 // bytes given to the sink
	pid      *actor.PID
	frameMax int

	written atomic.Uint64 // bytes that have left
}

// Sink takes frames to the socket. Write never blocks.
type Sink interface {
	Write(Chunk)
	Send(*actor.PID, any)
}

// Chunk is frames that go out together.
type Chunk struct {
	Frames *Frames
	// Replies is how many of the bytes are not deliveries, which have a window of their own.
	Replies int
	Outlet  *Outlet // told when they have left; nil for nobody
}

// Drained tells a channel that frames have left for the client.
type Drained struct{}

var drained = &Drained{}

// NewOutlet returns the outlet of one channel. frameMax is the negotiated one, 0 for no limit.
func NewOutlet(sink Sink, frameMax int) *Outlet { return &Outlet{sink: sink, frameMax: frameMax} }

// Claim makes an incarnation the outlet's only writer, and pid the actor that hears of Drained; nil for nobody. It returns the ordinal
// of the newest output that was handed over, which stays so until this incarnation hands over more: one before it that wakes up, because
// it was stuck, is refused.
func (o *Outlet) Claim(pid *actor.PID, incarnation uint64) uint64 {
	o.putting.Lock()
	defer o.putting.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	if incarnation >= o.writer {
		o.writer, o.pid = incarnation, pid
	}
	return o.last
}

// Last is the ordinal of the newest output that was handed over.
func (o *Outlet) Last() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// Put hands over frames that hold the outputs up to an ordinal, or drops them when another incarnation has the outlet by now.
func (o *Outlet) Put(incarnation, upto uint64, f *Frames, replies int) {
	o.putting.Lock()
	defer o.putting.Unlock()
	if incarnation != o.writer {
		f.Release()
		return
	}
	o.ends |= f.ends
	o.mu.Lock()
	o.last = upto
	o.queued += uint64(f.Size())
	o.mu.Unlock()
	o.sink.Write(Chunk{Frames: f, Replies: replies, Outlet: o})
}

// Finish says the last words in place of an actor that was given up: to the client that has closed, what answers that, to another one that
// this is closed. Nothing is said twice, whoever has said it, and no incarnation hands over anything any more.
func (o *Outlet) Finish(at Ending, number uint16, closes, closeOk amqp091.Method) {
	o.putting.Lock()
	defer o.putting.Unlock()
	o.mu.Lock()
	o.writer, o.pid = math.MaxUint64, nil
	o.mu.Unlock()
	f := &Frames{}
	switch {
	case at == ClosedByPeer && o.ends&saysCloseOk == 0:
		f.Method(number, closeOk)
	case at == Alive && o.ends == 0:
		f.Method(number, closes)
	default:
		return
	}
	o.ends |= f.ends
	o.sink.Write(Chunk{Frames: f, Replies: f.Size(), Outlet: o})
}

// Queued is the number of bytes handed over since the channel was opened.
func (o *Outlet) Queued() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.queued
}

// Written is how many of them have left.
func (o *Outlet) Written() uint64 { return o.written.Load() }

// Wrote is called by the sink when n bytes have left.
func (o *Outlet) Wrote(n int) {
	o.written.Add(uint64(n))
	o.mu.Lock()
	pid := o.pid
	o.mu.Unlock()
	if pid != nil {
		o.sink.Send(pid, drained)
	}
}
