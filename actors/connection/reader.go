package connection

import (
	"errors"
	"os"
	"sync/atomic"
	"time"

	"warren/actors/alarm"
	"warren/actors/channel"
	"warren/actors/rate"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// Slabs are the buffers that are read into. Their size follows the traffic: an idle connection holds a small one, a busy one
// gets hundreds of messages with one read. Messages alias them, so they are left to the garbage collector and never reused.
const (
	slabMin = 4 << 10
	slabMax = 256 << 10 // less when there are many connections
)

// reader owns the receiving side of a socket: it reads, splits frames in place, and puts what one read brought into the
// inboxes, one batch for each channel.
type reader struct {
	transport *Transport
	assembler *assembler
	control   *channel.Inbox // of the connection's actor
	memory    Memory
	limits    *atomic.Pointer[negotiated]
	flow      *Flow
	blocking  func()          // told when memory stops this connection, and when it goes on
	waiters   [2]*rate.Waiter // for the limits of its vhost and its user

	share    *alarm.Share // of the memory of contents
	reserved int          // bytes of it for contents that have not arrived whole
	into     bodyReader

	slab       []byte
	start, end int  // slab[start:end] is read and not parsed
	size       int  // of the next slab
	resting    bool // there is no slab: nothing came for long
	doze       [64]byte
	more       bool // a limit has it stop in the middle of what is read
	published  bool // while memory was short
	faulted    bool

	// anew goes on in this goroutine, and lend has the goroutine of the reader do what put makes ready (supervision.Loan).
	anew  func()
	lend  func(put func()) bool
	put   func() // made once, so that a read makes nothing
	reads int    // up to lendAfter
	last  int    // bytes of the newest
}

// A connection lends its goroutine when it has read something so often, since that makes for a larger stack, and only while it reads
// little: else who works for others does not read.
const (
	lendAfter = 64
	lendMax   = 8 << 10
)

// Memory is the node's ledger, and says when publishers must wait.
type Memory interface {
	// Resident adds delta bytes to what is held in memory.
	Resident(delta int)
	Raised() bool
	Cleared() <-chan struct{}
	// Reason is what clients are told.
	Reason() string
	// Contents is what may lie between sockets and queues.
	Contents() *alarm.Contents
	// Connections says whether new connections are turned away, and which alarm of memory is up, 0 for none.
	Connections() (alarm uint64, refused bool)
}

// run reads until the connection ends, or until another goroutine has taken its place.
func (r *reader) run() {
	if r.share == nil { // else it goes on in another goroutine
		r.share = r.transport.contents.Join(r.transport.wakeReader)
	}
	for r.waitForRoom() {
		if r.more {
			if !r.parse() {
				return
			}
			continue
		}
		awake := !r.resting
		n, err := r.fill()
		if awake && r.resting { // on a stack that has not grown
			go r.anew()
			return
		}
		if n > 0 {
			r.transport.received.Add(int64(n))
			if !r.parse() {
				return
			}
		}
		if err != nil && !r.more { // which comes again, behind the rest
			break
		}
	}
	for _, w := range r.waiters {
		w.Leave()
	}
	r.assembler.close()
	r.assembler.control = append(r.assembler.control, channel.Step{Closed: true})
	r.settle()
	r.put()
	r.transport.Close()
	r.share.Leave()
	r.transport.contents.Hold(int64(-r.reserved))
}

// waitForRoom waits until the connection may read, and says whether it still stands. A connection that publishes while memory
// is short also waits until it is not any more (RabbitMQ, memory alarms); one that only consumes does not. Nor does one that we close: its
// client could not answer.
func (r *reader) waitForRoom() bool {
	for {
		cleared := (<-chan struct{})(nil)
		if r.published {
			if cleared = r.memory.Cleared(); cleared == nil {
				r.published = false
			}
		}
		may := cleared == nil && r.transport.mayRead() && r.mayHold()
		if !may && r.limits.Load().closing { // close-ok is awaited, and what comes before it is dropped
			r.share.StepOut()
			may = true
		}
		if may {
			if r.flow.goOn() {
				r.blocking()
			}
			select {
			case <-r.transport.done:
				return false
			default:
				return true
			}
		}
		r.stop(cleared)
		select {
		case <-r.transport.done:
			return false
		case <-cleared:
		case <-r.transport.room:
		}
	}
}

// stop says why the connection is not read.
func (r *reader) stop(alarm <-chan struct{}) {
	news := false
	switch {
	case alarm != nil:
		news = r.flow.stop(blocked, &byAlarm)
	case r.transport.inflight.Load() >= inflightWindow:
		news = r.flow.stop(inFlow, &byQueues)
	case r.transport.replies.Load() > repliesMark:
		news = r.flow.stop(inFlow, &byReplies)
	default:
		news = r.flow.stop(inFlow, &byMemory)
	}
	if news {
		r.blocking()
	}
}

// fill reads what is there. It comes back with nothing when nothing came for so long that it has to rest.
func (r *reader) fill() (int, error) {
	n, err := r.receive()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		r.rest()
		err = nil
	}
	return n, err
}

