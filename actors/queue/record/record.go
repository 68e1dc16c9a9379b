// Package record is how a queue's durable events are written: the messages of proto/event/v1/queue.proto, encoded by hand since
// every persistent message goes through here. A test holds the encoding equal to the generated code's.
package record

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"warren/actors/queue/ready"
	"warren/protocol"
)

// Kind says what a record of a queue's stream holds.
type Kind uint8

// The numbers are on disk.
const (
	Enqueued   Kind = 1 // eventv1.MessagesEnqueued
	Settled    Kind = 2 // eventv1.MessagesSettled
	Delivered  Kind = 3 // eventv1.MessagesDelivered
	Checkpoint Kind = 4 // eventv1.QueueCheckpoint
	Dead       Kind = 5 // eventv1.MessagesDied
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

// AppendSpooled writes all of a batch.
func AppendSpooled(dst []byte, first uint64, c *ready.Content) []byte {
	dst = appendUint(dst, fieldFirst, first)
	dst = appendUint(dst, fieldCount, uint64(len(c.Messages)))
	dst = appendUint(dst, fieldArrived, uint64(c.Arrived))
	dst = appendText(dst, fieldExchange, c.Exchange)
	for i := range c.Messages {
		dst = appendStored(dst, i, &c.Messages[i])
	}
	return dst
}

// AppendEnqueued writes the persistent ones of a batch, which has the indexes from first on, and says how much of it is the
// summary.
func AppendEnqueued(dst []byte, first uint64, c *ready.Content) (b []byte, summary int) {
	start, bytes, bodies, n := len(dst), 0, 0, 0
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
	dst = appendUint(dst, fieldArrived, uint64(c.Arrived))
	summary = len(dst) - start
	dst = appendText(dst, fieldExchange, c.Exchange)
	for i := range c.Messages {
		if m := &c.Messages[i]; m.Flags.Has(protocol.FlagPersistent) {
			dst = appendStored(dst, i, m)
		}
	}
	return dst, summary
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
	size := sizeUint(fieldOffset, uint64(offset)) + sizeText(fieldRoutingKey, len(m.RoutingKey)) +
		sizeText(fieldProperties, len(m.Properties)) + sizeText(fieldBody, len(m.Body))
	dst = protowire.AppendTag(dst, fieldMessages, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(size))
	dst = appendUint(dst, fieldOffset, uint64(offset))
	dst = appendText(dst, fieldRoutingKey, m.RoutingKey)
	dst = appendText(dst, fieldProperties, m.Properties)
	return appendText(dst, fieldBody, m.Body)
}

// Zero values are left out, as proto3 has it.
func appendUint(dst []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.VarintType), v)
}

func appendText[T string | []byte](dst []byte, field protowire.Number, v T) []byte {
	if len(v) == 0 {
		return dst
	}
	dst = protowire.AppendTag(dst, field, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(len(v)))
	return append(dst, v...)
}

func sizeUint(field protowire.Number, v uint64) int {
	if v == 0 {
		return 0
	}
	return protowire.SizeTag(field) + protowire.SizeVarint(v)
}

func sizeText(field protowire.Number, n int) int {
	if n == 0 {
		return 0
	}
	return protowire.SizeTag(field) + protowire.SizeBytes(n)
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
	}
	if scan.Has(protocol.PropExpiration) {
		m.Flags |= protocol.FlagExpires
	}
	return offset, m, nil
}

// fields yields the fields of a message. Unknown ones of other types are passed over: newer writers may add them.
func fields(b []byte, yield func(field protowire.Number, v uint64, text []byte) error) error {
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		var v uint64
		var text []byte
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.BytesType:
			text, n = protowire.ConsumeBytes(b)
		default:
			n = protowire.ConsumeFieldValue(field, kind, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		if err := yield(field, v, text); err != nil {
			return err
		}
	}
	return nil
}

// AppendRanges writes MessagesSettled or MessagesDelivered.
func AppendRanges(dst []byte, ranges []ready.Interval) []byte {
	return appendRanges(dst, 1, ranges)
}

