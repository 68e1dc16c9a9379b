package ready

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// onDisk are extents whose contents are on disk alone, of that many messages each.
func onDisk(sizes func(i int) int, records func(i int) uint64, n int) []extent {
	out := make([]extent, n)
	first := uint64(1 << levelShift)
	for i := range out {
		size := sizes(i)
		out[i] = extent{first: first, record: records(i), n: uint32(size), live: uint32(size), left: size * 1100, body: size * 1024}
		first = out[i].end()
	}
	return out
}

func TestPackedBytes(t *testing.T) {
	// DESIGN section 7: the index of what waits for long takes 0.2 bytes a message where batches resemble each other. A priority takes
	// up to two bytes more for each batch on its level, since the records between are of other levels; messages whose sizes differ, as
	// those with an expiration do, up to five.
	r := rand.New(rand.NewPCG(1, 2))
	always := func(n int) func(int) int { return func(int) int { return n } }
	record := uint64(0)
	skipping := func(int) uint64 { record += 1 + r.Uint64N(20); return record }
	byOne := func(i int) uint64 { return uint64(i + 1) }
	for _, c := range []struct {
		what  string
		all   []extent
		bytes float64 // a message
	}{
		{"one by one", onDisk(always(1), byOne, listMost), 0.2},
		{"by hundreds", onDisk(always(100), byOne, listMost), 0.002},
		{"one by one with priorities", onDisk(always(1), skipping, listMost), 1.2},
		{"by hundreds with priorities", onDisk(func(int) int { return 1 + r.IntN(20) }, skipping, listMost), 0.8},
	} {
		packed := pack(c.all)
		messages := uint64(0)
		u, e := unpack(packed), extent{}
		for i := range c.all {
			if !u.next(&e) || fmt.Sprintf("%+v", e) != fmt.Sprintf("%+v", c.all[i]) {
				t.Fatalf("%s: %d is %+v, and was %+v", c.what, i, e, c.all[i])
			}
			messages += uint64(e.n)
		}
		if u.next(&e) {
			t.Fatalf("%s: there is more", c.what)
		}
		if got := float64(len(packed)) / float64(messages); got > c.bytes {
			t.Errorf("%s: %.3f bytes a message, want %.3f", c.what, got, c.bytes)
		}
	}
}

func TestPackedPagesAreSharedAndApart(t *testing.T) {
	// DESIGN 5: the states of a queue and of its stream share what is packed, and what one of them unpacks is its own.
	x := &extents{}
	for _, e := range onDisk(func(int) int { return 3 }, func(i int) uint64 { return uint64(i + 1) }, 2000) {
		x.push(e)
	}
	if n := len(x.pages); n != 4 {
		t.Fatalf("2000 extents in %d pages", n)
	}
	c := x.clone()
	for _, one := range []*extents{x, &c} {
		for _, p := range (&State{lines: []line{{extents: *one}}}).Packable(Sizes{}) {
			one.pack(p)
		}
	}
	if l := listedIn(x); len(l) != 0 {
		t.Fatalf("%d are not packed", len(l))
	}
	first := x.first()
	x.settle(Interval{first + 4, 1}, nobody, noChapter)
	if n, m := len(listedIn(x)), len(listedIn(&c)); n != listMost || m != 0 {
		t.Errorf("%d are looked at one by one, and %d of the copy", n, m)
	}
	if e := x.at(first + 3); e.live != 2 || c.at(first+3).live != 3 {
		t.Errorf("%+v, and in the copy %+v", e, c.at(first+3))
	}
	x.settle(Interval{first, 4}, nobody, noChapter)
	x.settle(Interval{first + 5, 5995}, nobody, noChapter) // all of it
	if len(x.pages) != 1 || len(listedIn(x)) != 0 {
		t.Errorf("%d pages are left", len(x.pages))
	}
	x.push(extent{first: first + 6000, n: 1, live: 1})
	if e := x.at(first + 6000); e == nil || len(x.pages) != 1 {
		t.Error("what comes next is not there")
	}
}

func TestRecoveredIsPacked(t *testing.T) {
	// DESIGN section 7: a start with a long queue needs no more memory than the queue had.
	e := &Recovered{Next: []uint64{3000}, Made: 1000, Dead: []Dead{{Interval{300, 2}, Expired}}}
	e.Found = NewFound(Sizes{}, e.Dead, nil)
	for i := range uint64(1000) {
		if err := e.Found.Add(&RecoveredExtent{
			Record: i + 1, First: 3 * i, N: 3, Bytes: 200, Bodies: 100, Live: []Interval{{3 * i, 2}}, // of each one was settled
		}); err != nil {
			t.Fatal(err)
		}
	}
	s := New()
	s.Apply(e)
	x := &s.lines[0].extents
	if n := len(listedIn(x)); n != 1000-listMost || len(x.pages) != 2 {
		t.Errorf("%d extents are not packed, in %d pages", n, len(x.pages))
	}
	if s.Ready() != 1998 || s.Bytes() != 200_000 || len(s.Dead()) != 1 || s.Resident() != 0 {
		t.Errorf("%d ready, %d bytes, %d resident, dead %v", s.Ready(), s.Bytes(), s.Resident(), s.Dead())
	}
	if e := x.at(1); e.live != 2 || e.n != 3 || e.record != 1 {
		t.Errorf("the first is %+v", e)
	}
	s.Apply(&Purged{})
	if s.Ready() != 0 || s.Bytes() != 200 { // the dead one's
		t.Errorf("behind a purge %d ready, %d bytes", s.Ready(), s.Bytes())
	}
}