// receive reads into the slab, behind what it holds, or into a content.
func (r *reader) receive() (int, error) {
	if r.into.in != nil {
		return r.fillBody()
	}
	if r.resting {
		return r.wake()
	}
	if len(r.slab)-r.end < r.need() {
		r.nextSlab()
	}
	n, err := r.transport.read(r.slab[r.end:])
	if n == len(r.slab)-r.end {
		r.size = max(slabMin, min(slabMax, r.transport.contents.Slab(), 2*r.size))
	} else if n < r.size/16 {
		r.size = max(slabMin, r.size/2)
	}
	r.end += n
	r.last, r.reads = n, min(r.reads+1, lendAfter)
	return n, err
}

// rest gives the slab back, since nothing came for long (Transport.rest). What comes next is read into a few bytes at first.
func (r *reader) rest() {
	_ = r.transport.conn.SetReadDeadline(time.Time{})
	if r.start == r.end {
		r.slab, r.start, r.end, r.size, r.reads, r.resting = nil, 0, 0, slabMin, 0, true
		r.transport.slab.Store(false)
	}
}

// heartbeat is the frame that a client sends which has nothing to say (AMQP 0-9-1 section 4.2.7).
var heartbeat = string([]byte{amqp091.FrameHeartbeat, 0, 0, 0, 0, 0, 0, amqp091.FrameEnd})

// wake waits for what comes next. A heartbeat is no reason to get up.
func (r *reader) wake() (int, error) {
	for {
		n, err := r.transport.conn.Read(r.doze[:])
		switch {
		case err == nil && string(r.doze[:n]) == heartbeat:
			r.transport.received.Add(int64(n))
			continue
		case n > 0:
			r.nextSlab()
			r.end = copy(r.slab, r.doze[:n])
		}
		return n, err
	}
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
	r.slab, r.start, r.resting = slab, 0, false
	if !r.transport.slab.Load() {
		r.transport.slab.Store(true)
	}
}

// parse says whether this goroutine still is the reader's.
func (r *reader) parse() bool {
	a := r.assembler
	share := rate.Everything
	if held := r.held(); !held.None() {
		share = held.Share()
	}
	for r.more = false; !r.faulted; {
		if a.messages >= share.Messages || a.bytes >= share.Bytes {
			r.more = true
			break
		}
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
			r.beginBody()
			break
		}
		r.start += n
		if err := a.frame(f); err != nil {
			r.fault(err, false)
		}
		if in := a.large; in != nil {
			a.large = nil
			r.reserve(in)
		}
		if len(a.control) > 0 {
			// What follows on this connection depends on what becomes of it: a client need not wait for open-ok.
			r.settle()
			r.put()
			r.awaitHandshake()
		}
	}
	if r.faulted {
		r.start = r.end
	}
	a.detach()
	r.settle()
	if r.reads < lendAfter || r.last > lendMax || r.more {
		r.put()
		return true
	}
	return r.lend(r.put)
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

// settle waits until what was published may go on.
func (r *reader) settle() {
	if !r.pay() {
		r.assembler.forget()
		r.assembler.end()
	}
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
	if n := a.arrived; n > 0 { // it is in flight now
		a.arrived = 0
		r.reserved -= n
		r.transport.contents.Hold(int64(-n))
	}
	if len(a.control) > 0 {
		steps := a.control
		a.control = nil
		r.control.Put(steps)
	}
}

// held are the limits of what this connection may publish.
func (r *reader) held() rate.Limits {
	limits := r.limits.Load()
	return rate.Publishing(limits.vhost, limits.whose)
}

// pay waits until what was published may go on (contract A-18), and says whether it still stands: a connection that we close is not
// waited for.
func (r *reader) pay() bool {
	messages, bytes := r.assembler.messages, r.assembler.bytes
	if r.assembler.messages, r.assembler.bytes = 0, 0; messages == 0 {
		return true
	}
	for {
		held := r.held()
		if held.None() {
			return true
		}
		_, closed := held.Allow(r.waiters[0], r.waiters[1])
		if closed == nil {
			held.Take(messages, bytes)
			return true
		}
		if r.limits.Load().closing {
			return false
		}
		if r.flow.stop(inFlow, &closed.By) {
			r.blocking()
		}
		select {
		case <-r.transport.done:
			return false
		case <-r.transport.room:
		}
	}
}
