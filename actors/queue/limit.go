package queue

import (
	"warren/actors/queue/ready"
	"warren/actors/rate"
	"warren/protocol"
)

// Allowed tells a queue that a limit of rates, which it found closed, has room (contract A-18).
type Allowed struct{}

var allowed = &Allowed{}

// openWindow gives a consumer of a user a window. It has got everything up to a delivery sequence.
func (q *Queue) openWindow(k ready.Key, user string, written uint64) {
	q.dropWindow(k)
	w := &window{written: written}
	if user != "" {
		w.rates = q.Rates.User(user)
	}
	if q.windows == nil {
		q.windows = map[ready.Key]*window{}
	}
	q.windows[k] = w
}

// dropWindow is for a consumer that is gone. One that was cancelled has its window as long as it has deliveries, since that says what has left
// for its client, and may leave memory.
func (q *Queue) dropWindow(k ready.Key) {
	if w := q.windows[k]; w != nil && w.waiter != nil {
		w.waiter.Leave()
	}
	delete(q.windows, k)
}

// allows says how much a consumer may have now by the limits of its vhost and its user: everything where there are none. When that is
// nothing, this queue hears of it when there is something.
func (q *Queue) allows(w *window) (held rate.Limits, share rate.Share) {
	if w.rates == nil {
		return held, rate.Everything // dead letters: what a vhost does by itself is not limited
	}
	if held = rate.Consuming(q.rates, w.rates); held.None() {
		return held, rate.Everything
	}
	if q.waiter == nil {
		q.waiter = q.newWaiter()
	}
	if w.waiter == nil {
		w.waiter = q.newWaiter()
	}
	share, _ = held.Allow(q.waiter, w.waiter)
	return held, share
}

// took counts what a consumer was given against its limits.
func (q *Queue) took(held rate.Limits, in ready.Interval) {
	if held.None() {
		return
	}
	bytes := 0
	q.state.Walk(in, func(_ string, messages []protocol.Message) { bytes += protocol.Bodies(messages) })
	held.Take(int(in.N), bytes)
}

func (q *Queue) newWaiter() *rate.Waiter {
	send, self := q.Send, q.Slot.PID()
	return rate.NewWaiter(func() { send(self, allowed) })
}

// leaveLimits is for a queue that ends or restarts.
func (q *Queue) leaveLimits() {
	for _, w := range q.windows {
		if w.waiter != nil {
			w.waiter.Leave()
		}
	}
	if q.waiter != nil {
		q.waiter.Leave()
	}
}
