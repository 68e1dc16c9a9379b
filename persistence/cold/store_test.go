package cold

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"warren/persistence/vfs"
)

const path = "data/journal/scratch"

func open(t *testing.T, fs vfs.FS) *Store {
	t.Helper()
	s, err := Open(fs, path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(t *testing.T, s *Store, b string) *Page {
	t.Helper()
	p, err := s.Put(b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// collected waits until the pages that nobody refers to have given their slots back, and the file is no longer than it may be.
func collected(t *testing.T, s *Store, pages, slots, file int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; runtime.GC() {
		got := s.Stats()
		if got.Pages == pages && got.Bytes == int64(slots)*slotBytes && got.FileBytes <= int64(file)*slotBytes && got.FileBytes >= got.Bytes {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%+v, want %d pages of %d slots in %d", got, pages, slots, file)
		}
	}
}

// blob is different for every seed.
func blob(seed uint64, n int) string {
	r := rand.New(rand.NewPCG(seed, 7))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

func TestPagesAreWhatTheyWere(t *testing.T) {
	// DESIGN section 7: pages that are put and let go of in any order, on the real disk, and none is ever another.
	s, err := Open(vfs.OS{}, t.TempDir()+"/scratch")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	kept := map[uint64]*Page{}
	for i := range uint64(600) {
		n := r.IntN(5 * slotBytes)
		if i%50 == 0 {
			n = 0
		}
		kept[i] = put(t, s, blob(i, n))
		if r.IntN(3) > 0 {
			delete(kept, r.Uint64N(i+1))
		}
		if i%100 == 99 {
			runtime.GC()
		}
	}
	used := 0
	for i, p := range kept {
		if got := p.Read(); got != blob(i, p.Len()) {
			t.Fatalf("page %d of %d bytes is another", i, p.Len())
		}
		used += max(1, (p.Len()+slotBytes-1)/slotBytes)
	}
	collected(t, s, len(kept), used, 4*600)
	runtime.KeepAlive(kept)
	kept = nil
	collected(t, s, 0, 0, 0)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestSpaceIsUsedAgain(t *testing.T) {
	// A file whose pages come and go stays as long as what is in it needs, and gets shorter when its end is free.
	fs := vfs.NewMemory()
	s := open(t, fs)
	pages := make([]*Page, 1000)
	for i := range pages {
		pages[i] = put(t, s, blob(uint64(i), slotBytes))
	}
	clear(pages[100:200])
	collected(t, s, 900, 900, 1000)
	for i := range 50 {
		pages[100+i] = put(t, s, blob(uint64(i), 2*slotBytes))
	}
	collected(t, s, 950, 1000, 1000)
	clear(pages[500:])
	collected(t, s, 450, 500, 500+spareSlots)
	if f, err := fs.OpenRead(path); err != nil {
		t.Error(err)
	} else if size, _ := f.Size(); size != s.Stats().FileBytes {
		t.Errorf("the file has %d bytes", size)
	}
	clear(pages[400:])
	collected(t, s, 350, 400, 400+spareSlots)
	runtime.KeepAlive(pages)
	clear(pages)
	collected(t, s, 0, 0, 0)
}

func TestSlots(t *testing.T) {
	// Whatever is taken and given back: no slot twice, none lost.
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 3))
		var s slots
		var taken []run
		owner := map[uint32]bool{}
		for range 2000 {
			if r.IntN(2) == 0 || len(taken) == 0 {
				x := s.take(1 + r.Uint32N(6))
				for i := x.at; i < x.end(); i++ {
					if owner[i] {
						t.Fatalf("seed %d: slot %d is taken twice", seed, i)
					}
					owner[i] = true
				}
				taken = append(taken, x)
			} else {
				i := r.IntN(len(taken))
				x := taken[i]
				taken[i] = taken[len(taken)-1]
				taken = taken[:len(taken)-1]
				for i := x.at; i < x.end(); i++ {
					delete(owner, i)
				}
				s.give(x)
			}
			free := uint32(0)
			for i, f := range s.free {
				if free += f.n; f.n == 0 || f.end() >= s.end || i > 0 && s.free[i-1].end() >= f.at {
					t.Fatalf("seed %d: %v up to %d", seed, s.free, s.end)
				}
			}
			if int(s.used) != len(owner) || s.used+free != s.end {
				t.Fatalf("seed %d: %d used and %d free of %d, and %d are taken", seed, s.used, free, s.end, len(owner))
			}
		}
	}
}

func TestDiskFull(t *testing.T) {
	// A page that does not fit stays with the caller; nothing is tried for a second, and then all is well again.
	fs := vfs.NewFaulty(vfs.NewMemory())
	s := open(t, fs)
	now := time.Unix(0, 0)
	s.now = func() time.Time { return now }
	first := put(t, s, blob(1, 3*slotBytes))
	fs.Limit(slotBytes)
	writes := 0
	fs.Watch(func(op vfs.Op, _ string) error {
		if op == vfs.OpWrite {
			writes++
		}
		return nil
	})
	for range 5 {
		if _, err := s.Put(blob(2, 2*slotBytes)); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), path) {
			t.Errorf("disk full: %v", err)
		}
		if s.Takes() {
			t.Error("it takes more")
		}
	}
	if now = now.Add(retryAfter); !s.Takes() {
		t.Error("it is never tried again")
	}
	if _, err := s.Put(blob(2, 2*slotBytes)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("disk full: %v", err)
	}
	if writes != 2 {
		t.Errorf("%d writes were tried", writes)
	}
	fs.Heal()
	now = now.Add(retryAfter)
	second := put(t, s, blob(2, 2*slotBytes))
	if first.Read() != blob(1, 3*slotBytes) || second.Read() != blob(2, 2*slotBytes) {
		t.Error("a page is another")
	}
	collected(t, s, 2, 5, 5)
	runtime.KeepAlive(first)
	runtime.KeepAlive(second)
}

func TestWhatTheDiskChanged(t *testing.T) {
	// The world's fault is told by name: a bit that turned, a file that was cut, a page of a store that is closed.
	reads := func(p *Page) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = r.(*ReadError)
			}
		}()
		p.Read()
		return nil
	}
	for _, c := range []struct {
		what, want string
		do         func(s *Store)
	}{
		{"nothing", "", func(*Store) {}},
		{"a bit", "read 9000 bytes at 4096: the checksum does not match: the file was changed, or the disk lost it", func(s *Store) {
			b := make([]byte, 1)
			_, _ = s.file.ReadAt(b, 2*slotBytes)
			b[0] ^= 8
			_, _ = s.file.WriteAt(b, 2*slotBytes)
		}},
		{"a torn write", "checksum", func(s *Store) { _, _ = s.file.WriteAt(make([]byte, slotBytes), 2*slotBytes) }},
		{"cut", "read 9000 bytes at 4096: unexpected EOF", func(s *Store) { _ = s.file.Truncate(2 * slotBytes) }},
		{"closed", "file already closed", func(s *Store) { _ = s.Close() }},
	} {
		s := open(t, vfs.NewMemory())
		other, p := put(t, s, "other"), put(t, s, blob(1, 9000))
		c.do(s)
		err := reads(p)
		if (err == nil) != (c.want == "") || err != nil && (!strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path)) {
			t.Errorf("%s: %v", c.what, err)
		}
		runtime.KeepAlive(other)
	}
}

