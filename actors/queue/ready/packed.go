package ready

import (
	"slices"

	"warren/internal/columns"
)

// What waits for long has extents that nobody looks at: their contents are on disk alone. So many of them are packed that a message
// takes a byte or less in memory where batches resemble each other, whatever its priority and expiry (DESIGN section 7, paging).
type (
	// Packed: these pages take the place of the extents that they were made of.
	Packed struct{ Pages []Page }
	// Page is consecutive extents of one level, packed, which reach from First to End.
	Page struct {
		First, End uint64
		Packed     string
	}
)

func (*Packed) event() {}

// Sizes are how many extents a page is made of, at least and at most, and how many are a chapter. The zero value is for what is worth it.
type Sizes struct{ Least, Most, Chapter int }

func (z Sizes) orWorthIt() Sizes {
	if z == (Sizes{}) {
		return Sizes{packLeast, listMost, chapterExtents}
	}
	return z
}

const packLeast = 64

// Packable are pages that can be made of what is in lists. Those who change extents below are to do that first.
func (s *State) Packable(z Sizes) (out []Page) {
	z = z.orWorthIt()
	for i := range s.lines {
		for _, p := range s.lines[i].extents.pages {
			if p.list == nil {
				continue
			}
			all := p.list.all[p.list.head:]
			for len(all) > 0 {
				n, live := 0, 0
				for ; n < len(all) && live < z.Most && all[n].content == nil; n++ {
					if all[n].live > 0 {
						live++
					}
				}
				if live >= z.Least {
					some := all[:n]
					if live < n {
						some = slices.DeleteFunc(slices.Clone(some), settled)
					}
					out = append(out, Page{First: some[0].first, End: some[live-1].end(), Packed: pack(some)})
				}
				all = all[max(n, 1):]
			}
		}
	}
	return out
}

func (s *State) packed(e *Packed) {
	for _, p := range e.Pages {
		s.lineOf(p.First).extents.pack(p)
	}
}

// pack puts a page in the place of what it was made of. Lists may be parted elsewhere than where it was made.
func (x *extents) pack(p Page) {
	from := x.search(p.First)
	to := from
	var parts []page
	for ; to < len(x.pages) && (to == from || x.pages[to-1].end < p.End); to++ {
		l := x.pages[to].list
		i, k := l.search(p.First), l.search(p.End)
		parts = listed(parts, l.all[l.head:i])
		if to == from {
			parts = append(parts, page{end: p.End, packed: p.Packed})
			x.packed++
		}
		parts = listed(parts, l.all[k:])
	}
	x.pages = slices.Replace(x.pages, from, to, parts...)
}

// listed adds a page of extents that lie in the list of another, as far as something is left of them.
func listed(parts []page, some []extent) []page {
	l := &list{all: slices.DeleteFunc(slices.Clone(some), settled)}
	if len(l.all) == 0 {
		return parts
	}
	return append(parts, page{end: l.all[len(l.all)-1].end(), list: l})
}

// The columns of a page: of each extent how far it begins behind the end of the one before, and its other fields.
const (
	gapColumn = iota
	recordColumn
	spoolColumn
	nColumn
	settledColumn
	leftColumn
	bodyColumn // less left
	mixedColumn
	allColumns
)

// tally is what extents add up to whose contents are on disk alone.
type tally struct {
	extents  int
	messages uint64 // that are not settled
	left     int    // bytes of those
	body     int
	records  int // extents that have a record of the queue's durable stream
	spooled  int // and of its spool
}

func (t *tally) add(o tally) {
	t.extents += o.extents
	t.messages += o.messages
	t.left += o.left
	t.body += o.body
	t.records += o.records
	t.spooled += o.spooled
}

// tallyOf is a page's, which is its first column.
func tallyOf(packed string) tally {
	c, _ := columns.Take(packed)
	return tally{
		extents: int(c.Next()), messages: uint64(c.Next()), left: int(c.Next()), body: int(c.Next()), records: int(c.Next()), spooled: int(c.Next()),
	}
}

// firstOf is a page's first index, which is its second column.
func firstOf(packed string) uint64 {
	_, rest := columns.Take(packed)
	c, _ := columns.Take(rest)
	return uint64(c.Next())
}

// pack packs extents whose contents are on disk alone.
func pack(all []extent) string {
	values := make([]int64, len(all))
	sum := tally{extents: len(all)}
	for i := range all {
		e := &all[i]
		sum.messages += uint64(e.live)
		sum.left += e.left
		sum.body += e.body
		if e.record != 0 {
			sum.records++
		}
		if e.spool != 0 {
			sum.spooled++
		}
	}
	var out []byte
	out = columns.Append(out, []int64{int64(sum.extents), int64(sum.messages), int64(sum.left), int64(sum.body), int64(sum.records), int64(sum.spooled)})
	for c := range allColumns {
		before := uint64(0)
		for i := range all {
			e := &all[i]
			switch c {
			case gapColumn:
				values[i] = int64(e.first - before)
				before = e.end()
				if i == 0 {
					out = columns.Append(out, values[:1])
					values[0] = 0
				}
			case recordColumn:
				values[i] = int64(e.record)
			case spoolColumn:
				values[i] = int64(e.spool)
			case nColumn:
				values[i] = int64(e.n)
			case settledColumn:
				values[i] = int64(e.n - e.live)
			case leftColumn:
				values[i] = int64(e.left)
			case bodyColumn:
				values[i] = int64(e.body - e.left)
			case mixedColumn:
				values[i] = 0
				if e.mixed {
					values[i] = 1
				}
			}
		}
		out = columns.Append(out, values)
	}
	return string(out)
}

// unpacker reads the extents of a page in order.
type unpacker struct {
	left    int64
	end     uint64 // of the one before
	columns [allColumns]columns.Column
}

func unpack(packed string) *unpacker {
	u := &unpacker{}
	n, rest := columns.Take(packed)
	first, rest := columns.Take(rest)
	columns.TakeAll(u.columns[:], rest)
	u.left, u.end = n.Next(), uint64(first.Next())
	return u
}

func (u *unpacker) next(e *extent) bool {
	if u.left == 0 {
		return false
	}
	u.left--
	var v [allColumns]int64
	columns.NextAll(u.columns[:], v[:])
	*e = extent{
		first: u.end + uint64(v[gapColumn]), record: uint64(v[recordColumn]), spool: uint64(v[spoolColumn]),
		n: uint32(v[nColumn]), live: uint32(v[nColumn] - v[settledColumn]), left: int(v[leftColumn]),
		body: int(v[bodyColumn] + v[leftColumn]), mixed: v[mixedColumn] != 0,
	}
	u.end = e.end()
	return true
}
