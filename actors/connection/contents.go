package connection

import (
	"encoding/binary"

	"warren/actors/alarm"
	"warren/protocol/amqp091"
)

// mayHold says whether there is memory for what a read may bring. The little that is guaranteed to each connection always is there.
func (r *reader) mayHold() bool {
	if r.transport.inflight.Load() < alarm.Guaranteed || r.into.in != nil || r.transport.contents.Open() {
		return true
	}
	return r.share.Take(0)
}

// reserve waits until there is memory for a content whose header has been read: before its body is, so that what connections have begun
// they can finish. A body that has come with its header lies in memory already.
func (r *reader) reserve(in *inbound) {
	c := &in.content
	if r.assembler.ended || r.whole(in) || r.fits(in) {
		return
	}
	for !r.share.Take(c.size) {
		if r.reading() { // those before it do not wait
			r.assembler.detach()
			r.settle()
			r.put()
			continue
		}
		if r.limits.Load().closing {
			r.share.StepOut()
			return // it is read over
		}
		if r.flow.stop(inFlow, &byMemory) {
			r.blocking()
		}
		select {
		case <-r.transport.done:
			return
		case <-r.transport.room:
		}
	}
	if r.flow.goOn() {
		r.blocking()
	}
	c.reserved = c.size
	r.reserved += c.size
}

// fits says that a content is to come in one frame that a slab has room for, and that there are so few connections that all may have slabs
// like that: those are in the account already, and to read several contents at once costs less than each by itself.
func (r *reader) fits(in *inbound) bool {
	c, max := &in.content, r.limits.Load().frameMax
	return len(c.message.Body) == 0 && c.size <= slabMax/2 && (max == 0 || c.size <= max-amqp091.FrameOverhead) && r.transport.contents.Slab() == slabMax
}

// whole says that the one frame of a content is in the slab.
func (r *reader) whole(in *inbound) bool {
	b := r.slab[r.start:r.end]
	return len(b) >= amqp091.FrameHeaderSize && b[0] == amqp091.FrameBody && binary.BigEndian.Uint16(b[1:]) == in.number &&
		int(binary.BigEndian.Uint32(b[3:])) == in.content.size && len(b) >= in.content.size+amqp091.FrameOverhead
}

// reading says that this read has brought something which nobody has been given yet.
func (r *reader) reading() bool { return len(r.assembler.dirty) > 0 || len(r.assembler.control) > 0 }

// bodyReader is a body frame that is read where its content is, since it does not fit into the slab.
type bodyReader struct {
	in    *inbound // nil for none
	start int      // of the frame's payload in the body
	left  int      // bytes of it to come
}

// beginBody has a body frame that is not here as a whole go straight into its content, if there is memory reserved for it.
func (r *reader) beginBody() {
	b := r.slab[r.start:r.end]
	if len(b) < amqp091.FrameHeaderSize || b[0] != amqp091.FrameBody || r.assembler.ended {
		return
	}
	in := r.assembler.channels[binary.BigEndian.Uint16(b[1:])]
	if in == nil || in.closed || in.content.state != wantBody || in.content.reserved == 0 {
		return
	}
	c, size := &in.content, int(binary.BigEndian.Uint32(b[3:]))
	if size > c.size-len(c.message.Body) {
		return // which is an error, behind its last byte
	}
	here := b[amqp091.FrameHeaderSize:]
	c.grow(size)
	r.into = bodyReader{in: in, start: len(c.message.Body), left: size - len(here)}
	c.message.Body = append(c.message.Body, here...)
	r.start = r.end
}

// fillBody reads on into a content, and the octet that ends the frame behind it.
func (r *reader) fillBody() (int, error) {
	in, c := r.into.in, &r.into.in.content
	have := len(c.message.Body)
	n, err := r.transport.conn.Read(c.message.Body[have : have+r.into.left+1])
	if n <= r.into.left {
		c.message.Body, r.into.left = c.message.Body[:have+n], r.into.left-n
		return n, err
	}
	payload, end := c.message.Body[r.into.start:have+n-1], c.message.Body[:have+n][have+n-1]
	c.message.Body, r.into.in = c.message.Body[:have+n-1], nil
	switch {
	case end != amqp091.FrameEnd:
		r.faulted = true
		r.fault(amqp091.EndError(payload, end), true)
	case len(c.message.Body) == c.size && !r.assembler.ended:
		r.assembler.complete(in)
	}
	return n, err
}
