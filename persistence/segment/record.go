package segment

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// RecordHeader is how many bytes stand ahead of a record's payload.
const RecordHeader = 48

// align is the step at which records begin, so that a search for one has few places to look at.
const align = 8

// MaxPayload bounds a record, and MaxFile where in a file one may end: what is beyond is not believed.
const (
	MaxPayload = 1<<30 - 1
	MaxFile    = 1 << 31
)

// Kind is what a record is to the log. What the payload is to its stream, only the stream's owner knows.
type Kind uint8

const (
	// Group opens every group, Footer ends a sealed segment; both belong to the file and to no stream.
	Group Kind = iota + 1
	Footer
	// Event is superseded by a checkpoint of its stream.
	Event
	// Messages is an event that holds messages. A checkpoint alone does not supersede it: what it holds must be settled as well.
	Messages
	// Checkpoint stands for all events of its stream with a lower index than its own.
	Checkpoint
)

func (k Kind) String() string {
	if k < Group || k > Checkpoint {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return [...]string{"group", "footer", "event", "messages", "checkpoint"}[k-Group]
}

// Flags of a record.
type Flags uint8

const (
	// Copy marks a record that cleaning carried forward from another segment. It is the same record, at a place out of order.
	Copy Flags = 1 << iota
	// Zstd marks a payload that is compressed.
	Zstd
	// Shared marks a payload that ends with a reference to bytes which another record has: see Tail.
	Shared

	knownFlags = Copy | Zstd | Shared
)

// Record is one entry of the log.
//
//	offset  bytes
//	     0      4  bytes of the payload
//	     4      4  CRC-32C of: the segment's epoch, this record's offset in the file, bytes 0-3, bytes 8-47
//	     8      8  stream; 0 is the journal's own
//	    16      8  index of the event in its stream
//	    24      8  incarnation of its writer
//	    32      8  time, nanoseconds since 1970
//	    40      1  kind
//	    41      1  flags: 1 a copy made by cleaning, 2 payload compressed with zstd, 4 a reference stands for what is behind the summary
//	    42      2  bytes of the payload that are its summary
//	    44      4  CRC-32C of the payload
//	    48         payload, and zeros up to the next multiple of 8
//
// The header has a checksum of its own, so that a payload that went bad takes nothing with it: one knows what it was and where
// the next record begins.
type Record struct {
	Stream      uint64
	Index       uint64
	Incarnation uint64
	Time        int64
	Kind        Kind
	Flags       Flags
	// Summary is how many bytes at the beginning of the payload the footer repeats, so that a start need not read the rest.
	Summary int
	Payload []byte
	// Tail follows the payload, which is the summary alone then. Who writes a record may give it one; who reads it finds all in
	// the payload.
	Tail Tail
}

// Size is that of the payload, with the tail.
func (r *Record) Size() int { return len(r.Payload) + len(r.Tail.Bytes) }

// MaxSummary bounds a summary.
const MaxSummary = 1 << 10

// Bytes is what a record with such a payload takes in the file.
func Bytes(payload int) int64 { return (RecordHeader + int64(payload) + align - 1) &^ (align - 1) }

// append encodes a record that will stand at the offset.
func (c *checksum) append(b []byte, offset int64, r *Record) []byte {
	start := len(b)
	b = slices.Grow(b, int(Bytes(r.Size())))
	b = append(b, make([]byte, RecordHeader)...)
	b = append(b, r.Payload...)
	b = append(b, r.Tail.Bytes...)
	n := len(b) - start
	for len(b)%align != start%align {
		b = append(b, 0)
	}
	c.encode(b[start:start+n], offset, r)
	return b
}

// encode fills in the header of a record whose payload stands behind it, to the end of h.
func (c *checksum) encode(h []byte, offset int64, r *Record) {
	payload := h[RecordHeader:]
	binary.LittleEndian.PutUint32(h[0:], uint32(len(payload)))
	binary.LittleEndian.PutUint64(h[8:], r.Stream)
	binary.LittleEndian.PutUint64(h[16:], r.Index)
	binary.LittleEndian.PutUint64(h[24:], r.Incarnation)
	binary.LittleEndian.PutUint64(h[32:], uint64(r.Time))
	h[40], h[41] = byte(r.Kind), byte(r.Flags)
	binary.LittleEndian.PutUint16(h[42:], uint16(r.Summary))
	binary.LittleEndian.PutUint32(h[44:], payloadSum(payload))
	binary.LittleEndian.PutUint32(h[4:], c.header(offset, h))
}

// parsed is a record's header, believed.
type parsed struct {
	Record
	payload int
	sum     uint32
}

// parse reads the header of a record at an offset of the file. The cheap tests come first: a search calls this for every
// eighth byte of what may be gigabytes, and the checksum of a header cannot be made to cost more than a header.
func (c *checksum) parse(b []byte, offset int64) (p parsed, ok bool) {
	if len(b) < RecordHeader || Kind(b[40]) < Group || Kind(b[40]) > Checkpoint || Flags(b[41])&^knownFlags != 0 {
		return parsed{}, false
	}
	n, summary := binary.LittleEndian.Uint32(b[0:]), binary.LittleEndian.Uint16(b[42:])
	if n > MaxPayload || summary > MaxSummary || uint32(summary) > n || binary.LittleEndian.Uint32(b[4:]) != c.header(offset, b) {
		return parsed{}, false
	}
	if Flags(b[41])&Shared != 0 && n != uint32(summary)+referenceBytes {
		return parsed{}, false
	}
	return parsed{
		Record: Record{
			Stream:      binary.LittleEndian.Uint64(b[8:]),
			Index:       binary.LittleEndian.Uint64(b[16:]),
			Incarnation: binary.LittleEndian.Uint64(b[24:]),
			Time:        int64(binary.LittleEndian.Uint64(b[32:])),
			Kind:        Kind(b[40]),
			Flags:       Flags(b[41]),
			Summary:     int(summary),
		},
		payload: int(n),
		sum:     binary.LittleEndian.Uint32(b[44:]),
	}, true
}

// Parse reads the record that begins at b, which stands at that offset of a segment with that epoch; n is where the next one
// begins. The payload aliases b.
func Parse(epoch uint64, offset int64, b []byte) (r Record, n int64, err error) {
	return newChecksum(epoch).record(b, offset)
}

func (c *checksum) record(b []byte, offset int64) (r Record, n int64, err error) {
	p, ok := c.parse(b, offset)
	if !ok {
		return Record{}, 0, ErrChecksum
	}
	if len(b) < RecordHeader+p.payload {
		return p.Record, 0, fmt.Errorf("record of %d bytes is cut off after %d: %w", RecordHeader+p.payload, len(b), ErrChecksum)
	}
	p.Payload = b[RecordHeader : RecordHeader+p.payload : RecordHeader+p.payload]
	if payloadSum(p.Payload) != p.sum {
		return p.Record, 0, ErrChecksum
	}
	return p.Record, Bytes(p.payload), nil
}
