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
)

// Field numbers of MessagesEnqueued and StoredMessage.
const (
	fieldFirst    = 1
	fieldExchange = 2
	fieldMessages = 3

	fieldOffset     = 1
	fieldRoutingKey = 2
	fieldProperties = 3
	fieldBody       = 4
)

// AppendEnqueued writes the persistent ones of messages, which have the indexes from first on.
func AppendEnqueued(dst []byte, first uint64, exchange string, messages []protocol.Message) []byte {
	dst = appendUint(dst, fieldFirst, first)
	dst = appendText(dst, fieldExchange, exchange)
	for i := range messages {
		m := &messages[i]
		if !m.Flags.Has(protocol.FlagPersistent) {
			continue
		}
		size := sizeUint(fieldOffset, uint64(i)) + sizeText(fieldRoutingKey, len(m.RoutingKey)) +
			sizeText(fieldProperties, len(m.Properties)) + sizeText(fieldBody, len(m.Body))
		dst = protowire.AppendTag(dst, fieldMessages, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(size))
		dst = appendUint(dst, fieldOffset, uint64(i))
		dst = appendText(dst, fieldRoutingKey, m.RoutingKey)
		dst = appendText(dst, fieldProperties, m.Properties)
		dst = appendText(dst, fieldBody, m.Body)
	}
	return dst
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

// ParseEnqueued reads what AppendEnqueued wrote and yields each message with its index. The messages alias b.
func ParseEnqueued(b []byte, yield func(exchange string, index uint64, m protocol.Message)) error {
	var first uint64
	var exchange string
	return fields(b, func(field protowire.Number, v uint64, text []byte) error {
		switch field {
		case fieldFirst:
			first = v
		case fieldExchange:
			exchange = string(text)
		case fieldMessages:
			offset, m, err := parseStored(text)
			if err != nil {
				return err
			}
			yield(exchange, first+offset, m)
		}
		return nil
	})
}

func parseStored(b []byte) (offset uint64, m protocol.Message, err error) {
	m.Flags = protocol.FlagPersistent
	err = fields(b, func(field protowire.Number, v uint64, text []byte) error {
		switch field {
		case fieldOffset:
			offset = v
		case fieldRoutingKey:
			m.RoutingKey = string(text)
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
	if scan.Headers != nil {
		m.Flags |= protocol.FlagHeaders
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
	return r, err
}

// Summary is a checkpoint: it stands for every Settled and Delivered record before it.
type Summary struct {
	Next    uint64 // index of the next message
	Lowest  uint64 // everything below is settled
	Settled []ready.Interval
	// Delivered were with a consumer once.
	Delivered []ready.Interval
}

// AppendCheckpoint writes a checkpoint.
func AppendCheckpoint(dst []byte, s Summary) []byte {
	dst = appendUint(dst, 1, s.Next)
	dst = appendUint(dst, 2, s.Lowest)
	dst = appendRanges(dst, 3, s.Settled)
	return appendRanges(dst, 4, s.Delivered)
}

// ParseCheckpoint reads one.
func ParseCheckpoint(b []byte) (s Summary, err error) {
	err = fields(b, func(field protowire.Number, v uint64, text []byte) error {
		switch field {
		case 1:
			s.Next = v
		case 2:
			s.Lowest = v
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
		}
		return nil
	})
	return s, err
}
