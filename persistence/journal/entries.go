package journal

import (
	"slices"
	"sort"
)

// entries are a stream's, by index, in pages. A page is a list. One that is full and whose records are all in files is packed
// (packed.go), and of those that nobody has looked at for long some together are a chapter on disk (chapter.go), until somebody needs
// one of them.
type entries struct {
	paging *paging
	pages  []entryPage
	warm   []span // chapters that were read back, the newest last
}

// entryPage is one of the three.
type entryPage struct {
	last    uint64     // index of the last one
	list    *entryList // nil where it is one of the others
	packed  *packedEntries
	chapter *chapter
}

type entryList struct{ all []entry }

// span is from an index to another.
type span struct{ first, last uint64 }

func (x *entries) push(e entry) {
	n := len(x.pages)
	if n == 0 || x.full(n-1) {
		x.pages = append(x.pages, entryPage{list: &entryList{}})
		n++
	}
	p := &x.pages[n-1]
	p.list.all, p.last = append(p.list.all, e), e.index
}

// search returns the position of the first page that reaches to an index.
func (x *entries) search(index uint64) int {
	n := len(x.pages)
	for back := 1; back <= 2 && back <= n; back++ { // most look for one of the newest
		if x.pages[n-back].last < index {
			return n - back + 1
		}
	}
	return sort.Search(n, func(i int) bool { return x.pages[i].last >= index })
}

// search returns the position of the first entry with at least that index.
func (l *entryList) search(index uint64) int {
	n := len(l.all)
	// Most lists are gapless: a subtraction instead of the search below, which was a seventh of BenchmarkJournalAppend's time.
	if first := l.all[0].index; index >= first && index-first < uint64(n) && l.all[index-first].index == index {
		return int(index - first)
	}
	return sort.Search(n, func(i int) bool { return l.all[i].index >= index })
}

// find returns an entry, for whoever may change it.
func (x *entries) find(index uint64) *entry {
	p := x.search(index)
	if p == len(x.pages) {
		return nil
	}
	p = x.thaw(p, index)
	l := x.unpack(p)
	if i := l.search(index); i < len(l.all) && l.all[i].index == index {
		return &l.all[i]
	}
	return nil
}

// each calls f with the entries from an index on, until it returns false. Those that are not in lists are copies.
func (x *entries) each(index uint64, f func(*entry) bool) {
	for p := x.search(index); p < len(x.pages); p++ {
		if !x.pages[p].each(index, f) {
			return
		}
	}
}

func (p *entryPage) each(index uint64, f func(*entry) bool) bool {
	switch {
	case p.chapter != nil:
		for _, part := range p.chapter.read() {
			if part.last >= index && !part.each(index, f) {
				return false
			}
		}
		return true
	case p.packed != nil:
		for u, e := p.packed.unpack(), (entry{}); u.next(&e); {
			if e.index >= index && !f(&e) {
				return false
			}
		}
		return true
	}
	for i := p.list.search(index); i < len(p.list.all); i++ {
		if e := &p.list.all[i]; !f(e) {
			return false
		}
	}
	return true
}

// pick calls f with those of the indexes that live, which are in rising order. Whoever reads them will settle them soon.
func (x *entries) pick(indexes []uint64, f func(entry)) {
	for len(indexes) > 0 {
		p := x.search(indexes[0])
		if p == len(x.pages) {
			return
		}
		p = x.thaw(p, indexes[0])
		x.pages[p].each(indexes[0], func(e *entry) bool {
			for len(indexes) > 0 && indexes[0] < e.index {
				indexes = indexes[1:]
			}
			if len(indexes) > 0 && indexes[0] == e.index {
				f(*e)
				indexes = indexes[1:]
			}
			return len(indexes) > 0
		})
		for len(indexes) > 0 && indexes[0] <= x.pages[p].last { // it is not there
			indexes = indexes[1:]
		}
	}
}

// eachIn is each of all that may be in a file.
func (x *entries) eachIn(f *file, do func(*entry)) {
	for i := range x.pages {
		x.pages[i].eachIn(f, do)
	}
}

func (p *entryPage) eachIn(f *file, do func(*entry)) {
	switch {
	case p.chapter != nil:
		if p.chapter.holds(f) {
			for _, part := range p.chapter.read() {
				part.eachIn(f, do)
			}
		}
		return
	case p.packed != nil && !p.packed.holds(f):
		return
	}
	p.each(0, func(e *entry) bool {
		if e.file == f {
			do(e)
		}
		return true
	})
}

// plain says of a page that all of it are messages that are not released, one index behind the other.
func (p *entryPage) plain() bool {
	return p.packed != nil && p.packed.plain || p.chapter != nil && p.chapter.plain
}

// first is the index of the first entry of a page that is not a list.
func (p *entryPage) first() uint64 {
	if p.chapter != nil {
		return p.chapter.first
	}
	return p.packed.first
}

// clear drops every record.
func (x *entries) clear() {
	for _, p := range x.pages {
		switch {
		case p.chapter != nil:
			p.chapter.drop()
		case p.packed != nil:
			p.packed.drop()
		default:
			p.each(0, func(e *entry) bool {
				if e.file != nil {
					e.file.drop(e.bytes())
				}
				return true
			})
		}
	}
	x.pages, x.warm = nil, nil
}

// placed says that an entry has its place, which may have been what its page waited for.
func (x *entries) placed(index uint64) {
	if p := x.search(index); x.pages[p].last == index && (p < len(x.pages)-1 || x.full(p)) && x.pack(p) {
		x.freeze(p)
	}
}

// full says that a page gets no more.
func (x *entries) full(p int) bool {
	return x.pages[p].list == nil || len(x.pages[p].list.all) >= x.paging.list
}

// pack packs a page if that is worth it, and all of it is in files.
func (x *entries) pack(p int) bool {
	at := &x.pages[p]
	if at.list == nil || len(at.list.all) < x.paging.least {
		return false
	}
	if slices.ContainsFunc(at.list.all, func(e entry) bool { return e.file == nil }) {
		return false
	}
	at.packed, at.list = packEntries(at.list.all), nil
	return true
}

func (x *entries) unpack(p int) *entryList {
	at := &x.pages[p]
	if at.list == nil {
		l := &entryList{all: make([]entry, 0, at.packed.n)}
		for u, e := at.packed.unpack(), (entry{}); u.next(&e); {
			l.all = append(l.all, e)
		}
		at.list, at.packed = l, nil
	}
	return at.list
}
