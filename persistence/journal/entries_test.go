package journal

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"warren/persistence/cold"
	"warren/persistence/segment"
	"warren/persistence/vfs"
)

func TestEntriesAreWhatTheyWere(t *testing.T) {
	// DESIGN section 7, paging of the index: a record is where it is, packed or not, whatever happens to those around it.
	packed, chapters, thawed := 0, 0, 0
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 1))
		files := []*file{{name: "a"}, {name: "b"}, {name: "c"}}
		store, err := cold.Open(vfs.NewMemory(), "scratch")
		if err != nil {
			t.Fatal(err)
		}
		x := entries{paging: &paging{list: 8, least: 3, chapter: 4, store: store}}
		if seed%2 == 0 {
			x.paging.list, x.paging.least = 64, 16
		}
		want := []entry{}
		next, placedUpto, offset := uint64(0), uint64(0), int64(4096)
		at := func(index uint64) int {
			i, found := slices.BinarySearchFunc(want, index, func(e entry, i uint64) int { return int(int64(e.index) - int64(i)) })
			if !found {
				return -1
			}
			return i
		}
		put := func(index uint64, f *file) {
			place := segment.Entry{Index: index, Offset: offset, Bytes: uint32(1000 + r.IntN(3)/2), Flags: segment.Flags(r.IntN(20) / 18)}
			offset += segment.Bytes(int(place.Bytes))
			want[at(index)].file = f
			want[at(index)].put(place)
			e := x.find(index)
			e.file = f
			e.put(place)
			x.placed(index)
		}
		for range 400 {
			switch r.IntN(9) {
			case 0, 1, 2: // a batch of records comes
				for range r.IntN(40) {
					kind := Messages
					if r.IntN(30) == 0 {
						kind = Event
					}
					next += 1 + uint64(r.IntN(100)/99) // one is lost now and then
					e := newEntry(next, kind, 7)
					x.push(e)
					want = append(want, e)
				}
			case 3, 4: // and is written
				for f := files[r.IntN(3)]; placedUpto < next; {
					if placedUpto++; at(placedUpto) >= 0 {
						put(placedUpto, f)
					}
				}
			case 5: // one is copied, one released, some die
				if i := r.IntN(len(want) + 1); i < len(want) && want[i].file != nil {
					put(want[i].index, files[2])
					want[i].release()
					x.find(want[i].index).release()
				}
				if len(want) == 0 {
					continue
				}
				first := want[r.IntN(len(want))].index
				some := ranges{}.addAll(first, first+1+r.Uint64N(5)).addAll(first+20, first+21).addAll(first+300, first+320)
				x.rewrite(first, some[2].to, func(_ *entryPage, s span) bool { return !some.meets(s.first, s.last+1) }, func(e *entry) verdict {
					if some.has(e.index) {
						return gone
					}
					return same
				})
				want = slices.DeleteFunc(want, func(e entry) bool { return some.has(e.index) })
			case 6: // a checkpoint
				if r.IntN(4) > 0 {
					continue
				}
				from := r.Uint64N(next + 1)
				to := from + r.Uint64N(next+2-from)
				what := r.IntN(3)
				f := func(e *entry) verdict {
					switch {
					case what == 0 && (e.kind() != Messages || e.released()):
						return gone
					case what == 1 && e.index%50 == 7:
						e.release()
						return changed
					}
					return same
				}
				x.rewrite(from, to, func(p *entryPage, _ span) bool { return what == 0 && p.plain() }, f)
				want = slices.DeleteFunc(want, func(e entry) bool { return e.index >= from && e.index < to && f(&e) == gone })
				for i := range want {
					if want[i].index >= from && want[i].index < to {
						f(&want[i])
					}
				}
			case 7:
				checkEntries(t, &x, want, r, files, next)
			case 8: // the disk is full for a while
				if x.paging.store = nil; r.IntN(2) == 0 {
					x.paging.store = store
				}
			}
			checkPages(t, &x)
			for _, p := range x.pages {
				switch {
				case p.packed != nil:
					packed++
				case p.chapter != nil:
					chapters++
				}
			}
			thawed += len(x.warm)
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
	if packed == 0 || chapters == 0 || thawed == 0 {
		t.Errorf("%d were packed, %d on disk, %d were read back", packed, chapters, thawed)
	}
}

// checkPages compares what is said of pages with what is in them.
func checkPages(t *testing.T, x *entries) {
	t.Helper()
	begin := uint64(0)
	for i, p := range x.pages {
		var all []entry
		p.each(0, func(e *entry) bool { all = append(all, *e); return true })
		if len(all) == 0 || all[0].index < begin || all[len(all)-1].index != p.last {
			t.Fatalf("page %d of %d behind %d up to %d has %v", i, len(x.pages), begin, p.last, tell(all))
		}
		begin = p.last + 1
		if p.list != nil {
			continue
		}
		said := p.chapter
		if p.packed != nil {
			said = &chapter{sum: p.packed.sum}
		}
		want := sum{}
		want.add(packEntries(all).sum)
		if said.n != want.n || said.first != want.first || said.plain != want.plain || len(said.in) != len(want.in) {
			t.Fatalf("page %d is said to have %+v, and has %+v", i, said.sum, want)
		}
		for _, h := range want.in {
			if !slices.Contains(said.in, h) {
				t.Fatalf("page %d is said to have %+v, and has %+v", i, said.sum, want)
			}
		}
	}
}

