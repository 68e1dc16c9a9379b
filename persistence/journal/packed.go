package journal

import (
	"slices"

	"warren/internal/columns"
	"warren/persistence/segment"
)

// packedEntries are entries of which a record that is as long as the one before it, and lies behind it, takes next to nothing.
type packedEntries struct {
	sum
	bytes string
}

// sum is what is known of packed entries without looking at them.
type sum struct {
	first uint64
	n     int
	plain bool // all are messages that are not released, one index behind the other
	in    []holding
}

// holding is what of some entries is in a file.
type holding struct {
	file  *file
	n     int
	bytes int64 // as the file counts them
}

// holds says whether one of them is in a file.
func (s *sum) holds(f *file) bool {
	return slices.ContainsFunc(s.in, func(h holding) bool { return h.file == f })
}

// add counts some more, which lie behind the others.
func (s *sum) add(more sum) {
	if s.n == 0 {
		s.first, s.plain = more.first, true
	}
	s.plain = s.plain && more.plain && more.first == s.first+uint64(s.n)
	s.n += more.n
	for _, h := range more.in {
		s.in[s.at(h.file)].add(h.n, h.bytes)
	}
}

// at returns the position of what is in a file, where most entries are in the file of the one before.
func (s *sum) at(f *file) int {
	for at := len(s.in) - 1; at >= 0; at-- {
		if s.in[at].file == f {
			return at
		}
	}
	s.in = append(s.in, holding{file: f})
	return len(s.in) - 1
}

func (h *holding) add(n int, bytes int64) {
	h.n += n
	h.bytes += bytes
}

// drop says that none of them is needed any longer.
func (s *sum) drop() {
	for _, h := range s.in {
		h.file.live -= h.n
		h.file.liveBytes -= h.bytes
	}
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
	out := &packedEntries{sum: sum{first: all[0].index, n: len(all), plain: true}}
	values := make([]int64, len(all))
	var b []byte
	for c := range allColumns {
		end := int64(0)
		for i := range all {
			e := &all[i]
			switch c {
			case indexColumn:
				values[i] = int64(e.index)
				out.plain = out.plain && e.index == out.first+uint64(i) && e.kind() == segment.Messages && !e.released()
			case fileColumn:
				at := out.at(e.file)
				out.in[at].add(1, segment.Bytes(int(e.bytes())))
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
	out.in, out.bytes = slices.Clip(out.in), string(b)
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
	columns.TakeAll(u.columns[:], p.bytes)
	return u
}

func (u *entryUnpacker) next(e *entry) bool {
	if u.left == 0 {
		return false
	}
	u.left--
	var v [allColumns]int64
	columns.NextAll(u.columns[:], v[:])
	*e = placedEntry(u.of.in[v[fileColumn]].file, segment.Entry{
		Index: uint64(v[indexColumn]), Offset: u.end + v[gapColumn]*offsetFactor, Bytes: uint32(v[bytesColumn]),
		Kind: segment.Kind(v[kindColumn]), Flags: segment.Flags(v[flagsColumn]),
	})
	u.end = e.end()
	if v[releasedColumn] != 0 {
		e.release()
	}
	return true
}
