package ready

import (
	"fmt"
	"slices"
	"sort"
)

// extents hold what is not settled, ordered by index, in pages. A page is a list of extents, or some that wait on disk and that nobody
// will need for long, packed (packed.go), or a chapter of many of those, which is on disk as well (chapter.go). Only events unpack it,
// and so the states of a queue and of its stream have the same packed pages and chapters, and share them.
type extents struct {
	pages            []page
	packed, chapters int      // how many of the pages are
	opened           int      // how many there ever were that became lists, and packed ones that were of a chapter
	spare            []extent // memory of a list that is gone
}

// page is consecutive extents, none of which is settled if it is no list.
type page struct {
	end     uint64 // index behind the last of them
	list    *list  // nil when it is packed
	packed  string // empty when it is a chapter
	chapter *Chapter
}

// list is extents that are looked at one by one. There is no gap between two until one is dropped.
type list struct {
	all  []extent
	head int // all[:head] is dropped
	dead int // in all[head:], settled
}

// listMost is how many extents a list has, at most.
const listMost = 512

// push adds the extent of messages that arrived.
func (x *extents) push(e extent) {
	var l *list
	if n := len(x.pages); n > 0 {
		l = x.pages[n-1].list
	}
	if l != nil && len(l.all) >= listMost && l.head > listMost/2 {
		kept := copy(l.all, l.all[l.head:])
		clear(l.all[kept:])
		l.all, l.head = l.all[:kept], 0
	}
	if l == nil || len(l.all) >= listMost {
		l = &list{all: x.spare}
		x.spare = nil
		x.pages = append(x.pages, page{list: l})
	}
	l.all = append(l.all, e)
	x.pages[len(x.pages)-1].end = e.end()
}

// each calls f with the extents that reach beyond an index, in order, until it returns false. Those that are packed are copies.
func (x *extents) each(index uint64, f func(*extent) bool) {
	for p := x.search(index); p < len(x.pages); p++ {
		if !x.pages[p].each(index, f) {
			return
		}
	}
}

// eachListed is each without those that are packed, whose messages are on disk alone.
func (x *extents) eachListed(index uint64, f func(*extent) bool) {
	for p := x.search(index); p < len(x.pages); p++ {
		if l := x.pages[p].list; l != nil && !l.each(index, f) {
			return
		}
	}
}

// search returns the position of the first page that reaches beyond an index.
func (x *extents) search(index uint64) int {
	if len(x.pages) > 0 && x.pages[0].end > index {
		return 0 // most look for the next to go
	}
	return sort.Search(len(x.pages), func(i int) bool { return x.pages[i].end > index })
}

func (p *page) each(index uint64, f func(*extent) bool) bool {
	switch {
	case p.list != nil:
		return p.list.each(index, f)
	case p.chapter != nil:
		for _, p := range p.chapter.pages() {
			if p.end > index && !p.each(index, f) {
				return false
			}
		}
		return true
	}
	for u, e := unpack(p.packed), (extent{}); u.next(&e); {
		if e.end() > index && !f(&e) {
			return false
		}
	}
	return true
}

func (l *list) each(index uint64, f func(*extent) bool) bool {
	for i := l.search(index); i < len(l.all); i++ {
		if !f(&l.all[i]) {
			return false
		}
	}
	return true
}

func (l *list) search(index uint64) int {
	live := l.all[l.head:]
	if len(live) > 0 && live[0].end() > index {
		return l.head
	}
	return l.head + sort.Search(len(live), func(i int) bool { return live[i].end() > index })
}

// at returns the extent that holds an index, a copy when it is packed, or nil.
func (x *extents) at(index uint64) (found *extent) {
	x.each(index, func(e *extent) bool {
		if e.first <= index {
			found = e
		}
		return false
	})
	return found
}

// listed is at for whoever changes the extent: it is not a copy.
func (x *extents) listed(index uint64) (found *extent) {
	p := x.search(index)
	if p < len(x.pages) && x.pages[p].chapter != nil {
		x.open(p)
		p = x.search(index)
	}
	if p == len(x.pages) {
		return nil
	}
	x.unpack(p).each(index, func(e *extent) bool {
		if e.first <= index {
			found = e
		}
		return false
	})
	return found
}

// first is the index of the first message that is not dropped.
func (x *extents) first() uint64 {
	if len(x.pages) > 0 && x.pages[0].chapter != nil {
		return x.pages[0].chapter.First
	}
	first := ^uint64(0)
	x.each(0, func(e *extent) bool { first = e.first; return false })
	return first
}

// walk calls f with the parts of extents that make up the interval.
func (x *extents) walk(in Interval, f func(e *extent, from, to int)) {
	x.each(in.First, func(e *extent) bool {
		part(e, &in, f)
		return in.N > 0
	})
	if in.N > 0 {
		missing(in.First)
	}
}

