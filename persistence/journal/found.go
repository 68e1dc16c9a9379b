package journal

import (
	"encoding/binary"
	"iter"
)

// Found is a living event that was there when the journal was opened.
type Found struct {
	Index uint64
	Kind  Kind
	// Summary is the beginning of the payload, as far as its writer said; empty when it said nothing. It is nobody's to change.
	Summary []byte
}

// Findings are what lived of a stream when the journal was opened. They stay what they are, for anybody on any goroutine.
type Findings struct {
	tape tape
	last uint64
	n    int
}

// Len is how many there are.
func (f *Findings) Len() int { return f.n }

// add takes in one that is behind all others.
//
//	bytes
//	    v  index, less the one before; all of it for the first of a piece
//	    1  kind
//	    v  bytes of the summary
//	       summary
func (f *Findings) add(index uint64, kind Kind, summary []byte) {
	f.tape.write(func(b []byte, first bool) []byte {
		if first {
			f.last = 0
		}
		b = append(binary.AppendUvarint(b, index-f.last), byte(kind))
		return append(binary.AppendUvarint(b, uint64(len(summary))), summary...)
	})
	f.last = index
	f.n++
}

// All are the events in order.
func (f *Findings) All() iter.Seq[Found] {
	return func(yield func(Found) bool) {
		for i := 0; ; i++ {
			b, ok := f.tape.at(i)
			if !ok {
				return
			}
			d, out := decoder{b: b}, Found{}
			for len(d.b) > 0 {
				out.Index += d.uvarint()
				out.Kind = Kind(d.bytes(1)[0])
				if out.Summary = d.bytes(d.uvarint()); !yield(out) {
					return
				}
			}
		}
	}
}
