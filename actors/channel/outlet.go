package channel

import (
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// Outlet is a channel's way to the socket. It remembers the newest output it was given, so that a channel which restarts
// neither repeats nor drops one. It belongs to the connection's transport.
type Outlet struct {
	sink Sink

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

// Attach makes an actor the one that hears of Drained.
func (o *Outlet) Attach(pid *actor.PID) {
	o.mu.Lock()
	o.pid = pid
	o.mu.Unlock()
}

// Last is the ordinal of the newest output that was handed over.
func (o *Outlet) Last() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.last
}

// Put hands over frames that hold the outputs up to an ordinal.
func (o *Outlet) Put(upto uint64, f *Frames, replies int) {
	o.mu.Lock()
	o.last = upto
	o.queued += uint64(f.Size())
	o.mu.Unlock()
	o.sink.Write(Chunk{Frames: f, Replies: replies, Outlet: o})
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
