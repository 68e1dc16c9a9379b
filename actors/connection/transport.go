package connection

import (
	"bytes"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/alarm"
	"warren/actors/channel"
)

// What a connection may have between its socket and the queues, in bytes. Out of it, the reader stops reading, TCP pushes
// back, and the state is flow.
const (
	inflightWindow = 2 << 20
	// repliesMark is how much that is not a delivery may wait for a client that does not read.
	repliesMark = 1 << 20
)

// Transport is the socket of a connection and all that must outlive the actors: the inbox and outlet of every channel, what
// the reader has carried over, what has not been written yet. It has no broker logic.
type Transport struct {
	conn   net.Conn
	direct *direct // nil where the writer writes everything
	send   func(*actor.PID, any)
	calm   func() bool // says that nobody waits for the goroutine that asks

	received, sent atomic.Int64 // bytes
	seen           atomic.Int64 // received when rest was last called
	slab           atomic.Bool  // the reader has a buffer

	inflight atomic.Int64
	contents *alarm.Contents // what all connections have in flight, beyond what is guaranteed to each
	replies  atomic.Int64
	room     chan struct{} // a token when the reader may look again whether it may read

	mu       sync.Mutex
	pending  []channel.Chunk
	writable sync.Cond
	writer   bool   // its goroutine is there; most connections need none
	dismiss  bool   // it is to end when there is nothing to do
	batches  uint32 // that it has written
	rested   uint32 // batches when rest was last called
	writing  bool   // what was pending, or came first, is being written
	skip     int    // bytes of the first that is pending which have left
	finish   bool   // close when everything is written
	deadline time.Time
	fuse     *time.Timer     // of CloseIn; nil for none
	burnt    time.Time       // when that is
	muted    bool            // everybody but last
	last     *channel.Outlet // of connection.close
	closed   bool
	done     chan struct{} // closed with the socket

	handshake *time.Timer // of expect; nil for none
}

func newTransport(conn net.Conn, send func(*actor.PID, any), calm func() bool, contents *alarm.Contents) *Transport {
	t := &Transport{
		conn: conn, direct: newDirect(conn), send: send, calm: calm, contents: contents, room: make(chan struct{}, 1),
		done: make(chan struct{}),
	}
	t.writable.L = &t.mu
	return t
}

// Send reaches an actor from outside.
func (t *Transport) Send(pid *actor.PID, m any) { t.send(pid, m) }

// Write takes a chunk to the socket: at once when nothing is before it, the socket takes it without waiting and nobody waits for the
// goroutine that has it, since to wake the writer costs as much as to write; else later. After the socket is closed it is dropped.
func (t *Transport) Write(c channel.Chunk) {
	t.mu.Lock()
	if t.closed || t.finish || t.muted && c.Outlet != t.last {
		t.mu.Unlock()
		c.Frames.Release()
		return
	}
	t.replies.Add(int64(c.Replies))
	if !t.writing && len(t.pending) == 0 && t.direct != nil && c.Frames.Size() <= directMax && t.calm() {
		if pieces := c.Frames.Segments(); len(pieces) == 1 {
			t.writing = true
			t.mu.Unlock()
			t.writeDirect(c, pieces[0])
			return
		}
	}
	t.pending = append(t.pending, c)
	t.wakeWriter()
}

// wakeWriter has the writer look, and unlocks mu. Its goroutine begins with the first that it has to write, and ends when it has had nothing
// to do for long (rest): nearly all that a connection which does little has to say is written by whoever has it.
func (t *Transport) wakeWriter() {
	there := t.writer
	t.writer = true
	t.mu.Unlock()
	if there {
		t.writable.Signal()
	} else {
		go t.write()
	}
}

// read waits until the client has sent something.
func (t *Transport) read(b []byte) (int, error) {
	if t.direct != nil && len(b) <= directMax {
		return t.direct.Read(b)
	}
	return t.conn.Read(b)
}

// writeDirect leaves to the writer what the socket does not take.
func (t *Transport) writeDirect(c channel.Chunk, piece []byte) {
	n, err := t.direct.Write(piece)
	t.sent.Add(int64(n))
	all := err != nil || n == len(piece)
	if all {
		t.left(&c, err)
	}
	t.mu.Lock()
	t.writing = false
	if !all {
		if t.closed {
			c.Frames.Release()
		} else {
			t.pending, t.skip = slices.Insert(t.pending, 0, c), n
		}
	}
	if err == nil && (len(t.pending) > 0 || t.finish) {
		t.wakeWriter()
		return
	}
	t.mu.Unlock()
	if err != nil {
		t.Close()
	}
}

// left enters that a chunk has gone to the socket, or is lost with it.
func (t *Transport) left(c *channel.Chunk, err error) {
	size := c.Frames.Size()
	c.Frames.Release()
	if err == nil && c.Outlet != nil {
		c.Outlet.Wrote(size)
	}
	if t.replies.Add(int64(-c.Replies)) <= repliesMark {
		t.wakeReader()
	}
}

