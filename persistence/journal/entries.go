package journal

import (
	"slices"
	"sort"

	"warren/internal/columns"
	"warren/persistence/segment"
)

// entries are a stream's, by index, in pages. A page that is full and whose records are all in files is packed, until somebody changes
// one of them: a record that is as long as the one before it, and lies behind it, takes next to nothing. In a list an entry that died
// stays until they are half of all.
type entries struct{ pages []entryPage }

type entryPage struct {
	last   uint64     // index of the last one
	list   *entryList // nil when it is packed
	packed *packedEntries
}

type entryList struct {
	all  []entry
	dead int
}

type packedEntries struct {
	n     int
	files []*file // where they are
	bytes string
}

// A list has at most so many entries. Fewer than the other are not worth packing.
const (
	listMost  = 512
	packLeast = 64
)

func (x *entries) push(e entry) {
	n := len(x.pages)
	if n == 0 || x.pages[n-1].full() {
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

// find returns a living entry, for whoever may change it.
func (x *entries) find(index uint64) *entry {
	p := x.search(index)
	if p == len(x.pages) {
		return nil
	}
	l := x.unpack(p)
	if i := l.search(index); i < len(l.all) && l.all[i].index == index && !l.all[i].dead() {
		return &l.all[i]
	}
	return nil
}

// each calls f with the living entries from an index on, until it returns false. Those of packed pages are copies.
func (x *entries) each(index uint64, f func(*entry) bool) {
	for p := x.search(index); p < len(x.pages); p++ {
		if !x.pages[p].each(index, f) {
			return
		}
	}
}

func (p *entryPage) each(index uint64, f func(*entry) bool) bool {
	if p.list == nil {
		for u, e := p.packed.unpack(), (entry{}); u.next(&e); {
			if e.index >= index && !f(&e) {
				return false
			}
		}
		return true
	}
	for i := p.list.search(index); i < len(p.list.all); i++ {
		if e := &p.list.all[i]; !e.dead() && !f(e) {
			return false
		}
	}
	return true
}

// pick calls f with those of the indexes that live, which are in rising order.
func (x *entries) pick(indexes []uint64, f func(entry)) {
	for len(indexes) > 0 {
		p := x.search(indexes[0])
		if p == len(x.pages) {
			return
		}
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
		p := &x.pages[i]
		if p.list == nil && !slices.Contains(p.packed.files, f) {
			continue
		}
		p.each(0, func(e *entry) bool {
			if e.file == f {
				do(e)
			}
			return true
		})
	}
}

// drop takes out an entry that died.
func (x *entries) drop(index uint64) {
	p := x.search(index)
	l := x.pages[p].list
	if l.dead++; l.dead > 32 && l.dead > len(l.all)/2 || l.dead == len(l.all) {
		l.all = slices.DeleteFunc(l.all, func(e entry) bool { return e.dead() })
		if l.dead = 0; len(l.all) < cap(l.all)/4 {
			l.all = slices.Clip(slices.Clone(l.all))
		}
	}
	if n := len(l.all); n > 0 {
		x.pages[p].last = l.all[n-1].index
	} else {
		x.remove(p)
	}
}

func (x *entries) remove(p int) {
	if p == 0 {
		x.pages[0] = entryPage{}
		x.pages = x.pages[1:] // a Delete would move all the others
		return
	}
	x.pages = slices.Delete(x.pages, p, p+1)
}

// replace keeps those of the living entries from..to that f says yes to, and drops the dead among them. What it leaves is packed
// again.
func (x *entries) replace(from, to uint64, keep func(*entry) bool) {
	first := x.search(from)
	var kept entries
	end := first
	for ; end < len(x.pages) && (end == first || x.pages[end-1].last < to); end++ {
		x.pages[end].each(0, func(e *entry) bool {
			if e.index < from || e.index >= to || keep(e) {
				kept.push(*e)
			}
			return true
		})
	}
	x.pages = slices.Replace(x.pages, first, end, kept.pages...)
	for p := range x.pages {
		if p < len(x.pages)-1 || x.pages[p].full() { // to the last one more are added
			x.pack(p)
		}
	}
}

// placed says that an entry has its place, which may have been what its page waited for.
func (x *entries) placed(index uint64) {
	if p := x.search(index); x.pages[p].last == index && (p < len(x.pages)-1 || x.pages[p].full()) {
		x.pack(p)
	}
}

// full says that a page gets no more.
func (p *entryPage) full() bool { return p.list == nil || len(p.list.all) >= listMost }

// pack packs a page if that is worth it, and all of it is in files.
func (x *entries) pack(p int) {
	at := &x.pages[p]
	if at.list == nil || len(at.list.all)-at.list.dead < packLeast {
		return
	}
	waits := func(e entry) bool { return !e.dead() && e.file == nil }
	if slices.ContainsFunc(at.list.all, waits) {
		return
	}
	all := slices.DeleteFunc(at.list.all, func(e entry) bool { return e.dead() })
	at.last = all[len(all)-1].index
	at.packed, at.list = packEntries(all), nil
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

// The columns of a packed page.
const (
	indexColumn = iota
	fileColumn
	bytesColumn
	gapColumn // behind the end of the one before
	kindColumn
	flagsColumn
	releasedColumn
	allColumns
)

func packEntries(all []entry) *packedEntries {
	out := &packedEntries{n: len(all)}
	values := make([]int64, len(all))
	var b []byte
	for c := range allColumns {
		end := int64(0)
		for i := range all {
			e := &all[i]
			switch c {
			case indexColumn:
				values[i] = int64(e.index)
			case fileColumn:
				at := len(out.files) - 1 // most are in the file of the one before
				if at < 0 || out.files[at] != e.file {
					if at = slices.Index(out.files, e.file); at < 0 {
						at = len(out.files)
						out.files = append(out.files, e.file)
					}
				}
				values[i] = int64(at)
			case bytesColumn:
				values[i] = int64(e.bytes())
			case gapColumn:
				values[i] = (e.offset() - end) / offsetFactor
				end = e.end()
			case kindColumn:
				values[i] = int64(e.kind())
			case flagsColumn:
				values[i] = int64(e.flags())
			case releasedColumn:
				if values[i] = 0; e.released() {
					values[i] = 1
				}
			}
		}
		b = columns.Append(b, values)
	}
	out.files, out.bytes = slices.Clip(out.files), string(b)
	return out
}

type entryUnpacker struct {
	of      *packedEntries
	left    int
	end     int64 // of the newest
	columns [allColumns]columns.Column
}

func (p *packedEntries) unpack() *entryUnpacker {
	u := &entryUnpacker{of: p, left: p.n}
	rest := p.bytes
	for c := range u.columns {
		u.columns[c], rest = columns.Take(rest)
	}
	return u
}

func (u *entryUnpacker) next(e *entry) bool {
	if u.left == 0 {
		return false
	}
	u.left--
	var v [allColumns]int64
	for c := range v {
		v[c] = u.columns[c].Next()
	}
	*e = placedEntry(u.of.files[v[fileColumn]], segment.Entry{
		Index: uint64(v[indexColumn]), Offset: u.end + v[gapColumn]*offsetFactor, Bytes: uint32(v[bytesColumn]),
		Kind: segment.Kind(v[kindColumn]), Flags: segment.Flags(v[flagsColumn]),
	})
	u.end = e.end()
	if v[releasedColumn] != 0 {
		e.release()
	}
	return true
}
