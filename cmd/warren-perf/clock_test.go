package main

import (
	"testing"
	"time"
)

// Whatever the rate, no message goes out ahead of its time, and none is forgotten.
func TestMetronome(t *testing.T) {
	for _, rate := range []float64{0.5, 3, 5000, 333_333, 7_000_001} {
		m := metronome{start: 1000, interval: 1e9 / rate}
		if m.dueBy(999) != 0 || m.dueBy(1000) != 1 {
			t.Fatalf("rate %v starts with %d, %d", rate, m.dueBy(999), m.dueBy(1000))
		}
		for i := int64(1); i < 2000; i++ {
			if due := m.due(i); m.dueBy(due) < i+1 || m.due(m.dueBy(due)) <= due {
				t.Fatalf("rate %v: message %d is due at %d, but dueBy says %d", rate, i, due, m.dueBy(due))
			}
			if before := m.due(i) - 1; m.due(m.dueBy(before)-1) > before {
				t.Fatalf("rate %v: message %d goes out early", rate, m.dueBy(before)-1)
			}
		}
	}
}

func TestParseStat(t *testing.T) {
	line := "42 (a ) b) S 1 42 42 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 9 0 100 123456 10 18446744073709551615 1 1"
	u, err := parseStat([]byte(line))
	if err != nil || u.cpu != 2*time.Second || u.rssBytes <= 0 {
		t.Fatalf("%+v, %v", u, err)
	}
	if _, err := parseStat([]byte("nonsense")); err == nil {
		t.Fatal("nonsense was taken")
	}
}
