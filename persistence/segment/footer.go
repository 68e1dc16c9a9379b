package segment

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
)

// Entry says where a record is.
type Entry struct {
	Stream uint64
	Index  uint64
	Offset int64
	Bytes  uint32 // of the payload
	Kind   Kind
	Flags  Flags
	// Summary is the beginning of the payload, as far as its writer said.
	Summary string
}

// End is where the next record begins.
func (e Entry) End() int64 { return e.Offset + Bytes(int(e.Bytes)) }

// footerVersion is the first byte of a footer's payload; what is behind it may change with it. A reader that does not know the
// version has the records themselves to read.
const footerVersion = 2

// appendFooter encodes the payload of the Footer record: every record of the segment, groups left out, by stream.
//
//	bytes
//	    1  footer version, 2
//	    v  streams
//	       for each stream, by rising id:
//	    v    id, less the one before
//	    v    lowest index
//	    v    highest index, less the lowest
//	    v    records
//	         for each record, by rising offset:
//	    z      index, less the one before (the lowest index for the first)
//	    v      offset, less the one before (0 for the first), divided by 8
//	    v      bytes of the payload
//	    1      kind in the low four bits, flags in the high four
//	    v      bytes of the summary (version 1 has no summaries)
//	           summary
//
// v is a varint as protobuf has it, z the same in zigzag, since a copy made by cleaning may stand behind newer events.
func appendFooter(b []byte, entries []Entry) []byte {
	sorted := slices.Clone(entries)
	slices.SortStableFunc(sorted, func(x, y Entry) int { return cmp.Compare(x.Stream, y.Stream) })
	streams := 0
	for i, e := range sorted {
		if i == 0 || e.Stream != sorted[i-1].Stream {
			streams++
		}
	}
	b = append(b, footerVersion)
	b = binary.AppendUvarint(b, uint64(streams))
	last := uint64(0)
	for len(sorted) > 0 {
		id := sorted[0].Stream
		n := 1
		for n < len(sorted) && sorted[n].Stream == id {
			n++
		}
		b = binary.AppendUvarint(b, id-last)
		b = appendStream(b, sorted[:n])
		sorted, last = sorted[n:], id
	}
	return b
}

func appendStream(b []byte, entries []Entry) []byte {
	low, high := entries[0].Index, entries[0].Index
	for _, e := range entries {
		low, high = min(low, e.Index), max(high, e.Index)
	}
	b = binary.AppendUvarint(b, low)
	b = binary.AppendUvarint(b, high-low)
	b = binary.AppendUvarint(b, uint64(len(entries)))
	index, offset := low, int64(0)
	for _, e := range entries {
		b = binary.AppendVarint(b, int64(e.Index-index))
		b = binary.AppendUvarint(b, uint64(e.Offset-offset)/align)
		b = binary.AppendUvarint(b, uint64(e.Bytes))
		b = append(b, byte(e.Kind)|byte(e.Flags)<<4)
		b = binary.AppendUvarint(b, uint64(len(e.Summary)))
		b = append(b, e.Summary...)
		index, offset = e.Index, e.Offset
	}
	return b
}

// errFooter is all there is to say: the records are still there to be read.
var errFooter = errors.New("footer cannot be read")

// minEntry is the least that an entry takes: a count that does not fit is not believed.
const minEntry = 4

// ParseFooter reads a footer's payload; the entries are sorted by offset.
func ParseFooter(b []byte) ([]Entry, error) {
	if len(b) == 0 || b[0] < 1 || b[0] > footerVersion {
		return nil, errFooter
	}
	version := b[0]
	d := decoder{b: b[1:]}
	var entries []Entry
	id := uint64(0)
	for streams := d.uvarint(); streams > 0 && !d.bad; streams-- {
		id += d.uvarint()
		index := d.uvarint()
		d.uvarint()
		offset := int64(0)
		n := d.uvarint()
		if n <= uint64(len(d.b))/minEntry {
			entries = slices.Grow(entries, int(n))
		}
		for ; n > 0 && !d.bad; n-- {
			index += uint64(d.varint())
			offset += int64(d.uvarint() * align)
			e := Entry{Stream: id, Index: index, Offset: offset, Bytes: uint32(d.uvarint())}
			x := d.byte()
			e.Kind, e.Flags = Kind(x&15), Flags(x>>4)
			if version > 1 {
				e.Summary = d.text(MaxSummary)
			}
			if e.Bytes > MaxPayload || e.Offset < DataStart || e.Kind < Event || e.Kind > Checkpoint {
				return nil, errFooter
			}
			entries = append(entries, e)
		}
	}
	if d.bad || len(d.b) > 0 {
		return nil, errFooter
	}
	slices.SortFunc(entries, func(x, y Entry) int { return cmp.Compare(x.Offset, y.Offset) })
	return entries, nil
}

// decoder takes numbers off a slice; bad stays true from the first that is not there.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	return v * d.take(n)
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	return v * int64(d.take(n))
}

// text takes a length and as many bytes.
func (d *decoder) text(limit uint64) string {
	n := d.uvarint()
	if n > limit || n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

func (d *decoder) byte() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	x := d.b[0]
	d.b = d.b[1:]
	return x
}

// take drops n bytes and returns 1, or 0 when there were none to take.
func (d *decoder) take(n int) uint64 {
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return 1
}
