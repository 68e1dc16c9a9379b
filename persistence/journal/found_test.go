package journal

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"warren/persistence/cold"
	"warren/persistence/segment"
	"warren/persistence/vfs"
)

func foundOf(t *testing.T, j *Journal, id StreamID) []Found {
	t.Helper()
	found, err := j.Found(id)
	must(t, err)
	out := slices.Collect(found.All())
	if found.Len() != len(out) {
		t.Errorf("%d found, and %d said", len(out), found.Len())
	}
	return out
}

func TestGathered(t *testing.T) {
	// DESIGN section 6, cleaning: what was carried forward lies out of order, and is there twice for a while. The first of two counts.
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 5))
		g := &gathered{paging: &paging{}}
		if seed%2 == 0 {
			store, err := cold.Open(vfs.NewMemory(), "scratch")
			must(t, err)
			g.paging.store = store
		}
		files := make([]*file, 12)
		want := map[uint64]string{}
		next := uint64(r.IntN(2))
		for i := range files {
			files[i] = &file{name: fmt.Sprint(i), released: r.IntN(8) == 0}
			offset := int64(segment.DataStart)
			add := func(index uint64, copied segment.Flags) {
				e := segment.Entry{
					Index: index, Offset: offset, Bytes: r.Uint32N(3000), Kind: Messages - segment.Kind(r.IntN(2)), Flags: copied,
					Summary: string(make([]byte, r.IntN(40))),
				}
				offset = e.End() + 8*r.Int64N(3)
				g.add(i, &e)
				if _, there := want[index]; !there && !files[i].released {
					want[index] = fmt.Sprint(i, e)
				}
			}
			for range r.IntN(400) {
				add(next, 0)
				next += 1 + uint64(r.IntN(50)/49)
			}
			for index := r.Uint64N(next + 1); index < next && r.IntN(30) > 0; index += 1 + r.Uint64N(5) {
				add(index, segment.Copy)
			}
		}
		last := int64(-1)
		g.each(files, func(e entry, summary []byte) {
			at := e.segment(0)
			at.Summary = string(summary)
			var got string
			for i, f := range files {
				if f == e.file {
					got = fmt.Sprint(i, at)
				}
			}
			if int64(e.index) <= last || got != want[e.index] {
				t.Fatalf("seed %d: behind %d is %s, want %s", seed, last, got, want[e.index])
			}
			last = int64(e.index)
			delete(want, e.index)
		})
		if len(want) > 0 {
			t.Fatalf("seed %d: %d are missing", seed, len(want))
		}
	}
}

func TestOpeningALongStream(t *testing.T) {
	// DESIGN section 7: a start with a long queue needs no more memory than the queue: neither afterwards nor while somebody reads what was
	// found, whatever the records are like.
	dir := t.TempDir()
	opt := Options{Sync: SyncOS, SegmentBytes: 4 << 20, Cold: func() *cold.Store {
		s, err := cold.Open(vfs.OS{}, filepath.Join(dir, "scratch"))
		must(t, err)
		return s
	}}
	j, _, err := Open(vfs.OS{}, dir, opt)
	must(t, err)
	const many = 400_000
	r := rand.New(rand.NewPCG(1, 9))
	a, b := j.Stream("a"), j.Stream("b")
	payload := make([]byte, 200)
	other := uint64(0)
	for i := range uint64(many) {
		must(t, j.AppendSummarized(a, 1, i, Messages, 10+r.IntN(10), payload[:40+r.IntN(150)]))
		if r.IntN(3) == 0 {
			must(t, j.AppendSummarized(b, 1, other, Messages, 10, payload[:60]))
			other++
		}
		if i%1000 == 0 {
			_, err := j.Commit()
			must(t, err)
		}
	}
	must(t, j.Close())
	j = nil

	before := heap()
	held := int64(0)
	measure := func() { held = max(held, int64(heap()-before)) }
	opt.Progress = func(Progress) { measure() }
	j, recovery, err := Open(vfs.OS{}, dir, opt)
	must(t, err)
	found, err := j.Found(a)
	must(t, err)
	measure()
	limit := int64(many+other)/5 + 2*constant + 4<<10*int64(recovery.Segments)
	n := uint64(0)
	for f := range found.All() {
		if f.Index != n || len(f.Summary) < 10 {
			t.Fatalf("found %+v for %d", f, n)
		}
		if n++; n%(many/4) == 0 {
			measure()
		}
	}
	if n != many {
		t.Errorf("found %d", n)
	}
	t.Logf("%d bytes for %d records in %d segments", held, many+other, recovery.Segments)
	if held > limit {
		t.Errorf("%d bytes were held for %d records in %d segments", held, many+other, recovery.Segments)
	}
	j.Forget()
	runtime.KeepAlive(j)
	must(t, j.Close())
}
