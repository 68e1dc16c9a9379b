package ready

import (
	"slices"
	"strings"

	"warren/internal/columns"
)

// Where very much waits, packed pages lie on disk as well, many of them in one chapter: what a queue of a hundred million messages keeps
// of them in memory is where each chapter is, and what it adds up to (DESIGN section 7, paging of the index). A chapter is read when one
// of its messages is needed, and is its packed pages again.
type (
	// Chilled: these chapters take the place of the pages that they were made of.
	Chilled struct{ Chapters []*Chapter }
	// Chapter is consecutive packed pages of one level, which reach from First to End and are in a file. It is never changed, so that
	// the states of a queue and of its stream share it.
	Chapter struct {
		First, End uint64
		tally
		text Text
	}
	// Text is what has been written of a chapter.
	Text interface{ Read() string }
	// Draft is a chapter that is not written yet.
	Draft struct {
		Chapter
		Text string
	}
)

func (*Chilled) event() {}

// Written is the chapter, once its text is.
func (d *Draft) Written(t Text) *Chapter {
	c := d.Chapter
	c.text = t
	return &c
}

// A chapter is as many extents, or as many bytes, whichever is reached first. What is packed between others, and will not become
// more, is one already when it is a quarter of that.
const (
	chapterExtents = 8192
	chapterBytes   = 16 << 10
	quarter        = 4
)

// Chillable are chapters that can be made of what is packed. What is next to go stays: it would be read again at once.
func (s *State) Chillable(z Sizes) (out []Draft) {
	size := z.orWorthIt().Chapter
	for i := range s.lines {
		l := &s.lines[i]
		if l.extents.packed > 0 {
			out = l.chillable(out, size, s.dead)
		}
	}
	return out
}

func (l *line) chillable(out []Draft, size int, dead []Dead) []Draft {
	var heads []uint64
	if l.ready() > 0 {
		head, _ := l.head(1)
		heads = append(heads, head.First)
	}
	if len(dead) > 0 && LevelOf(dead[0].First) == LevelOf(l.cursor) {
		heads = append(heads, dead[0].First)
	}
	pages := l.extents.pages
	last := len(pages) // behind it come lists, which may be packed
	for last > 0 && pages[last-1].list != nil {
		last--
	}
	keep := l.extents.near(heads, size)
	for from := 0; from < last; {
		to, sum, bytes := from, tally{}, 0
		for ; to < last && pages[to].packed != "" && !keep(to) && sum.extents < size && bytes < chapterBytes; to++ {
			sum.add(tallyOf(pages[to].packed))
			bytes += len(pages[to].packed)
		}
		full := sum.extents >= size || bytes >= chapterBytes
		if full || to > from && to < last && sum.extents >= size/quarter {
			out = append(out, draft(pages[from:to], sum))
		}
		from = max(to, from+1)
	}
	return out
}

// near says which pages hold the next extents behind some indexes, no more than a chapter would have.
func (x *extents) near(heads []uint64, size int) func(p int) bool {
	var kept [][2]int
	for _, head := range heads {
		from := x.search(head)
		to, bytes := from, 0
		for n := 0; to < len(x.pages) && n < size && bytes < chapterBytes; to++ {
			switch p := &x.pages[to]; {
			case p.list != nil:
				n += len(p.list.all)
			case p.chapter != nil:
				n += p.chapter.extents
			default:
				n += tallyOf(p.packed).extents
				bytes += len(p.packed)
			}
		}
		kept = append(kept, [2]int{from, to})
	}
	return func(p int) bool {
		return slices.ContainsFunc(kept, func(k [2]int) bool { return k[0] <= p && p < k[1] })
	}
}

// draft makes a chapter of packed pages:
//
//	column  how many
//	column  where each of them ends, behind its first index
//	column  how many bytes each of them has
//	        the pages
func draft(pages []page, sum tally) Draft {
	first := firstOf(pages[0].packed)
	d := Draft{Chapter: Chapter{First: first, End: pages[len(pages)-1].end, tally: sum}}
	ends, lengths := make([]int64, len(pages)), make([]int64, len(pages))
	bytes := 0
	for i := range pages {
		ends[i], lengths[i] = int64(pages[i].end-first), int64(len(pages[i].packed))
		bytes += len(pages[i].packed)
	}
	head := columns.Append(columns.Append(columns.Append(nil, []int64{int64(len(pages))}), ends), lengths)
	var b strings.Builder
	b.Grow(len(head) + bytes)
	b.Write(head)
	for i := range pages {
		b.WriteString(pages[i].packed)
	}
	d.Text = b.String()
	return d
}

// pages are what a chapter was made of.
func (c *Chapter) pages() []page {
	text := c.text.Read()
	n, text := columns.Take(text)
	ends, text := columns.Take(text)
	lengths, text := columns.Take(text)
	out := make([]page, n.Next())
	for i := range out {
		length := lengths.Next()
		out[i] = page{end: c.First + uint64(ends.Next()), packed: text[:length]}
		text = text[length:]
	}
	return out
}

// inside says that an interval, all of which lives, has all of a chapter.
func (c *Chapter) inside(in Interval) bool { return in.First <= c.First && c.End <= in.end() }

// takeOff takes a chapter off the beginning of an interval that it is inside of.
func (c *Chapter) takeOff(in *Interval) {
	if c.First > in.First || c.messages < c.End-c.First {
		missing(in.First)
	}
	*in = Interval{c.End, in.end() - c.End}
}

func (s *State) chilled(e *Chilled) {
	for _, c := range e.Chapters {
		s.lineOf(c.First).extents.chill(c)
	}
}

// chill puts a chapter in the place of what it was made of.
func (x *extents) chill(c *Chapter) {
	from := x.search(c.First)
	to := from + 1
	for x.pages[to-1].end < c.End {
		to++
	}
	x.pages = slices.Replace(x.pages, from, to, page{end: c.End, chapter: c})
	x.packed -= to - from
	x.chapters++
}

// thaw is for those who are about to change messages of an interval one by one: a chapter at either end of it is not read twice.
func (x *extents) thaw(in Interval) {
	if x.chapters == 0 {
		return
	}
	for _, index := range [...]uint64{in.First, in.end() - 1} {
		if p := x.search(index); p < len(x.pages) && x.pages[p].chapter != nil && !x.pages[p].chapter.inside(in) {
			x.open(p)
		}
	}
}

// open reads a chapter and puts its packed pages in its place.
func (x *extents) open(p int) {
	pages := x.pages[p].chapter.pages()
	x.pages = slices.Replace(x.pages, p, p+1, pages...)
	x.chapters--
	x.packed += len(pages)
	x.opened += len(pages)
}