func appendRanges(dst []byte, field protowire.Number, ranges []ready.Interval) []byte {
	for _, r := range ranges {
		dst = protowire.AppendTag(dst, field, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(sizeUint(1, r.First)+sizeUint(2, r.N)))
		dst = appendUint(dst, 1, r.First)
		dst = appendUint(dst, 2, r.N)
	}
	return dst
}

// ParseRanges reads what AppendRanges wrote.
func ParseRanges(b []byte) ([]ready.Interval, error) {
	var out []ready.Interval
	err := fields(b, func(_ protowire.Number, _ uint64, text []byte) error {
		r, err := parseRange(text)
		out = append(out, r)
		return err
	})
	return out, err
}

func parseRange(b []byte) (r ready.Interval, err error) {
	err = fields(b, func(field protowire.Number, v uint64, _ []byte) error {
		switch field {
		case 1:
			r.First = v
		case 2:
			r.N = v
		}
		return nil
	})
	if err == nil && r.First+r.N < r.First {
		err = fmt.Errorf("range %d, %d", r.First, r.N)
	}
	return r, err
}

// AppendCheckpoint writes a checkpoint: it stands for every Settled and Delivered record before it.
func AppendCheckpoint(dst []byte, s ready.Summary) []byte {
	settled, lowest := s.Settled, uint64(0)
	if len(settled) > 0 && settled[0].First == 0 {
		settled, lowest = settled[1:], settled[0].N
	}
	if len(s.Next) > 0 {
		dst = appendUint(dst, 1, s.Next[0])
	}
	dst = appendUint(dst, 2, lowest)
	dst = appendRanges(dst, 3, settled)
	dst = appendRanges(dst, 4, s.Delivered)
	if len(s.Next) > 1 {
		var packed []byte
		for _, next := range s.Next[1:] {
			packed = protowire.AppendVarint(packed, next)
		}
		dst = appendText(dst, 5, packed)
	}
	for i := 0; i < len(s.Dead); { // those of one reason are in a row
		n := i + 1
		for n < len(s.Dead) && s.Dead[n].Reason == s.Dead[i].Reason {
			n++
		}
		dst = appendText(dst, 6, AppendDead(nil, s.Dead[i].Reason, intervalsOf(s.Dead[i:n])))
		i = n
	}
	return dst
}

func intervalsOf(dead []ready.Dead) []ready.Interval {
	out := make([]ready.Interval, len(dead))
	for i := range dead {
		out[i] = dead[i].Interval
	}
	return out
}

// AppendDead writes MessagesDied.
func AppendDead(dst []byte, why ready.Reason, ranges []ready.Interval) []byte {
	return appendUint(appendRanges(dst, 1, ranges), 2, uint64(why))
}

// ParseDead reads what AppendDead wrote.
func ParseDead(b []byte) (out []ready.Dead, err error) {
	why := uint64(0)
	err = fields(b, func(field protowire.Number, v uint64, text []byte) error {
		switch field {
		case 1:
			r, err := parseRange(text)
			out = append(out, ready.Dead{Interval: r})
			return err
		case 2:
			why = v
		}
		return nil
	})
	if err == nil && (why > 255 || !ready.Reason(why).Valid()) {
		err = fmt.Errorf("reason %d", why)
	}
	for i := range out {
		out[i].Reason = ready.Reason(why)
	}
	return out, err
}

// ParseCheckpoint reads one: all of a summary but Made and Live.
func ParseCheckpoint(b []byte) (s ready.Summary, err error) {
	s.Next = []uint64{0}
	err = fields(b, func(field protowire.Number, v uint64, text []byte) error {
		switch field {
		case 1:
			s.Next[0] = v
		case 2:
			s.Settled = append(s.Settled, ready.Interval{N: v})
		case 3, 4:
			r, err := parseRange(text)
			if err != nil {
				return err
			}
			if field == 3 {
				s.Settled = append(s.Settled, r)
			} else {
				s.Delivered = append(s.Delivered, r)
			}
		case 5:
			for len(text) > 0 {
				next, n := protowire.ConsumeVarint(text)
				if n < 0 {
					return protowire.ParseError(n)
				}
				s.Next, text = append(s.Next, next), text[n:]
			}
		case 6:
			dead, err := ParseDead(text)
			s.Dead = append(s.Dead, dead...)
			return err
		}
		return nil
	})
	return s, err
}
