package journal

import (
	"cmp"
	"encoding/binary"

	"warren/persistence/segment"
)

// gathered are the records of a stream that were found in the files, in any order: cleaning carries them forward. They are on piles, each of
// which rises; there is one, unless something was carried.
type gathered struct {
	paging *paging
	piles  []*pile
	snaps  []placed // checkpoints
}

type pile struct {
	tape   tape
	last   uint64
	offset int64
}

// add puts a record on the pile whose last is the nearest below it. file is its place among the loader's.
//
//	bytes
//	    v  index, less the one before; all of it for the first of a piece
//	    v  place of the file
//	    z  offset, less the one before, divided by 8
//	    v  bytes
//	    1  kind in the low four bits, flags in the high four
//	    v  bytes of the summary
//	       summary
func (g *gathered) add(file int, e *segment.Entry) {
	var on *pile
	for _, p := range g.piles {
		if p.last < e.Index && (on == nil || on.last < p.last) {
			on = p
		}
	}
	if on == nil {
		on = &pile{tape: tape{store: g.paging.store}}
		g.piles = append(g.piles, on)
	}
	on.tape.write(func(b []byte, first bool) []byte {
		if first {
			on.last, on.offset = 0, 0
		}
		b = binary.AppendUvarint(b, e.Index-on.last)
		b = binary.AppendUvarint(b, uint64(file))
		b = binary.AppendVarint(b, (e.Offset-on.offset)/offsetFactor)
		b = binary.AppendUvarint(b, uint64(e.Bytes))
		b = append(b, byte(e.Kind)|byte(e.Flags)<<4)
		return append(binary.AppendUvarint(b, uint64(len(e.Summary))), e.Summary...)
	})
	on.last, on.offset = e.Index, e.Offset
}

// each calls f with the records in order, of two copies the first: the same record, from before cleaning and from after it. A summary is good
// until f returns.
func (g *gathered) each(files []*file, f func(e entry, summary []byte)) {
	var readers []*pileReader
	for _, p := range g.piles {
		if r := (&pileReader{tape: &p.tape}); r.next() {
			readers = append(readers, r)
		}
	}
	for before, first := uint64(0), true; len(readers) > 0; {
		least := 0
		for i, r := range readers {
			if r.compare(readers[least]) < 0 {
				least = i
			}
		}
		r := readers[least]
		if of := files[r.file]; !of.released && (first || before != r.at.Index) {
			f(placedEntry(of, r.at), r.summary)
			before, first = r.at.Index, false
		}
		if !r.next() {
			readers = append(readers[:least], readers[least+1:]...)
		}
	}
}

// pileReader reads a pile.
type pileReader struct {
	tape    *tape
	piece   int
	d       decoder
	at      segment.Entry
	file    int
	summary []byte
}

func (r *pileReader) next() bool {
	if len(r.d.b) == 0 {
		b, ok := r.tape.at(r.piece)
		if !ok {
			return false
		}
		r.piece++
		r.d.b, r.at = b, segment.Entry{}
	}
	r.at.Index += r.d.uvarint()
	r.file = int(r.d.uvarint())
	r.at.Offset += r.d.varint() * offsetFactor
	r.at.Bytes = uint32(r.d.uvarint())
	x := r.d.bytes(1)[0]
	r.at.Kind, r.at.Flags = segment.Kind(x&15), segment.Flags(x>>4)
	r.summary = r.d.bytes(r.d.uvarint())
	return true
}

// compare says whose record comes first, and of copies which was written first.
func (r *pileReader) compare(s *pileReader) int {
	return cmp.Or(cmp.Compare(r.at.Index, s.at.Index), cmp.Compare(r.file, s.file), cmp.Compare(r.at.Offset, s.at.Offset))
}
