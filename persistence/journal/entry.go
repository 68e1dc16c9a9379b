package journal

import "warren/persistence/segment"

// entry is where a record is. There are many in memory, even if most are packed (entries.go), so it has 24 bytes: a record's payload is
// below 1 GiB, its place in a file is a multiple of 8 below 2 GiB, and there are three kinds.
type entry struct {
	index uint64
	file  *file  // nil while the record waits in Journal.pending
	place uint32 // its offset divided by 8, in 28 bits, then the flags and whether it is released: what it holds is settled
	form  uint32 // bytes of its payload, in 30 bits, then its kind
}

const (
	placeBits    = 28
	releasedBit  = 1 << 31
	sizeBits     = 30
	kindsBefore  = segment.Event - 1
	offsetFactor = 8
)

func newEntry(index uint64, kind segment.Kind, bytes uint32) entry {
	return entry{index: index, form: bytes | uint32(kind-kindsBefore)<<sizeBits}
}

// placedEntry is one that is in a file.
func placedEntry(f *file, at segment.Entry) entry {
	e := newEntry(at.Index, at.Kind, at.Bytes)
	e.file = f
	e.put(at)
	return e
}

func (e *entry) put(at segment.Entry) {
	e.place = e.place&releasedBit | uint32(at.Offset/offsetFactor) | uint32(at.Flags)<<placeBits
	e.form = e.form&^(1<<sizeBits-1) | at.Bytes
}

func (e *entry) offset() int64 { return int64(e.place&(1<<placeBits-1)) * offsetFactor }

// end is where the next record may be.
func (e *entry) end() int64 { return e.offset() + segment.Bytes(int(e.bytes())) }

func (e *entry) bytes() uint32 { return e.form & (1<<sizeBits - 1) }

func (e *entry) kind() segment.Kind { return segment.Kind(e.form>>sizeBits) + kindsBefore }

func (e *entry) flags() segment.Flags { return segment.Flags(e.place &^ releasedBit >> placeBits) }

func (e *entry) released() bool { return e.place&releasedBit != 0 }

func (e *entry) release() { e.place |= releasedBit }

func (e *entry) segment(id StreamID) segment.Entry {
	return segment.Entry{Stream: uint64(id), Index: e.index, Offset: e.offset(), Bytes: e.bytes(), Kind: e.kind(), Flags: e.flags()}
}

// move says where a record is now.
func (e *entry) move(f *file, at segment.Entry) {
	if e.file != nil {
		e.file.drop(e.bytes())
	}
	e.file = f
	e.put(at)
	if f != nil {
		f.add(e.bytes())
	}
}

// lift puts a record back among the pending ones.
func (e *entry) lift(from *file) {
	if e.file == from {
		e.move(nil, segment.Entry{Bytes: e.bytes(), Flags: e.flags()})
	}
}
