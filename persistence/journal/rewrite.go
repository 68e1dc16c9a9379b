package journal

import "slices"

// verdict is what becomes of an entry.
type verdict uint8

const (
	same verdict = iota
	changed
	gone
)

// rewrite asks f about every entry from..to and takes those out that it says are gone. It goes page by page, packs again what has changed, and leaves
// pages alone for which whole says so: of their entries none changes.
func (x *entries) rewrite(from, to uint64, whole func(*entryPage, span) bool, f func(*entry) verdict) {
	first := x.search(from)
	r := rewriting{out: entries{paging: x.paging}, f: func(e *entry) verdict {
		if e.index < from || e.index >= to {
			return same
		}
		return f(e)
	}}
	end, begin := first, uint64(0)
	if first > 0 {
		begin = x.pages[first-1].last + 1
	}
	for ; end < len(x.pages) && (end == first || begin < to); end++ {
		p := &x.pages[end]
		if whole(p, span{begin, p.last}) {
			r.out.pages = append(r.out.pages, *p)
		} else {
			r.page(p)
		}
		begin = p.last + 1
		r.freeze()
	}
	x.pages = slices.Replace(x.pages, first, end, r.out.pages...)
	x.tidy()
}

// rewriting is what a rewrite has made so far.
type rewriting struct {
	out  entries
	f    func(*entry) verdict
	left []entry // of the present page
}

// page takes in a page, as it is where nothing has changed.
func (r *rewriting) page(p *entryPage) {
	if p.chapter == nil {
		r.part(p)
		return
	}
	before, untouched := len(r.out.pages), true
	for _, part := range p.chapter.read() {
		untouched = r.part(&part) && untouched
	}
	if untouched {
		r.out.pages = append(r.out.pages[:before], *p)
	}
}

func (r *rewriting) part(p *entryPage) (untouched bool) {
	untouched = p.packed != nil // a list may become one with the one before
	r.left = r.left[:0]
	p.each(0, func(e *entry) bool {
		v := r.f(e)
		if untouched = untouched && v == same; v != gone {
			r.left = append(r.left, *e)
		}
		return true
	})
	if untouched {
		r.out.pages = append(r.out.pages, *p)
		return true
	}
	for _, e := range r.left {
		r.out.push(e)
		if n := len(r.out.pages); r.out.full(n - 1) {
			r.out.pack(n - 1)
		}
	}
	return false
}

// freeze writes what has come together at the end.
func (r *rewriting) freeze() {
	n := len(r.out.pages)
	if n > 0 && r.out.pages[n-1].list != nil {
		n--
	}
	if n > 0 {
		r.out.freeze(n - 1)
	}
}
