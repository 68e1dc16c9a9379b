package journal

import (
	"encoding/binary"
	"errors"
	"sort"
)

// ranges is a set of indices, as runs by rising index.
type ranges []run

type run struct{ from, to uint64 } // to is not in it

// add takes in an index above all others.
func (r ranges) add(index uint64) ranges { return r.addAll(index, index+1) }

// addAll takes in the indices from..to, above all others.
func (r ranges) addAll(from, to uint64) ranges {
	if n := len(r); n > 0 && r[n-1].to == from {
		r[n-1].to = to
		return r
	}
	return append(r, run{from, to})
}

// meets says whether it has any of from..to.
func (r ranges) meets(from, to uint64) bool {
	i := sort.Search(len(r), func(i int) bool { return r[i].to > from })
	return i < len(r) && r[i].from < to
}

func (r ranges) has(index uint64) bool {
	i := sort.Search(len(r), func(i int) bool { return r[i].to > index })
	return i < len(r) && r[i].from <= index
}

// append encodes the set: a count, and for each run the distance from the end of the one before and its length.
func (r ranges) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(r)))
	last := uint64(0)
	for _, x := range r {
		b = binary.AppendUvarint(b, x.from-last)
		b = binary.AppendUvarint(b, x.to-x.from)
		last = x.to
	}
	return b
}

var errEncoding = errors.New("not in the journal's encoding")

// parseRanges returns the set and what is behind it.
func parseRanges(b []byte) (ranges, []byte, error) {
	d := decoder{b: b}
	n := d.uvarint()
	if n > uint64(len(b)) {
		return nil, nil, errEncoding
	}
	out := make(ranges, 0, n)
	last := uint64(0)
	for range n {
		from := last + d.uvarint()
		last = from + d.uvarint()
		out = append(out, run{from, last})
	}
	if d.bad {
		return nil, nil, errEncoding
	}
	return out, d.b, nil
}

// decoder takes values off a slice; bad stays true from the first that is not there.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}