// LastWord leaves the socket to one outlet, or with nil to what has none: behind connection.close comes nothing that channels, which end
// a little later, still have to say (AMQP 0-9-1 section 1.4.2.1, connection.close).
func (t *Transport) LastWord(o *channel.Outlet) {
	t.mu.Lock()
	t.muted, t.last = true, o
	t.mu.Unlock()
}

// Heartbeat writes a heartbeat, unless something waits to be written: that is as good a sign of life, and a client which does
// not read gets no pile of them. It returns how many bytes there are more to write.
func (t *Transport) Heartbeat() int64 {
	t.mu.Lock()
	idle := len(t.pending) == 0 && !t.writing
	t.mu.Unlock()
	if !idle {
		return 0
	}
	f := &channel.Frames{}
	f.Heartbeat()
	size := f.Size()
	t.Write(channel.Chunk{Frames: f})
	return int64(size)
}

// write is the writer's goroutine: it takes all that waits and writes it with as few calls as it can.
func (t *Transport) write() {
	var vectors net.Buffers
	t.mu.Lock()
	for {
		for (len(t.pending) == 0 || t.writing) && !t.closed {
			if t.finish && !t.writing {
				t.mu.Unlock()
				t.Close()
				return
			}
			if t.dismiss && !t.writing {
				t.writer, t.dismiss = false, false
				t.mu.Unlock()
				return
			}
			t.writable.Wait()
		}
		if t.closed {
			t.mu.Unlock()
			return
		}
		batch, skip := t.pending, t.skip
		t.pending, t.skip, t.writing, t.dismiss = nil, 0, true, false
		t.batches++
		t.mu.Unlock()

		vectors = vectors[:0]
		for i := range batch {
			vectors = append(vectors, batch[i].Frames.Segments()...)
		}
		if skip > 0 { // else there may be nothing at all: a chunk may be empty
			vectors[0] = vectors[0][skip:]
		}
		n, err := writeAll(t.conn, vectors)
		t.sent.Add(n)
		clear(vectors)
		for i := range batch {
			t.left(&batch[i], err)
		}
		if err != nil {
			t.Close()
			return
		}
		t.mu.Lock()
		t.writing = false
	}
}

// writeAll writes the pieces in one go. TLS would make a record, and a system call, of each: there they become one piece.
func writeAll(conn net.Conn, pieces net.Buffers) (int64, error) {
	if secure, is := conn.(secureConn); is {
		if len(pieces) == 1 {
			n, err := secure.Write(pieces[0])
			return int64(n), err
		}
		n, err := secure.Write(bytes.Join(pieces, nil))
		return int64(n), err
	}
	return pieces.WriteTo(conn) // which consumes its own copy of the slice
}

// account adds to what lies between socket and queues.
func (t *Transport) account(delta int) {
	now := t.inflight.Add(int64(delta))
	if before := now - int64(delta); max(before, now) > alarm.Guaranteed {
		t.contents.Hold(max(now, alarm.Guaranteed) - max(before, alarm.Guaranteed))
	}
	if delta < 0 && now < inflightWindow {
		t.wakeReader()
	}
}

func (t *Transport) wakeReader() {
	select {
	case t.room <- struct{}{}:
	default:
	}
}

// mayRead says whether the connection has credit for more.
func (t *Transport) mayRead() bool {
	return t.inflight.Load() < inflightWindow && t.replies.Load() <= repliesMark
}

// rest has the reader give its buffer back when nothing came since the last call, and the writer end that had nothing to write.
func (t *Transport) rest() {
	t.mu.Lock()
	t.dismiss = t.writer && !t.writing && len(t.pending) == 0 && t.batches == t.rested
	t.rested = t.batches
	if t.dismiss {
		t.writable.Signal()
	}
	t.mu.Unlock()
	if n := t.received.Load(); t.seen.Swap(n) == n && t.slab.Load() {
		_ = t.conn.SetReadDeadline(time.Unix(1, 0))
	}
}

// Finish closes the socket when everything that was written before has left, or after grace. A later call can only make that
// shorter.
func (t *Transport) Finish(grace time.Duration) {
	deadline := time.Now().Add(grace)
	t.mu.Lock()
	if t.closed || t.finish && !deadline.Before(t.deadline) {
		t.mu.Unlock()
		return
	}
	t.finish, t.deadline = true, deadline
	_ = t.conn.SetWriteDeadline(deadline)
	t.wakeWriter()
}

// Close closes the socket. Reader and writer end.
func (t *Transport) Close() {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	t.closed = true
	t.douse()
	pending := t.pending
	t.pending = nil
	t.mu.Unlock()
	_ = t.conn.Close()
	for i := range pending {
		pending[i].Frames.Release()
	}
	close(t.done)
	t.writable.Broadcast()
	t.wakeReader()
}
