package record

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"warren/actors/queue/ready"
	"warren/protocol"
)

// Field numbers of MessagesEnqueued and StoredMessage.
const (
	fieldFirst    = 1
	fieldExchange = 2
	fieldMessages = 3
	fieldCount    = 4
	fieldBytes    = 5
	fieldStored   = 6
	fieldBodies   = 7
	fieldArrived  = 8

	fieldOffset     = 1
	fieldRoutingKey = 2
	fieldProperties = 3
	fieldBody       = 4
)

// AppendSpooledSummary writes what is a queue's own of a batch in its spool.
func AppendSpooledSummary(dst []byte, first uint64, c *ready.Content) []byte {
	dst = appendUint(dst, fieldFirst, first)
	dst = appendUint(dst, fieldCount, uint64(len(c.Messages)))
	return appendUint(dst, fieldArrived, uint64(c.Arrived))
}

// AppendSpooled writes all messages of a batch, behind that.
func AppendSpooled(dst []byte, c *ready.Content) []byte {
	dst = appendText(dst, fieldExchange, c.Exchange)
	for i := range c.Messages {
		dst = appendStored(dst, i, &c.Messages[i])
	}
	return dst
}

// AppendEnqueued writes the persistent ones of a batch, which has the indexes from first on, and says how much of it is the
// summary.
func AppendEnqueued(dst []byte, first uint64, c *ready.Content) (b []byte, summary int) {
	start := len(dst)
	dst = AppendSummary(dst, first, c)
	return AppendMessages(dst, c.Exchange, c.Messages), len(dst) - start
}

// AppendSummary writes what is a queue's own of a batch, which a start reads.
func AppendSummary(dst []byte, first uint64, c *ready.Content) []byte {
	bytes, bodies, n := 0, 0, 0
	for i := range c.Messages {
		if m := &c.Messages[i]; m.Flags.Has(protocol.FlagPersistent) {
			bytes += m.Size()
			bodies += len(m.Body)
			n++
		}
	}
	var stored []ready.Interval
	if n < len(c.Messages) {
		stored = persistent(c.Messages, 0)
	}
	dst = appendUint(dst, fieldFirst, first)
	dst = appendUint(dst, fieldCount, uint64(len(c.Messages)))
	dst = appendUint(dst, fieldBytes, uint64(bytes))
	dst = appendRanges(dst, fieldStored, stored)
	dst = appendUint(dst, fieldBodies, uint64(bodies))
	return appendUint(dst, fieldArrived, uint64(c.Arrived))
}

// AppendMessages writes what every queue has alike of a batch.
func AppendMessages(dst []byte, exchange string, messages []protocol.Message) []byte {
	dst = appendText(dst, fieldExchange, exchange)
	for i := range messages {
		if m := &messages[i]; m.Flags.Has(protocol.FlagPersistent) {
			dst = appendStored(dst, i, m)
		}
	}
	return dst
}

// persistent are the persistent ones of messages, as indexes from first on.
func persistent(messages []protocol.Message, first uint64) []ready.Interval {
	var set ready.Set
	for i := range messages {
		if messages[i].Flags.Has(protocol.FlagPersistent) {
			set.Put(ready.Interval{First: first + uint64(i), N: 1})
		}
	}
	return set.Runs()
}

func appendStored(dst []byte, offset int, m *protocol.Message) []byte {
	size := sizeStored(offset, m)
	dst = protowire.AppendTag(dst, fieldMessages, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(size))
	dst = appendUint(dst, fieldOffset, uint64(offset))
	dst = appendText(dst, fieldRoutingKey, m.RoutingKey)
	dst = appendText(dst, fieldProperties, m.Properties)
	return appendText(dst, fieldBody, m.Body)
}

func sizeStored(offset int, m *protocol.Message) int {
	return sizeUint(fieldOffset, uint64(offset)) + sizeText(fieldRoutingKey, len(m.RoutingKey)) +
		sizeText(fieldProperties, len(m.Properties)) + sizeText(fieldBody, len(m.Body))
}

// Brief is what a summary tells of a batch.
type Brief struct {
	First, Count uint64
	// Bytes that the stored messages hold in memory, and those of their bodies.
	Bytes, Bodies int
	// Expires: some of it does.
	Expires bool
	// Stored are the indexes of those.
	Stored []ready.Interval
}

// maxCount bounds a batch: a number beyond it is not believed.
const maxCount = 1 << 20

