package alarm

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestMarks(t *testing.T) {
	// raised above the high mark, cleared below the low one, and neither in between.
	m := NewMemory(Marks{200, 100}, Policy{})
	for _, e := range []struct {
		delta  int
		raised bool
	}{
		{100, false}, {1, true}, {-20, true}, {-31, true}, {-1, false}, {40, false}, {20, true}, {1000, true}, {-1109, false}, {0, false},
	} {
		m.Resident(e.delta)
		if m.Raised() != e.raised || (m.Cleared() != nil) != e.raised {
			t.Fatalf("at %d: raised %v, want %v", m.Bytes(), m.Raised(), e.raised)
		}
	}
}

func TestClearedWakesEverybody(t *testing.T) {
	// P-16: every blocked connection goes on when the alarm clears, and a second alarm has a gate of its own.
	m := NewMemory(Marks{200, 100}, Policy{})
	m.Resident(200)
	var waiting sync.WaitGroup
	for range 10 {
		gate := m.Cleared()
		waiting.Go(func() { <-gate })
	}
	m.Resident(-200)
	waiting.Wait()
	m.Resident(200)
	select {
	case <-m.Cleared():
		t.Fatal("the second alarm is cleared")
	default:
	}
}

func TestAlarmFollowsTheLedger(t *testing.T) {
	// Promise: it cannot lock up (DESIGN section 7): whoever writes to the ledger at the same time, the alarm of its last state is
	// the one that stays, though nobody writes any more.
	for range 2000 {
		m := NewMemory(Marks{200, 100}, Policy{})
		var writers sync.WaitGroup
		for range 4 {
			writers.Go(func() {
				m.Resident(101)
				m.Resident(-101)
			})
		}
		writers.Wait()
		if m.Raised() || m.Cleared() != nil {
			t.Fatalf("raised at %d bytes", m.Bytes())
		}
	}
}

func TestProcessCountsAsWell(t *testing.T) {
	// what the system counts raises the alarm as the ledger does, each falls on its own, and a mark of 0 is an alarm that
	// is always up. P-16: all that is short is named.
	m := NewMemory(Marks{1000, 500}, Policy{})
	for i, e := range []struct {
		rss      int64
		delta    int
		disk, up bool
		reason   string
	}{
		{rss: 1000},
		{rss: 1001, up: true, reason: "low on memory"},
		{rss: 500, up: true, reason: "low on memory"},
		{rss: 499},
		{rss: 600, delta: 501, up: true, reason: "low on memory"},
		{rss: 600, disk: true, up: true, reason: "low on memory & low on disk"},
		{rss: 600, delta: -501, disk: true, up: true, reason: "low on disk"},
		{rss: 600},
	} {
		m.Resident(e.delta)
		m.Storage(e.disk)
		m.Observe(e.rss)
		if m.Raised() != e.up || e.up && m.Reason() != e.reason {
			t.Fatalf("step %d: raised %v for %q, want %v for %q", i, m.Raised(), m.Reason(), e.up, e.reason)
		}
	}
	m.Mark(Marks{0, 0})
	if !m.Raised() {
		t.Fatal("a mark of 0 is no alarm")
	}
	m.Mark(Marks{1000, 2000})
	if s := m.Status(); m.Raised() || s.Low != 1000 {
		t.Fatalf("raised %v at %+v", m.Raised(), s)
	}
}

func TestCostOfAByte(t *testing.T) {
	// Promise: RSS corrects the ledger's factor (DESIGN section 7), within bounds, and only when the ledger holds enough to tell.
	m := NewMemory(Marks{1000, 500}, Policy{})
	m.Resident(100)
	m.Observe(900)
	if got := m.high.Load(); got != 500 {
		t.Fatalf("the ledger's mark is %d after a glance at an idle broker", got)
	}
	m.Resident(300)
	m.Observe(600) // 1.5 bytes a byte
	if got := m.high.Load(); got > 520 {
		t.Fatalf("the ledger's mark is %d after one look at less", got)
	}
	for range 100 {
		m.Observe(600)
	}
	if got := m.high.Load(); got < 660 || got > 667 {
		t.Fatalf("the ledger's mark is %d", got)
	}
	m.Observe(800)
	if got := m.high.Load(); got != 500 {
		t.Fatalf("the ledger's mark is %d after one look at more", got)
	}
	m.Mark(Marks{1000, 900})
	m.Observe(850)
	if got := m.high.Load(); got < 490 {
		t.Fatalf("the ledger's mark is %d after one look at more, far from the mark", got)
	}
	for range 100 {
		m.Observe(100)
	}
	if got := m.high.Load(); got != 800 {
		t.Fatalf("the ledger's mark is %d beyond the bound", got)
	}
}

func TestWhoIsTurnedAway(t *testing.T) {
	// A-04, S6: new connections and entities while memory is short, connections no longer than half a minute and not when the disk
	// is short as well; nobody for the disk alone.
	synctest.Test(t, func(t *testing.T) {
		m := NewMemory(Marks{200, 100}, Policy{RefuseConnections: true, RefuseDeclarations: true})
		check := func(what string, alarm uint64, connections, declarations bool) {
			t.Helper()
			a, c := m.Connections()
			if d := m.Declarations(); a != alarm || c != connections || d != declarations {
				t.Fatalf("%s: alarm %d, connections refused %v, declarations %v", what, a, c, d)
			}
		}
		check("normal", 0, false, false)
		m.Storage(true)
		check("disk", 0, false, false)
		m.Resident(200)
		check("memory and disk", 1, false, true)
		m.Storage(false)
		check("memory", 1, true, true)
		time.Sleep(patience)
		check("for long", 1, false, true)
		m.Resident(-200)
		check("normal again", 0, false, false)
		m.Resident(200)
		check("again", 2, true, true)

		m = NewMemory(Marks{200, 100}, Policy{})
		m.Resident(200)
		check("RabbitMQ's way", 1, false, false)
	})
}
