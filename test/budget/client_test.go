package budget

import (
	"encoding/binary"
	"io"
	"net"
	"testing"

	"warren/test/raw"
)

// client publishes on one connection and consumes on another. Once it is set up it allocates nothing: all that is counted is the broker's.
type client struct {
	t         *testing.T
	publisher *raw.Conn
	consumer  *raw.Conn
	batch     []byte // so many publishes
	messages  int
	confirms  bool
	acks      bool

	in        frames // of the consumer
	back      frames // of the publisher
	ack       []byte
	confirmed uint64
	published uint64
}

const channel = 1

// turn publishes the batch and waits until all of it is delivered, and confirmed if it is to be. So the broker's batches are the same
// on any machine, but for how a read may cut them.
func (c *client) turn() {
	if _, err := c.publisher.Write(c.batch); err != nil {
		c.t.Fatal(err)
	}
	c.published += uint64(c.messages)
	var last uint64
	for n := 0; n < c.messages; {
		id, payload := c.in.next(c.t)
		if id == raw.BasicDeliver {
			n++
			tag := payload[4+1+int(payload[4]):]
			last = binary.BigEndian.Uint64(tag)
		}
	}
	if c.acks {
		c.ack = appendAck(c.ack[:0], last)
		if _, err := c.consumer.Write(c.ack); err != nil {
			c.t.Fatal(err)
		}
	}
	for c.confirms && c.confirmed < c.published {
		id, payload := c.back.next(c.t)
		if id != raw.BasicAck {
			c.t.Fatalf("%v instead of a confirm", id)
		}
		if tag := binary.BigEndian.Uint64(payload[4:]); payload[12]&1 == 1 {
			c.confirmed = max(c.confirmed, tag)
		} else {
			c.confirmed++ // one by one they come once each, in any order
		}
	}
}

// appendAck is basic.ack of all up to tag.
func appendAck(b []byte, tag uint64) []byte {
	b = append(b, raw.FrameMethod, 0, channel, 0, 0, 0, 13, 0, byte(raw.BasicAck.Class), 0, byte(raw.BasicAck.Method))
	b = binary.BigEndian.AppendUint64(b, tag)
	return append(b, 1, raw.FrameEnd)
}

// frames are read into one buffer and looked at in place.
type frames struct {
	from   net.Conn
	buffer []byte
	at, n  int // what is in the buffer and not looked at
}

// next is the next method; headers, bodies and heartbeats are passed over.
func (f *frames) next(t *testing.T) (raw.ID, []byte) {
	for {
		rest := f.buffer[f.at:f.n]
		if len(rest) < 8 || len(rest) < 8+int(binary.BigEndian.Uint32(rest[3:])) {
			f.n = copy(f.buffer, rest)
			f.at = 0
			n, err := f.from.Read(f.buffer[f.n:])
			if err != nil && err != io.EOF || n == 0 {
				t.Fatal("read: ", err)
			}
			f.n += n
			continue
		}
		size := int(binary.BigEndian.Uint32(rest[3:]))
		f.at += 8 + size
		if rest[0] == raw.FrameMethod {
			payload := rest[7 : 7+size]
			return raw.ID{Class: binary.BigEndian.Uint16(payload), Method: binary.BigEndian.Uint16(payload[2:])}, payload
		}
	}
}