func checkEntries(t *testing.T, x *entries, want []entry, r *rand.Rand, files []*file, next uint64) {
	t.Helper()
	compare := func(what string, got, want []entry) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d entries, want %d:\n%v\n%v", what, len(got), len(want), tell(got), tell(want))
		}
	}
	var got []entry
	x.each(0, func(e *entry) bool { got = append(got, *e); return true })
	compare("all", got, want)

	from := r.Uint64N(next + 2)
	got = nil
	x.each(from, func(e *entry) bool { got = append(got, *e); return true })
	compare("from one on", got, slices.DeleteFunc(slices.Clone(want), func(e entry) bool { return e.index < from }))

	f := files[r.IntN(len(files))]
	got = nil
	x.eachIn(f, func(e *entry) { got = append(got, *e) })
	compare("in a file", got, slices.DeleteFunc(slices.Clone(want), func(e entry) bool { return e.file != f }))

	var some []uint64
	for i := uint64(1); i < next+3; i += 1 + r.Uint64N(9) {
		some = append(some, i)
	}
	got = nil
	x.pick(some, func(e entry) { got = append(got, e) })
	compare("some", got, slices.DeleteFunc(slices.Clone(want), func(e entry) bool { return !slices.Contains(some, e.index) }))

	index := r.Uint64N(next + 2)
	there := slices.ContainsFunc(want, func(e entry) bool { return e.index == index })
	if e := x.find(index); (e != nil) != there || there && e.index != index {
		t.Errorf("record %d is %v, and there: %v", index, e, there)
	}
}

func tell(all []entry) (out []string) {
	for _, e := range all {
		name := ""
		if e.file != nil {
			name = e.file.name
		}
		out = append(out, fmt.Sprint(e.index, name, e.offset(), e.released()))
	}
	return out
}

func TestEntriesBytes(t *testing.T) {
	// DESIGN section 7: what a page of records takes, whose memory it is as long as somebody looks at it; and 0.2 bytes for each record of
	// a stream that is long, whatever its records are like.
	r := rand.New(rand.NewPCG(1, 1))
	for _, c := range []struct {
		what  string
		size  func() int
		gap   func() int64
		bytes float64
	}{
		{"all alike", func() int { return 1100 }, func() int64 { return 40 }, 0.15},
		{"of two lengths", func() int { return 1100 + r.IntN(2) }, func() int64 { return 40 }, 1.2},
		{"of all lengths", func() int { return 100 + r.IntN(900) }, func() int64 { return 40 }, 2.1},
		{"others between them", func() int { return 1100 }, func() int64 { return int64(r.IntN(3)) * 1120 }, 2.2},
	} {
		fill := func(x *entries, n uint64) {
			f, offset := &file{}, int64(4096)
			for i := range n {
				if offset > segment.MaxFile/2 {
					f, offset = &file{}, 4096
				}
				at := segment.Entry{Index: i, Offset: offset, Bytes: uint32(c.size()), Kind: Messages}
				offset += segment.Bytes(int(at.Bytes)) + c.gap()
				x.push(placedEntry(f, at))
				x.placed(i)
			}
		}
		x := &entries{paging: &defaultPaging}
		few := 100 * defaultPaging.list
		fill(x, uint64(few))
		bytes := 0
		for _, p := range x.pages {
			if p.packed == nil {
				t.Fatalf("%s: a page is not packed", c.what)
			}
			bytes += len(p.packed.bytes)
		}
		if got := float64(bytes) / float64(few); got > c.bytes {
			t.Errorf("%s: %.3f bytes each, want %.3f", c.what, got, c.bytes)
		}

		store, err := cold.Open(vfs.OS{}, t.TempDir()+"/scratch")
		if err != nil {
			t.Fatal(err)
		}
		const many = 1_000_000
		before := heap()
		onDisk := defaultPaging
		onDisk.store = store
		x = &entries{paging: &onDisk}
		fill(x, many)
		held := int64(heap() - before)
		t.Logf("%s: %d bytes for %d records, %d on disk", c.what, held, many, store.Stats().Bytes)
		if held > constant+many/5 {
			t.Errorf("%s: %d bytes are held for %d records", c.what, held, many)
		}
		n := 0
		x.each(0, func(*entry) bool { n++; return true })
		if n != many {
			t.Errorf("%s: %d records", c.what, n)
		}
	}
}

// constant is what a stream's entries may take beside 0.2 bytes a record: half of a queue's.
const constant = 32 << 10

// heap is how many bytes are in use. What is garbage is gone, also what its cleanups let go of.
func heap() uint64 {
	var m runtime.MemStats
	for range 3 {
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
