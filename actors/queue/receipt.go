package queue

import "sync"

// Receipts are the numbers that sessions were told, or were to be told when a crash came between: a purge or a deletion that is asked
// again is found done, and its count is gone with the messages. They survive the actors. A session waits for one answer at a time, so
// that its newest is enough. The zero value is ready.
type Receipts struct {
	mu     sync.Mutex
	newest map[uint64]receipt // by session
}

type receipt struct{ request, count uint64 }

// receiptsKept is how many there may be before those of sessions that are over are dropped.
const receiptsKept = 256

// Note enters what a session is to be told, before it becomes true. sessions says who is over.
func (r *Receipts) Note(session, request, count uint64, sessions Sessions) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.newest == nil {
		r.newest = map[uint64]receipt{}
	}
	if len(r.newest) >= receiptsKept {
		for id := range r.newest {
			if sessions.Lookup(id) == nil {
				delete(r.newest, id)
			}
		}
	}
	r.newest[session] = receipt{request, count}
}

// Of is what a session was to be told of a request, 0 when that is not known.
func (r *Receipts) Of(session, request uint64) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if got := r.newest[session]; got.request == request {
		return got.count
	}
	return 0
}
