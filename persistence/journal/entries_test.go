package journal

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"warren/persistence/segment"
)

func TestEntriesAreWhatTheyWere(t *testing.T) {
	// DESIGN section 7, paging of the index: a record is where it is, packed or not, whatever happens to those around it.
	packed := 0
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 1))
		files := []*file{{name: "a"}, {name: "b"}, {name: "c"}}
		var x entries
		want := []entry{} // the living
		next, placedUpto, offset, from := uint64(0), uint64(0), int64(4096), uint64(0)
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
			switch r.IntN(8) {
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
			case 5: // one is copied, one released, one dies
				if i := r.IntN(len(want) + 1); i < len(want) && want[i].file != nil {
					put(want[i].index, files[2])
					want[i].release()
					x.find(want[i].index).release()
				}
				for range r.IntN(30) {
					if i := r.IntN(len(want) + 1); i < len(want) {
						index := want[i].index
						want = slices.Delete(want, i, i+1)
						*x.find(index) = entry{index: index}
						x.drop(index)
					}
				}
			case 6: // a checkpoint
				if r.IntN(4) > 0 {
					continue
				}
				to := placedUpto
				keep := func(e *entry) bool { return e.kind() == Messages && !e.released() }
				x.replace(from, to, keep)
				want = slices.DeleteFunc(want, func(e entry) bool { return e.index >= from && e.index < to && !keep(&e) })
				from = to
			case 7:
				checkEntries(t, &x, want, r, files, next)
			}
			for _, p := range x.pages {
				if p.list == nil {
					packed++
				}
			}
			if t.Failed() {
				t.Fatalf("seed %d", seed)
			}
		}
	}
	if packed == 0 {
		t.Error("none was ever packed")
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
	// DESIGN section 7: 0.2 bytes for each record of those that resemble each other, and with other streams' records between them.
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
		var x entries
		f, offset := &file{}, int64(4096)
		for i := range uint64(100 * listMost) {
			at := segment.Entry{Index: i, Offset: offset, Bytes: uint32(c.size()), Kind: Messages}
			offset += segment.Bytes(int(at.Bytes)) + c.gap()
			x.push(placedEntry(f, at))
			x.placed(i)
		}
		bytes := 0
		for _, p := range x.pages {
			if p.list != nil {
				t.Fatalf("%s: a page is not packed", c.what)
			}
			bytes += len(p.packed.bytes)
		}
		if got := float64(bytes) / (100 * listMost); got > c.bytes {
			t.Errorf("%s: %.3f bytes each, want %.3f", c.what, got, c.bytes)
		}
	}
}
