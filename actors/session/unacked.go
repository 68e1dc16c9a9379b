package session

import (
	"slices"
	"sort"

	"warren/actors/queue"
	"warren/actors/queue/ready"
)

// Unacked is what a session delivered to its client and the client has not settled, by delivery tag. Deliveries that came
// together are one entry.
type Unacked struct {
	runs  []unackedRun
	count int
	got   int // of count, those that came with a get
}

type unackedRun struct {
	tag      uint64 // of the first
	n        uint64
	queue    *queue.Slot
	consumer uint32
	seq      uint64 // the queue's delivery sequence of the first
}

func (r unackedRun) last() uint64 { return r.tag + r.n - 1 }

func (u *Unacked) add(r unackedRun) {
	u.count += int(r.n)
	if r.consumer < queue.FirstConsumer {
		u.got += int(r.n)
	}
	if n := len(u.runs); n > 0 {
		l := &u.runs[n-1]
		if l.queue == r.queue && l.consumer == r.consumer && l.last()+1 == r.tag && l.seq+l.n == r.seq {
			l.n += r.n
			return
		}
	}
	u.runs = append(u.runs, r)
}

func (u *Unacked) search(tag uint64) int {
	return sort.Search(len(u.runs), func(i int) bool { return u.runs[i].last() >= tag })
}

// Has says whether the tag is unsettled.
func (u *Unacked) Has(tag uint64) bool {
	at := u.search(tag)
	return at < len(u.runs) && u.runs[at].tag <= tag
}

// Count is the number of unsettled deliveries.
func (u *Unacked) Count() int { return u.count }

// Consumed is the number of those that came to a consumer, and not with a get.
func (u *Unacked) Consumed() int { return u.count - u.got }

// countIn is how many unsettled deliveries have tags in first..last.
func (u *Unacked) countIn(first, last uint64) int {
	n := uint64(0)
	for at := u.search(first); at < len(u.runs) && u.runs[at].tag <= last; at++ {
		r := u.runs[at]
		n += min(last, r.last()) - max(first, r.tag) + 1
	}
	return int(n)
}

// take removes the tags first..last and yields what their queues must hear.
func (u *Unacked) take(first, last uint64, how ready.Outcome, yield func(*queue.Slot, *queue.Settle)) {
	at := u.search(first)
	for at < len(u.runs) && u.runs[at].tag <= last {
		r := u.runs[at]
		lo, hi := max(first, r.tag), min(last, r.last())
		yield(r.queue, &queue.Settle{Consumer: r.consumer, First: r.seq + (lo - r.tag), Last: r.seq + (hi - r.tag), Outcome: how})
		u.count -= int(hi - lo + 1)
		if r.consumer < queue.FirstConsumer {
			u.got -= int(hi - lo + 1)
		}
		before, behind := r, r
		before.n = lo - r.tag
		behind.tag, behind.n, behind.seq = hi+1, r.last()-hi, r.seq+(hi+1-r.tag)
		switch {
		case before.n == 0 && behind.n == 0:
			u.runs = slices.Delete(u.runs, at, at+1)
		case before.n == 0:
			u.runs[at] = behind
			at++
		case behind.n == 0:
			u.runs[at] = before
			at++
		default:
			u.runs[at] = before
			u.runs = slices.Insert(u.runs, at+1, behind)
			at += 2
		}
	}
}

// dropQueue forgets the deliveries of a queue that is gone: they can be settled by nobody any more, and a settlement of them
// is no mistake of the client's. They keep their tags.
func (u *Unacked) dropQueue(q *queue.Slot) {
	for i := range u.runs {
		if u.runs[i].queue == q {
			u.runs[i].queue = nil
		}
	}
}

func (u Unacked) clone() Unacked {
	u.runs = slices.Clone(u.runs)
	return u
}
