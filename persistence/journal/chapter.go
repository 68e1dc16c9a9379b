package journal

import (
	"encoding/binary"
	"slices"

	"warren/persistence/cold"
)

// chapter is packed pages, one behind the other, that lie on disk as one page of the scratch file (DESIGN section 7: 0.2 bytes a record).
type chapter struct {
	sum
	page *cold.Page
}

// A chapter's page, which never leaves the process that wrote it:
//
//	bytes
//	    v  packed pages
//	       for each:
//	    v    index of its first entry, less that of the last of the page before (the chapter's first for the first)
//	    v    index of its last entry, less that of its first
//	    v    entries
//	    1    1 = plain
//	    v    files, and for each:
//	    v      its position in the chapter's list
//	    v      entries in it
//	    v      their bytes
//	    v    bytes of the page
//	       the pages
func encodeChapter(pages []entryPage, of *sum) string {
	var b []byte
	b = binary.AppendUvarint(b, uint64(len(pages)))
	last, bytes := of.first, 0
	for i := range pages {
		p := pages[i].packed
		b = binary.AppendUvarint(b, p.first-last)
		last = pages[i].last
		b = binary.AppendUvarint(b, last-p.first)
		b = binary.AppendUvarint(b, uint64(p.n))
		plain := byte(0)
		if p.plain {
			plain = 1
		}
		b = binary.AppendUvarint(append(b, plain), uint64(len(p.in)))
		for _, h := range p.in {
			b = binary.AppendUvarint(b, uint64(of.at(h.file)))
			b = binary.AppendUvarint(b, uint64(h.n))
			b = binary.AppendUvarint(b, uint64(h.bytes))
		}
		b = binary.AppendUvarint(b, uint64(len(p.bytes)))
		bytes += len(p.bytes)
	}
	b = slices.Grow(b, bytes)
	for i := range pages {
		b = append(b, pages[i].packed.bytes...)
	}
	return string(b)
}

// read brings back the packed pages.
func (c *chapter) read() []entryPage {
	b := c.page.Read()
	d := decoder{b: []byte(b)}
	out := make([]entryPage, d.uvarint())
	lengths := make([]int, len(out))
	last := c.first
	for i := range out {
		p := &packedEntries{sum: sum{first: last + d.uvarint()}}
		last = p.first + d.uvarint()
		p.n, p.plain, p.in = int(d.uvarint()), d.bytes(1)[0] == 1, make([]holding, d.uvarint())
		for k := range p.in {
			p.in[k] = holding{file: c.in[d.uvarint()].file, n: int(d.uvarint()), bytes: int64(d.uvarint())}
		}
		lengths[i] = int(d.uvarint())
		out[i] = entryPage{last: last, packed: p}
	}
	rest := b[len(b)-len(d.b):]
	for i, n := range lengths {
		out[i].packed.bytes, rest = rest[:n], rest[n:]
	}
	return out
}
