package journal

import (
	"sync/atomic"

	"warren/persistence/segment"
	"warren/persistence/vfs"
)

// file is a segment and what is known of it while it is there.
type file struct {
	name   string
	f      vfs.File
	header segment.Header
	// end of the records that count. sealed says that the file says so itself; otherwise only the segment after it does.
	end    int64
	sealed bool
	// Records that are needed and their bytes. The journal's own stream is not counted: Journal.opening is.
	live      int
	liveBytes int64
	// Readers that hold the file; it is not recycled before they are done. They may be on other goroutines.
	pins atomic.Int32
	// released: the catalogue does not list it any more.
	released bool
	// suspect: a write or sync failed. The blocks are not used again.
	suspect bool
	// damaged: a record that is needed cannot be read. The segment stays where it is, for whoever can do more than we can.
	damaged bool

	// While loading: how many records count, the first of them, those of the journal's own stream, and all of them as long as somebody
	// will ask; and where the log went on, 0 if it did not.
	records  int
	opening  segment.Entry
	notes    []segment.Entry
	entries  []segment.Entry
	limit    int64
	void     bool
	headless bool
}

func (f *file) number() uint64 { return f.header.Number }

func (f *file) add(bytes uint32) {
	f.live++
	f.liveBytes += segment.Bytes(int(bytes))
}

func (f *file) drop(bytes uint32) {
	f.live--
	f.liveBytes -= segment.Bytes(int(bytes))
}

// closes says whether f is what tells that g ended where it did: a segment that was abandoned has no footer, and without
// its successor the records that were given up would count again.
func (f *file) closes(g *file) bool {
	return !g.sealed && f.header.Before.Segment <= g.number() && g.number() < f.number()
}
