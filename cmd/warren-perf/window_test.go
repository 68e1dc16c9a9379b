package main

import "testing"

// Confirms come one by one, in any order, or many at once; each publish is counted once.
func TestWindowSettles(t *testing.T) {
	w := newWindow(4)
	if n := w.reserve(1, 10); n != 4 {
		t.Fatalf("reserved %d of 4", n)
	}
	w.sent(4, func(int) int64 { return 100 })
	var took []int64
	settle := func(tag uint64, multiple, positive bool, now int64) {
		w.settle(tag, multiple, positive, now, func(n int64) { took = append(took, n) })
	}
	settle(3, false, true, 105)
	settle(3, false, true, 106)
	settle(9, true, true, 106)
	settle(4, true, false, 110)
	if settled, nacked := w.counts(); settled != 4 || nacked != 3 || w.open != 0 || len(took) != 4 || took[0] != 5 {
		t.Fatalf("settled %d, nacked %d, open %d, took %v", settled, nacked, w.open, took)
	}
	w.drain()
}

// One publish that is never confirmed must not let the ring be overrun.
func TestWindowKeepsItsSpan(t *testing.T) {
	w := newWindow(4)
	w.sent(1, func(int) int64 { return 1 })
	for w.free() > 0 {
		w.sent(1, func(int) int64 { return 1 })
		w.settle(w.next-1, false, true, 2, func(int64) {})
	}
	if w.next-w.lowest != uint64(len(w.sentAt)) || w.open != 1 {
		t.Fatalf("span %d, open %d", w.next-w.lowest, w.open)
	}
	w.close()
	if n := w.reserve(1, 1); n != 0 {
		t.Fatalf("a closed window gave %d", n)
	}
}
