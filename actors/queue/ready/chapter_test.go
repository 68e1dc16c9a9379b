package ready

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// library is a file of texts, as a queue's actor has one.
type library struct {
	f    *os.File
	end  int64
	read int
}

type volume struct {
	in    *library
	at    int64
	bytes int32
}

func newLibrary(t testing.TB) *library {
	f, err := os.Create(filepath.Join(t.TempDir(), "cold"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return &library{f: f}
}

func (b *library) chill(d Draft) *Chapter {
	v := &volume{b, b.end, int32(len(d.Text))}
	if _, err := b.f.WriteAt([]byte(d.Text), v.at); err != nil {
		panic(err)
	}
	b.end += int64(len(d.Text))
	return d.Written(v)
}

func (v *volume) Read() string {
	v.in.read++
	b := make([]byte, v.bytes)
	if _, err := v.in.f.ReadAt(b, v.at); err != nil {
		panic(err)
	}
	return string(b)
}

// shrink is what a queue's actor does to make the index small.
func (b *library) shrink(z Sizes, states ...*State) {
	if pages := states[0].Packable(z); len(pages) > 0 {
		for _, s := range states {
			s.Apply(&Packed{pages})
		}
	}
	e := &Chilled{}
	for _, d := range states[0].Chillable(z) {
		e.Chapters = append(e.Chapters, b.chill(d))
	}
	for _, s := range states {
		s.Apply(e)
	}
}

// long is a durable queue of so many messages that wait on disk alone, one by one, of the size that size says.
func (b *library) long(t testing.TB, z Sizes, n int, size func(i int) int, level func(i int) Level) *State {
	e := &Recovered{Found: NewFound(z, nil, b.chill), Made: uint64(n)}
	for i := range n {
		l := level(i)
		first := e.Found.state.lineOf(l.first()).next
		x := &RecoveredExtent{Record: uint64(i + 1), First: first, N: 1, Bytes: size(i) + 80, Bodies: size(i), Live: []Interval{{first, 1}}}
		if err := e.Found.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	for i := range e.Found.state.lines {
		e.Next = append(e.Next, e.Found.state.lines[i].next)
	}
	s := New()
	s.Apply(e)
	return s
}

func sameLevel(int) Level { return 0 }

// DESIGN section 7: what a queue's index takes in memory does not grow with what waits on disk, whatever the sizes and the priorities,
// the queue's state and its stream's together. With the journal's index it has 0.2 bytes a message; this is its half. What each level has in
// memory for the next to go and the newest is the rest.
func TestIndexInMemory(t *testing.T) {
	n := 2_000_000
	if testing.Short() {
		n = 500_000
	}
	for _, c := range []struct {
		what   string
		levels int
	}{{"one level", 1}, {"three levels", 3}} {
		t.Run(c.what, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			b := newLibrary(t)
			heap := func() int {
				var m runtime.MemStats
				runtime.GC()
				runtime.GC()
				runtime.ReadMemStats(&m)
				return int(m.HeapAlloc)
			}
			before := heap()
			live := b.long(t, Sizes{}, n, func(int) int { return 100 + r.IntN(900) }, func(int) Level { return Level(r.IntN(c.levels)) })
			base := live.Clone()
			b.shrink(Sizes{}, live, base)
			took := heap() - before
			if most := n/10 + c.levels*(64<<10); took > most {
				t.Errorf("%d bytes for %d messages, %.3f each; want %d at most", took, n, float64(took)/float64(n), most)
			}
			t.Logf("%d bytes, %.3f a message, %d in the file", took, float64(took)/float64(n), b.end)
			if live.Ready() != uint64(n) || base.OnDisk() != uint64(n) {
				t.Errorf("%d of %d are ready", live.Ready(), n)
			}
			runtime.KeepAlive(live)
			runtime.KeepAlive(base)
		})
	}
}

var few = Sizes{Least: 1, Most: 4, Chapter: 16}

func even(int) int { return 100 }

// DESIGN section 7: one message of a chapter that is settled costs one reading of it, and none of the others; the state that did not have
// it settled has its own. A purge reads nothing at all.
func TestChaptersAreReadWhereTheyAreNeeded(t *testing.T) {
	b := newLibrary(t)
	s := b.long(t, few, 1000, even, sameLevel)
	x := &s.lines[0].extents
	chapters := x.chapters
	if chapters < 55 || b.read > 0 {
		t.Fatalf("%d chapters, of which %d were read", chapters, b.read)
	}
	c := s.Clone()
	s.Apply(&Dropped{Intervals: []Interval{{500, 1}}})
	if b.read != 1 || x.chapters != chapters-1 || c.lines[0].extents.chapters != chapters {
		t.Errorf("%d were read for one message; %d chapters of %d are left, and %d of the copy", b.read, x.chapters, chapters, c.lines[0].extents.chapters)
	}
	if s.Ready() != 999 || s.Bytes() != 999*180 || s.Bodies() != 99_900 || c.Ready() != 1000 || c.Bytes() != 180_000 {
		t.Errorf("%d ready of %d bytes, and of the copy %d of %d", s.Ready(), s.Bytes(), c.Ready(), c.Bytes())
	}
	s.Apply(&Dropped{Intervals: []Interval{{498, 2}}})
	if b.read != 1 {
		t.Errorf("%d were read for three messages of one chapter", b.read)
	}
	b.read = 0
	c.Apply(&Purged{})
	if b.read != 0 || c.Ready() != 0 || c.Bytes() != 0 || c.Bodies() != 0 || c.OnDisk() != 0 || len(c.lines[0].extents.pages) > 1 {
		t.Errorf("a purge read %d chapters, and left %d messages of %d bytes, %d on disk, in %d pages",
			b.read, c.Ready(), c.Bytes(), c.OnDisk(), len(c.lines[0].extents.pages))
	}
	c.Apply(&Saved{})
	if p := c.Pending(); len(p) != 1 || !slices.Equal(p[0].Ranges, []Interval{{0, 1000}}) {
		t.Errorf("its record is %+v", p)
	}
	s.Apply(&Purged{})
	if s.Ready() != 0 || s.Bytes() != 0 || s.Bodies() != 0 || s.OnDisk() != 0 {
		t.Errorf("behind a purge %d messages of %d bytes, %d on disk", s.Ready(), s.Bytes(), s.OnDisk())
	}
}

// Contract: what is beyond the bounds of a long queue is found without reading all of it: a bound that is exceeded by
// a message with every message that comes must not cost a look at every one that waits.
func TestExcessReadsWhatGoes(t *testing.T) {
	b := newLibrary(t)
	s := b.long(t, few, 10_000, even, sameLevel)
	for _, c := range []struct {
		what             string
		messages, bodies int
		want             uint64
		read             int
	}{
		{"one message", 9_999, -1, 1, 0},
		{"one body", -1, 999_950, 1, 0},
		{"half of all messages", 5_000, -1, 5_000, 1},
		{"half of all bodies", -1, 500_000, 5_000, 2},
	} {
		b.read = 0
		out := s.Excess(c.messages, c.bodies)
		if len(out) != 1 || out[0] != (Interval{0, c.want}) || b.read > c.read {
			t.Errorf("%s: %v, %d chapters read", c.what, out, b.read)
		}
	}
}

// What looks at all of a long queue, a checkpoint for one, reads each chapter once and keeps none.
func TestSummaryKeepsNoChapter(t *testing.T) {
	b := newLibrary(t)
	s := b.long(t, few, 1000, even, sameLevel)
	chapters := s.lines[0].extents.chapters
	sum := s.Summarize()
	if sum.Live.Len() != 1000 || b.read != chapters || s.lines[0].extents.chapters != chapters {
		t.Errorf("%d records live, %d chapters of %d were read, %d are left", sum.Live.Len(), b.read, chapters, s.lines[0].extents.chapters)
	}
}

// What was read is written again when it has become small: settling here and there in a long queue does not leave its index in memory, but
// for less than a quarter of a chapter between two that nobody has touched.
func TestReadChaptersAreWrittenAgain(t *testing.T) {
	b := newLibrary(t)
	s := b.long(t, few, 4000, even, sameLevel)
	x := &s.lines[0].extents
	for i := uint64(30); i < 4000; i += 20 {
		s.Apply(&Dropped{Intervals: []Interval{{i, 1}}})
	}
	if x.chapters > 60 || s.Opened() < 900 {
		t.Fatalf("%d chapters are left, %d pages were opened", x.chapters, s.Opened())
	}
	b.shrink(few, s)
	if lists := len(listedIn(x)); x.chapters < 190 || x.packed > 60 || lists > 0 {
		t.Errorf("%d chapters, %d pages and %d extents in lists", x.chapters, x.packed, lists)
	}
	want := []string{}
	for i := range 4000 {
		if i < 30 || (i-30)%20 != 0 {
			want = append(want, fmt.Sprint(i+1))
		}
	}
	got := []string{}
	for _, w := range s.Ahead(1 << 30) {
		got = append(got, fmt.Sprint(w.Record))
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d records wait, and should be %d", len(got), len(want))
	}
}