func TestNoStore(t *testing.T) {
	// Without a file everything stays in memory; with one that was left behind, nothing of it is there.
	var none *Store
	if _, err := none.Put("x"); !errors.Is(err, ErrNone) || none.Takes() || none.Stats() != (Stats{}) || none.Close() != nil {
		t.Errorf("no store: %v", err)
	}
	fs := vfs.NewFaulty(vfs.NewMemory())
	s := open(t, fs)
	put(t, s, blob(1, 100*slotBytes))
	s = open(t, fs)
	if f, err := fs.OpenRead(path); err != nil {
		t.Error(err)
	} else if size, _ := f.Size(); size != 0 {
		t.Errorf("%d bytes were left behind", size)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := s.Put("x"); !errors.Is(err, ErrNone) {
		t.Errorf("put after close: %v", err)
	}
	if err := s.Close(); !errors.Is(err, ErrNone) {
		t.Errorf("second close: %v", err)
	}
	if names, _ := fs.List("data/journal"); len(names) != 0 {
		t.Errorf("%v is left", names)
	}
	fs.FailNth(vfs.OpCreate, 1, syscall.EACCES)
	if _, err := Open(fs, path); !errors.Is(err, syscall.EACCES) || !strings.HasPrefix(err.Error(), "scratch file: ") {
		t.Errorf("open where nothing may be made: %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	// All queues and the journal use it at the same time, and the collector gives back behind their backs.
	s, err := Open(vfs.OS{}, t.TempDir()+"/scratch")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	bad := make(chan string, 8)
	for g := range uint64(8) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(g, 1))
			var kept [8]*Page
			var of [8]uint64
			for i := range uint64(200) {
				k := r.IntN(len(kept))
				if p := kept[k]; p != nil && p.Read() != blob(of[k], p.Len()) {
					bad <- fmt.Sprintf("page %d of %d is another", of[k], g)
					return
				}
				of[k] = g<<32 | i
				kept[k], _ = s.Put(blob(of[k], r.IntN(3*slotBytes)))
			}
		})
	}
	stop := make(chan struct{})
	go func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	}()
	all.Wait()
	close(stop)
	close(bad)
	for b := range bad {
		t.Error(b)
	}
	collected(t, s, 0, 0, 0)
}

func BenchmarkPutRead(b *testing.B) {
	// One of each for 8192 records that are drained.
	s, err := Open(vfs.OS{}, b.TempDir()+"/scratch")
	if err != nil {
		b.Fatal(err)
	}
	chapter := blob(1, 16<<10)
	for b.Loop() {
		p, err := s.Put(chapter)
		if err != nil {
			b.Fatal(err)
		}
		p.Read()
	}
}
