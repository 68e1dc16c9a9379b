// Package record is how a queue's durable events are written: the messages of proto/event/v1/queue.proto, encoded by hand since
// every persistent message goes through here. A test holds the encoding equal to the generated code's.
package record

import "google.golang.org/protobuf/encoding/protowire"

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