// ParseBrief reads the summary of what AppendEnqueued wrote, or all of it: what was written before there were summaries has none.
func ParseBrief(b []byte) (out Brief, err error) {
	var offsets []ready.Interval
	err = fields(b, func(field protowire.Number, v uint64, text []byte) error {
		switch field {
		case fieldFirst:
			out.First = v
		case fieldCount:
			out.Count = v
		case fieldBytes:
			out.Bytes = int(v)
		case fieldBodies:
			out.Bodies = int(v)
		case fieldArrived:
			out.Expires = v != 0
		case fieldStored:
			r, err := parseRange(text)
			offsets = append(offsets, r)
			return err
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	if out.Count == 0 {
		return briefOf(b)
	}
	if offsets == nil {
		offsets = []ready.Interval{{N: out.Count}}
	}
	at := uint64(0)
	for _, r := range offsets {
		if r.N == 0 || r.First < at || r.First+r.N > out.Count || out.Count > maxCount {
			return out, fmt.Errorf("offsets %d to %d of %d messages", r.First, r.First+r.N, out.Count)
		}
		at = r.First + r.N
		out.Stored = append(out.Stored, ready.Interval{First: out.First + r.First, N: r.N})
	}
	return out, nil
}

func briefOf(b []byte) (out Brief, err error) {
	first, c, err := ParseEnqueued(b)
	out.First, out.Count = first, uint64(len(c.Messages)) // transient ones at the end are forgotten: their indexes are not given again
	out.Stored = persistent(c.Messages, first)
	for i := range c.Messages {
		if m := &c.Messages[i]; m.Flags.Has(protocol.FlagPersistent) {
			out.Bytes += m.Size()
			out.Bodies += len(m.Body)
		}
	}
	return out, err
}

// ParseEnqueued reads what AppendEnqueued wrote. The messages alias b; where transient ones were
// there are empty ones, but for those at the end.
func ParseEnqueued(b []byte) (first uint64, c ready.Content, err error) {
	count := uint64(0)
	err = fields(b, func(field protowire.Number, v uint64, text []byte) error {
		switch field {
		case fieldFirst:
			first = v
		case fieldExchange:
			c.Exchange = string(text)
		case fieldArrived:
			c.Arrived = int64(v)
		case fieldCount:
			if count = v; count > maxCount {
				return fmt.Errorf("a batch of %d messages", count)
			}
			c.Messages = make([]protocol.Message, 0, min(count, uint64(len(b)))) // bytes bound it, whatever the number
		case fieldMessages:
			var key string
			if n := len(c.Messages); n > 0 {
				key = c.Messages[n-1].RoutingKey
			}
			offset, m, err := parseStored(text, key)
			if err != nil {
				return err
			}
			if offset < uint64(len(c.Messages)) || offset >= maxCount {
				return fmt.Errorf("offset %d behind %d", offset, len(c.Messages))
			}
			c.Messages = append(pad(c.Messages, offset), m)
		}
		return nil
	})
	if err == nil && count < uint64(len(c.Messages)) && count > 0 {
		err = fmt.Errorf("%d messages in a batch of %d", len(c.Messages), count)
	}
	if err != nil {
		return 0, ready.Content{}, err
	}
	return first, c, nil
}

func pad(messages []protocol.Message, n uint64) []protocol.Message {
	for uint64(len(messages)) < n {
		messages = append(messages, protocol.Message{})
	}
	return messages
}

// parseStored reads a message. Most have the routing key of the one before: then they share it.
func parseStored(b []byte, key string) (offset uint64, m protocol.Message, err error) {
	err = fields(b, func(field protowire.Number, v uint64, text []byte) error {
		switch field {
		case fieldOffset:
			offset = v
		case fieldRoutingKey:
			if m.RoutingKey = key; key != string(text) {
				m.RoutingKey = string(text)
			}
		case fieldProperties:
			m.Properties = text
		case fieldBody:
			m.Body = text
		}
		return nil
	})
	if err != nil {
		return 0, m, err
	}
	scan, err := protocol.ScanProperties(m.Properties)
	if err != nil {
		return 0, m, fmt.Errorf("properties of a stored message: %w", err)
	}
	m.Priority = scan.Priority
	if scan.DeliveryMode == protocol.DeliveryPersistent {
		m.Flags |= protocol.FlagPersistent
	}
	if scan.Headers != nil {
		m.Flags |= protocol.FlagHeaders
		if protocol.HidesKeys(scan.Headers) {
			m.Flags |= protocol.FlagBCC
		}
	}
	if scan.Has(protocol.PropExpiration) {
		m.Flags |= protocol.FlagExpires
	}
	return offset, m, nil
}
