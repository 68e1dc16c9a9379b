package journal

import "warren/persistence/cold"

// paging says how the index is cut up, and where what is cold goes.
type paging struct {
	// A list has at most so many entries, a packed page at least; fewer are not worth it.
	list, least int
	// So many packed pages make a chapter.
	chapter int
	store   *cold.Store // nil: all of it stays in memory
}

// A packed page takes one or two kilobytes where records differ, and a chapter of 8192 records a quarter of one.
var defaultPaging = paging{list: 512, least: 64, chapter: 16}

// kept is how many pages at the beginning of a stream stay in memory, since they are needed next.
func (p *paging) kept() int { return p.chapter / 2 }

// worth is how many pages are worth a chapter where there are no more.
func (p *paging) worth() int { return max(2, p.chapter/2) }

// warmChapters is how many are in memory that were read back: whoever takes from a stream goes through one, and is ahead of whoever settles
// by less than that.
const warmChapters = 2