// parts is walk until f returns false. A chapter all of which is in the interval is not read unless whole says so.
func (x *extents) parts(in Interval, whole func(*Chapter) choice, f func(e *extent, from, to int) bool) {
	for p := x.search(in.First); in.N > 0; p++ {
		if p == len(x.pages) {
			missing(in.First)
		}
		at := &x.pages[p]
		if c := at.chapter; c != nil && c.inside(in) {
			switch whole(c) {
			case taken:
				c.takeOff(&in)
				continue
			case enough:
				return
			}
		}
		more := at.each(in.First, func(e *extent) (more bool) {
			if in.N == 0 {
				return false
			}
			part(e, &in, func(e *extent, from, to int) { more = f(e, from, to) })
			return more
		})
		if !more {
			return
		}
	}
}

// choice is what to do about a chapter: it was taken as a whole, its extents are needed, or no more is.
type choice int

const (
	taken choice = iota
	read
	enough
)

// part calls f with what an extent has of an interval from its beginning on, and takes that off it.
func part(e *extent, in *Interval, f func(e *extent, from, to int)) {
	if e.first > in.First {
		missing(in.First)
	}
	from := int(in.First - e.first)
	to := min(from+int(in.N), int(e.n))
	f(e, from, to)
	in.First += uint64(to - from)
	in.N -= uint64(to - from)
}

func missing(index uint64) {
	panic(fmt.Sprintf("queue: message %d is neither waiting nor delivered", index))
}

// settle marks the messages of an interval as needed no longer and returns the bytes they held, how many of those were in
// memory, and how many of these are shared. dead is called with the extents that nothing is left of, gone with such chapters.
func (x *extents) settle(in Interval, dead func(*extent), gone func(*Chapter)) (bytes, resident, shared int) {
	for p := x.search(in.First); in.N > 0; {
		if p == len(x.pages) {
			missing(in.First)
		}
		if c := x.pages[p].chapter; c != nil {
			if !c.inside(in) {
				x.open(p)
				p = x.search(in.First)
				continue
			}
			gone(c)
			bytes += c.left
			c.takeOff(&in)
			x.chapters--
			x.remove(p)
			continue
		}
		l := x.unpack(p)
		for i := l.search(in.First); i < len(l.all) && in.N > 0; i++ {
			part(&l.all[i], &in, func(e *extent, from, to int) {
				n := e.bytes(from, to)
				bytes += n
				if e.content != nil {
					resident += n
					if e.content.Common != nil {
						shared += n
					}
				}
				e.left -= n
				if e.live -= uint32(to - from); e.live == 0 {
					dead(e)
					e.content = nil
					l.dead++
				}
			})
		}
		switch l.trim(); {
		case l.head < len(l.all):
			p++
		case p < len(x.pages)-1:
			x.drop(p)
		default: // what arrives next goes in here
			l.all, l.head, x.spare = l.all[:0], 0, nil
			p++
		}
	}
	return bytes, resident, shared
}

// trim lets go of settled extents: at the front at once, elsewhere when they are the majority, so that one message which
// is never settled does not keep all that came behind it.
func (l *list) trim() {
	for l.head < len(l.all) && l.all[l.head].live == 0 {
		l.all[l.head] = extent{}
		l.head++
		l.dead--
	}
	if gone := l.head + l.dead; l.dead > 0 && gone > 64 && gone > len(l.all)/2 {
		kept := slices.DeleteFunc(l.all, settled)
		if len(kept) < cap(kept)/4 {
			kept = slices.Clone(kept)
		}
		l.all, l.head, l.dead = kept, 0, 0
	}
}

// unpack returns the list of a page, which is no chapter.
func (x *extents) unpack(p int) *list {
	at := &x.pages[p]
	if at.list == nil {
		at.list = &list{all: x.spare}
		x.spare = nil
		for u, e := unpack(at.packed), (extent{}); u.next(&e); {
			at.list.all = append(at.list.all, e)
		}
		at.packed = ""
		x.packed--
		x.opened++
	}
	return at.list
}

// drop takes out a page of which nothing is left.
func (x *extents) drop(p int) {
	x.keep(x.pages[p].list.all)
	x.remove(p)
}

func (x *extents) remove(p int) {
	if p == 0 {
		x.pages[0] = page{}
		x.pages = x.pages[1:] // a Delete would move all the others
		return
	}
	x.pages = slices.Delete(x.pages, p, p+1)
}

func (x *extents) keep(all []extent) {
	if cap(all) > cap(x.spare) {
		clear(all)
		x.spare = all[:0]
	}
}

func (x extents) clone() extents {
	c := extents{pages: slices.Clone(x.pages), packed: x.packed, chapters: x.chapters}
	for i := range c.pages {
		if l := c.pages[i].list; l != nil {
			c.pages[i].list = &list{all: slices.Clone(l.all[l.head:]), dead: l.dead}
		}
	}
	return c
}
