package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
)

// Tail is the end of a payload that several records have: a message that waits in several queues is written once in a segment. What
// is its own each record has in its summary. Tails are the same when their ids are; nobody compares bytes.
type Tail struct {
	ID    uint64
	Bytes []byte // immutable
}

var tails atomic.Uint64

// NewTail gives bytes an id that no other tail of this process has.
func NewTail(b []byte) Tail { return Tail{ID: tails.Add(1), Bytes: b} }

// reference stands in a record with the flag Shared, behind its summary, for bytes that are earlier in the same file.
//
//	offset  bytes
//	     0      8  offset in the file where they begin, in the payload of a record
//	     8      4  how many they are
//	    12      4  CRC-32C of them
//
// It needs nothing of that record but the bytes: when its header or its summary goes bad, they are still found.
type reference struct {
	offset int64
	bytes  uint32
	sum    uint32
}

const referenceBytes = 16

// leastShared is what is not worth a reference.
const leastShared = 64

func (f reference) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(f.offset))
	b = binary.LittleEndian.AppendUint32(b, f.bytes)
	return binary.LittleEndian.AppendUint32(b, f.sum)
}

// parseReference reads the reference of a record that stands at an offset; all it may lead to lies before that.
func parseReference(b []byte, before int64) (f reference, ok bool) {
	if len(b) != referenceBytes {
		return f, false
	}
	f = reference{int64(binary.LittleEndian.Uint64(b[0:])), binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])}
	return f, f.bytes <= MaxPayload && f.offset >= DataStart && f.offset <= before-int64(f.bytes)
}

// resolve puts the bytes that a record refers to where the reference is.
func resolve(r io.ReaderAt, record *Record, offset int64) error {
	if record.Flags&Shared == 0 {
		return nil
	}
	f, ok := parseReference(record.Payload[record.Summary:], offset)
	if !ok {
		return fmt.Errorf("reference of %s %d/%d: %w", record.Kind, record.Stream, record.Index, ErrChecksum)
	}
	b := make([]byte, record.Summary+int(f.bytes))
	copy(b, record.Payload[:record.Summary])
	rest := b[record.Summary:]
	if _, err := r.ReadAt(rest, f.offset); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if payloadSum(rest) != f.sum {
		return fmt.Errorf("bytes at %d that %s %d/%d shares: %w", f.offset, record.Kind, record.Stream, record.Index, ErrChecksum)
	}
	record.Payload, record.Flags = b, record.Flags&^Shared
	return nil
}

// shares is what a writer remembers of the tails it has written: of the latest few thousand, since those that share one come close
// behind each other.
type shares struct{ young, old map[uint64]place }

type place struct {
	reference
	flags  Flags
	summed bool // reference.sum is there
}

const sharesAtOnce = 4096

// find returns where the tail of a record is already.
func (s *shares) find(r *Record) (place, bool) {
	if r.Tail.ID == 0 {
		return place{}, false
	}
	p, ok := s.young[r.Tail.ID]
	if !ok {
		p, ok = s.old[r.Tail.ID]
	}
	return p, ok && (p.flags^r.Flags)&Zstd == 0
}

func (s *shares) put(id uint64, p place) {
	if len(s.young) >= sharesAtOnce || s.young == nil {
		s.young, s.old = make(map[uint64]place), s.young
	}
	s.young[id] = p
}
