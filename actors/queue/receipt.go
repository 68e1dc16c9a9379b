package queue

import "sync"

// Receipts are what sessions were told, or were to be told when a crash came between, and what cannot be found out when it is asked
// again: a purge is found done, and its count is gone with the messages. They survive the actors. A session waits for one answer at a
// time, so that its newest is enough. The zero value is ready.
type Receipts[T any] struct {
	mu     sync.Mutex
	newest map[uint64]receipt[T] // by session
}

type receipt[T any] struct {
	request uint64
	told    T
}

// receiptsKept is how many there may be before those of sessions that are over are dropped.
const receiptsKept = 256

// Note enters what a session is to be told, before it becomes true. sessions says who is over.
func (r *Receipts[T]) Note(session, request uint64, told T, sessions Sessions) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.newest == nil {
		r.newest = map[uint64]receipt[T]{}
	}
	if len(r.newest) >= receiptsKept {
		for id := range r.newest {
			if sessions.Lookup(id) == nil {
				delete(r.newest, id)
			}
		}
	}
	r.newest[session] = receipt[T]{request, told}
}

// Of is what a session was to be told of a request, the zero value when that is not known.
func (r *Receipts[T]) Of(session, request uint64) (told T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if got := r.newest[session]; got.request == request {
		return got.told
	}
	return told
}
