package session

import (
	"slices"

	"warren/actors/queue"
)

// mark is how far a queue has got on a link. Both sequences are cumulative.
type mark struct{ accepted, confirmed uint64 }

// way is a link's way to one queue: how far it has got, and the runs that wait for it. What a queue says concerns the first of them and
// no other, so that it costs the same however many runs wait for however many queues.
type way struct {
	mark
	runs fifo[*run] // that lead to the queue and are not all safe there, in order
	// How many of runs the queue has as a whole, and has safe; every one below its mark counts.
	has, safe int
}

// waysKept is how many queues a link remembers that nothing waits for.
const waysKept = 64

func (p *publishLink) way(q *queue.Slot) *way {
	w := p.ways[q]
	if w == nil {
		w = &way{}
		p.ways[q] = w
	}
	return w
}

// enter has a run that has got its route wait for the queues on it.
func (p *publishLink) enter(r *run) {
	first, last := r.seqs()
	for _, q := range r.route.Queues {
		w := p.way(q)
		// Not below its mark, unless the word of the queue has overtaken that of the exchange, behind a restart.
		if w.accepted < last {
			r.unaccepted++
		} else {
			w.has++
		}
		if w.confirmed < last {
			r.unconfirmed++
		} else {
			w.safe++
		}
		r.parted = r.parted || first <= w.accepted
		w.runs.push(r)
		p.leave(q, w)
	}
}

// leave takes the runs out that the queue has safe.
func (p *publishLink) leave(q *queue.Slot, w *way) {
	for w.has > 0 && w.safe > 0 {
		w.runs.pop()
		w.has--
		w.safe--
	}
	if w.runs.len() == 0 && len(p.ways) > waysKept {
		delete(p.ways, q)
	}
}

// split enters the second half of a run that was parted in two.
func (w *way) split(a, b *run) {
	at := slices.Index(w.runs.all(), a)
	if at < 0 {
		return // the queue has all of it safe
	}
	w.runs.insert(at+1, b)
	_, last := a.seqs()
	switch {
	case at < w.has:
		w.has++ // it has both
	case w.accepted >= last:
		w.has++
		a.unaccepted--
	}
	switch {
	case at < w.safe:
		w.safe++
	case w.confirmed >= last:
		w.safe++
		a.unconfirmed--
	}
}
