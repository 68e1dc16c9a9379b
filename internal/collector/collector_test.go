package collector

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

func TestGarbage(t *testing.T) {
	for _, row := range []struct {
		live, least uint64
		percent     int
	}{
		{0, 64 << 20, 3200},
		{2 << 20, 64 << 20, 3200},
		{16 << 20, 64 << 20, 400},
		{32 << 20, 64 << 20, 200},
		{1 << 30, 64 << 20, 200},
		{4 << 20, 25 << 20, 625},
	} {
		if got := garbage(row.live, row.least); got != row.percent {
			t.Errorf("%d alive, %d at least: %d %%, want %d", row.live, row.least, got, row.percent)
		}
	}
}

func TestChanges(t *testing.T) {
	for _, row := range []struct {
		now, next int
		changes   bool
	}{
		{0, 200, true}, {200, 200, false}, {400, 450, false}, {400, 501, true}, {400, 310, false}, {400, 299, true}, {210, 200, true}, {200, 240, false},
	} {
		if got := changes(row.now, row.next); got != row.changes {
			t.Errorf("from %d to %d: %v", row.now, row.next, got)
		}
	}
}

func TestBounds(t *testing.T) {
	const mib = 1 << 20
	for _, row := range []struct{ high, limit, least int64 }{
		{0, 1<<63 - 1, 64 * mib},
		{200 * mib, 159 * mib, 25 * mib},
		{20 * mib, 10 * mib, 20 * mib / 8},
		{8192 * mib, 7152 * mib, 64 * mib},
	} {
		if got, floor := limit(row.high), least(row.high); got != row.limit || floor != uint64(row.least) {
			t.Errorf("below %d: limit %d, garbage %d", row.high, got, floor)
		}
	}
}

// What is alive grows, and the percentage falls behind the next collection; and rises again when it is gone.
func TestPacerFollowsWhatIsAlive(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	p := newPacer()
	p.bound(64 << 20)
	now := func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.now
	}
	await := func(what string, is func(int) bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !is(now()); runtime.GC() {
			if time.Now().After(end) {
				t.Fatalf("%s: %d %%", what, now())
			}
		}
	}
	await("little is alive", func(n int) bool { return n > 400 })
	held := make([]byte, 100<<20)
	await("much is alive", func(n int) bool { return n == percent })
	runtime.KeepAlive(held)
	held = nil
	await("little is alive again", func(n int) bool { return n > 400 })
}

func TestWorth(t *testing.T) {
	const mib = 1 << 20
	for _, row := range []struct {
		since, live, there uint64
		worth              bool
	}{
		{0, 10 * mib, 60 * mib, true},
		{2 * mib, 10 * mib, 60 * mib, false}, // somebody works
		{0, 10 * mib, 17 * mib, false},       // little
		{2 * mib, 1024 * mib, 2048 * mib, true},
		{0, 1024 * mib, 1200 * mib, false},
	} {
		if got := worth(row.since, row.live, row.there); got != row.worth {
			t.Errorf("%d allocated, %d of %d alive: %v", row.since, row.live, row.there, got)
		}
	}
}

// Garbage of which nothing comes of itself is gone soon after everything is quiet.
func TestRestGivesGarbageBack(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(3000))
	p := newPacer()
	held := func() uint64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.HeapIdle - m.HeapReleased
	}
	runtime.GC()
	for range 32 {
		dirty := make([]byte, 1<<20)
		for i := range dirty {
			dirty[i] = 1
		}
	}
	before := held()
	p.rest() // somebody worked since it was made
	for end := time.Now().Add(10 * time.Second); held()+16<<20 > before; p.rest() {
		if time.Now().After(end) {
			t.Fatalf("%d bytes, %d before", held(), before)
		}
		runtime.Gosched()
	}
}
