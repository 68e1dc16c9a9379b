package supervision

import (
	"testing"
	"time"
)

func TestPaceYieldsAfterASlice(t *testing.T) {
	// Design section 8, delivery latency: an actor with much to do lets others run about twice a millisecond, however long its turns
	// take, and looks at the clock far less often than it has turns when those are short.
	for _, c := range []struct {
		what    string
		turn    time.Duration
		longest time.Duration // between two yields, once it has adapted
		looks   int           // in 10 000 turns, at most
	}{
		{"short turns", 60 * time.Nanosecond, time.Millisecond, 60},
		{"middling turns", 20 * time.Microsecond, time.Millisecond, 2600},
		{"long turns", 400 * time.Microsecond, 4 * 400 * time.Microsecond, 2600},
	} {
		var p pace
		p.begin()
		now, yielded, longest, looks, yields := time.Duration(1), time.Duration(1), time.Duration(0), 0, 0
		for i := range 10_000 {
			if p.due() {
				looks++
				if p.look(now, 300) {
					if i > 1000 {
						longest = max(longest, now-yielded)
					}
					yields++
					p.since, yielded = now, now
				}
			}
			now += c.turn
		}
		if yields == 0 || longest > c.longest || looks > c.looks {
			t.Errorf("%s: %d yields, %v between two at most, the clock was looked at %d times", c.what, yields, longest, looks)
		}
	}
}

func TestPaceLeavesTheClockToTheBusy(t *testing.T) {
	// An actor that wakes for one message, as all do when there is little to do, pays nothing.
	p := pace{every: leastTurns}
	for range 1000 {
		p.begin()
		for range leastTurns {
			if p.due() {
				t.Fatal("it looks at the clock")
			}
		}
	}
}
