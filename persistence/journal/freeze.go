package journal

import (
	"slices"
	"strings"
)

// freeze makes chapters of the packed pages that end at p, where there are enough. The beginning of a stream stays: it is needed next.
func (x *entries) freeze(p int) {
	if !x.paging.store.Takes() {
		return
	}
	n, from := x.paging.chapter, p+1
	for from > x.paging.kept() && p+1-from < 2*n && x.pages[from-1].packed != nil { // tidy finds what is longer
		from--
	}
	for ; p+1-from >= n; p, from = p-n+1, from+1 {
		c, ok := x.write(from, from+n)
		if !ok {
			return
		}
		x.pages = slices.Replace(x.pages, from, from+n, c)
	}
}

// write makes a chapter of packed pages. If it cannot be written now, they stay as they are.
func (x *entries) write(from, to int) (entryPage, bool) {
	if !x.paging.store.Takes() {
		return entryPage{}, false
	}
	c := &chapter{}
	for _, p := range x.pages[from:to] {
		c.add(p.packed.sum)
	}
	c.in = slices.Clip(c.in)
	var err error
	if c.page, err = x.paging.store.Put(encodeChapter(x.pages[from:to], &c.sum)); err != nil {
		return entryPage{}, false // the store does not take more for a while
	}
	return entryPage{last: x.pages[to-1].last, chapter: c}, true
}

// thaw brings a chapter back into memory, of which an entry is needed, and returns where that one's page is now. Of those that were brought
// back before, the oldest goes again.
func (x *entries) thaw(p int, index uint64) int {
	if x.pages[p].chapter == nil {
		return p
	}
	if len(x.warm) == warmChapters { // first, since the two may overlap by now
		oldest := x.warm[0]
		x.warm = slices.Delete(x.warm, 0, 1)
		x.cool(oldest)
		p = x.search(index)
	}
	c := x.pages[p].chapter
	x.warm = append(x.warm, span{c.first, x.pages[p].last})
	parts := c.read()
	for i := range parts {
		parts[i].packed.bytes = strings.Clone(parts[i].packed.bytes) // one does not keep all
	}
	x.pages = slices.Replace(x.pages, p, p+1, parts...)
	return x.search(index)
}

// cool writes what is packed of a chapter that was brought back.
func (x *entries) cool(s span) {
	from := x.search(s.first)
	for to := min(x.search(s.last)+1, len(x.pages)); to > from; to-- {
		at := to
		for at > from && x.pages[at-1].packed != nil {
			at--
		}
		if to-at >= x.paging.worth() {
			if c, ok := x.write(at, to); ok {
				x.pages = slices.Replace(x.pages, at, to, c)
			}
		}
		to = max(at, from+1)
	}
}

// tidy packs every page that it can be done with, and writes what is long packed: what could not be written when it came, and what is left of
// chapters.
func (x *entries) tidy() {
	for p := range x.pages {
		if p < len(x.pages)-1 || x.full(p) { // to the last one more are added
			x.pack(p)
		}
	}
	x.warm = x.warm[:0]
	head := x.paging.kept()
	if len(x.pages) <= head {
		return
	}
	out := x.pages[:head]
	for p := head; p < len(x.pages); {
		n := 0
		for p+n < len(x.pages) && n < x.paging.chapter && x.pages[p+n].packed != nil {
			n++
		}
		grows := p+n >= len(x.pages)-1 && n < x.paging.chapter
		if n >= x.paging.worth() && !grows {
			if c, ok := x.write(p, p+n); ok {
				out = append(out, c)
				p += n
				continue
			}
		}
		n = max(n, 1)
		out = append(out, x.pages[p:p+n]...)
		p += n
	}
	clear(x.pages[len(out):])
	x.pages = out
}
