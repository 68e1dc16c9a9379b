package connection

import (
	"sync/atomic"

	"warren/actors/channel"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// Slabs are the buffers that are read into. Their size follows the traffic: an idle connection holds a small one, a busy one
// gets hundreds of messages with one read. Messages alias them, so they are left to the garbage collector and never reused.
const (
	slabMin = 4 << 10
	slabMax = 256 << 10
)

// reader owns the receiving side of a socket: it reads, splits frames in place, and puts what one read brought into the
// inboxes, one batch for each channel.
type reader struct {
	transport *Transport
	assembler *assembler
	control   *channel.Inbox // of the connection's actor
	memory    Memory
	limits    *atomic.Pointer[negotiated]
	flow      *atomic.Int32
	blocking  func() // told when memory stops this connection, and when it goes on

	slab       []byte
	start, end int  // slab[start:end] is read and not parsed
	size       int  // of the next slab
	published  bool // while memory was short
	faulted    bool
}

// Memory is the node's ledger, and says when publishers must wait.
type Memory interface {
	// Resident adds delta bytes to what is held in memory.
	Resident(delta int)
	Raised() bool
	Cleared() <-chan struct{}
	// Reason is what clients are told.
	Reason() string
	// Connections says whether new connections are turned away, and which alarm of memory is up, 0 for none.
	Connections() (alarm uint64, refused bool)
}

// Flow states, why a connection is not read.
const (
	flowing int32 = iota
	inFlow
	blocked
)

func (r *reader) run() {
	for r.waitForRoom() {
		n, err := r.fill()
		if n > 0 {
			r.transport.received.Add(int64(n))
			r.parse()
		}
		if err != nil {
			break
		}
	}
	r.assembler.close()
	r.assembler.control = append(r.assembler.control, channel.Step{Closed: true})
	r.deliver()
	r.transport.Close()
}

// waitForRoom waits until the connection may read, and says whether it still stands. A connection that publishes while memory
// is short also waits until it is not any more (RabbitMQ, memory alarms); one that only consumes does not.
func (r *reader) waitForRoom() bool {
	for {
		cleared := (<-chan struct{})(nil)
		if r.published {
			if cleared = r.memory.Cleared(); cleared == nil {
				r.published = false
			}
		}
		if cleared == nil && r.transport.mayRead() {
			r.flowIs(flowing)
			select {
			case <-r.transport.done:
				return false
			default:
				return true
			}
		}
		if cleared != nil {
			r.flowIs(blocked)
		} else {
			r.flowIs(inFlow)
		}
		select {
		case <-r.transport.done:
			return false
		case <-cleared:
		case <-r.transport.room:
		}
	}
}

func (r *reader) flowIs(now int32) {
	if before := r.flow.Swap(now); (before == blocked) != (now == blocked) {
		r.blocking()
	}
}

// fill reads what is there into the slab, behind what it holds.
func (r *reader) fill() (int, error) {
	if len(r.slab)-r.end < r.need() {
		r.nextSlab()
	}
	n, err := r.transport.conn.Read(r.slab[r.end:])
	if n == len(r.slab)-r.end {
		r.size = min(slabMax, 2*r.size)
	} else if n < r.size/16 {
		r.size = max(slabMin, r.size/2)
	}
	r.end += n
	return n, err
}

// need is how much room a read is worth: at least a quarter of a slab, and the rest of a frame that is not all there. Where
// there is no frame_max, a frame's header alone makes us reserve no more than a slab, or as much again as has arrived.
func (r *reader) need() int {
	need := r.size / 4
	if have := r.end - r.start; have >= amqp091.FrameHeaderSize {
		b := r.slab[r.start:]
		size := int(uint32(b[3])<<24|uint32(b[4])<<16|uint32(b[5])<<8|uint32(b[6])) + amqp091.FrameOverhead
		need = max(need, min(size-have, max(have, slabMax)))
	}
	return need
}

// nextSlab goes on in a new slab, with what is not parsed in front.
func (r *reader) nextSlab() {
	rest := r.slab[r.start:r.end]
	slab := protocol.Uncleared(max(r.size, len(rest)+r.need()))
	r.end = copy(slab, rest)
	r.slab, r.start = slab, 0
}

func (r *reader) parse() {
	a := r.assembler
	for !r.faulted {
		limit := r.limits.Load()
		a.limits.channelMax, a.limits.user, a.limits.anyUser, a.limits.running = limit.channelMax, limit.user, limit.anyUser, limit.running
		if limit.closing {
			a.end()
		}
		maxPayload := 0
		if limit.frameMax > 0 {
			maxPayload = limit.frameMax - amqp091.FrameOverhead
		}
		f, n, err := amqp091.ParseFrame(r.slab[r.start:r.end], maxPayload)
		if err != nil { // out of step: nothing behind it can be read
			r.faulted = true
			r.fault(protocol.AsError(err), true)
			break
		}
		if n == 0 {
			break
		}
		r.start += n
		if err := a.frame(f); err != nil {
			r.fault(err, false)
		}
		if len(a.control) > 0 {
			// What follows on this connection depends on what becomes of it: a client need not wait for open-ok.
			r.deliver()
			r.awaitHandshake()
		}
	}
	if r.faulted {
		r.start = r.end
	}
	a.detach()
	r.deliver()
}

// awaitHandshake waits until the connection's actor has taken what the reader brought, while the handshake lasts.
func (r *reader) awaitHandshake() {
	for !r.limits.Load().running && !r.control.Empty() {
		select {
		case <-r.transport.done:
			return
		case <-r.transport.room:
		}
	}
}

// fault ends the connection with an error, behind what came before it.
func (r *reader) fault(err *protocol.Error, last bool) {
	if r.assembler.ended {
		return
	}
	r.assembler.end()
	r.assembler.control = append(r.assembler.control, channel.Step{Err: err, Last: last})
}

// deliver puts the steps of this read into the inboxes.
func (r *reader) deliver() {
	a := r.assembler
	a.take(func(in *inbound, steps []channel.Step) {
		if !r.published && r.memory.Raised() {
			for i := range steps {
				r.published = r.published || steps[i].Messages != nil
			}
		}
		in.inbox.Put(steps)
	})
	if len(a.control) > 0 {
		steps := a.control
		a.control = nil
		r.control.Put(steps)
	}
}
