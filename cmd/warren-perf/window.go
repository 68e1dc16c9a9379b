package main

import "sync"

// window holds the publishes that wait for their confirm. The producer reserves, the reader of the same connection settles.
type window struct {
	mu       sync.Mutex
	room     sync.Cond
	sentAt   []int64 // by sequence modulo length; 0: settled
	lowest   uint64  // first sequence that is still open
	next     uint64  // sequence of the next publish
	open     int
	closed   bool
	nacked   int64
	settledN int64
}

func newWindow(size int) *window {
	w := &window{lowest: 1, next: 1}
	w.room.L = &w.mu
	// Sequences settle out of order, so the span from the lowest open to the next may exceed the number of open ones.
	w.sentAt = make([]int64, 4*size)
	return w
}

func (w *window) size() int { return len(w.sentAt) / 4 }

// reserve waits until at least wanted publishes may be sent and returns how many may, at most limit. 0: the connection is gone.
func (w *window) reserve(wanted, limit int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.closed && w.free() < wanted {
		w.room.Wait()
	}
	if w.closed {
		return 0
	}
	return min(limit, w.free())
}

func (w *window) free() int {
	return min(w.size()-w.open, len(w.sentAt)-int(w.next-w.lowest))
}

// sent notes n publishes, before they are written: their confirms may be faster than we are. at is when message i's wait began.
func (w *window) sent(n int, at func(i int) int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range n {
		w.sentAt[w.next%uint64(len(w.sentAt))] = at(i)
		w.next++
	}
	w.open += n
}

// settle closes one sequence, or all up to it, and calls took with the nanoseconds each one needed.
func (w *window) settle(tag uint64, multiple, positive bool, now int64, took func(int64)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	from := tag
	if multiple {
		from = w.lowest
	}
	if tag < w.lowest || tag >= w.next {
		return
	}
	for sequence := from; sequence <= tag; sequence++ {
		slot := &w.sentAt[sequence%uint64(len(w.sentAt))]
		if *slot == 0 {
			continue
		}
		took(now - *slot)
		*slot = 0
		w.open--
		w.settledN++
		if !positive {
			w.nacked++
		}
	}
	for w.lowest < w.next && w.sentAt[w.lowest%uint64(len(w.sentAt))] == 0 {
		w.lowest++
	}
	w.room.Signal()
}

// drain waits until nothing is open any more, or the connection is gone.
func (w *window) drain() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.closed && w.open > 0 {
		w.room.Wait()
	}
}

// waiting calls took with the nanoseconds that each open publish has waited by now.
func (w *window) waiting(now int64, took func(int64)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for sequence := w.lowest; sequence < w.next; sequence++ {
		if at := w.sentAt[sequence%uint64(len(w.sentAt))]; at != 0 {
			took(now - at)
		}
	}
}

func (w *window) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.room.Broadcast()
}

func (w *window) counts() (settled, nacked int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.settledN, w.nacked
}
