package alarm

import (
	"sync"
	"testing"
)

func TestMarks(t *testing.T) {
	// raised above the high mark, cleared below the low one, and neither in between.
	m := NewMemory(100, 50)
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
	m := NewMemory(100, 50)
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
		m := NewMemory(100, 50)
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
