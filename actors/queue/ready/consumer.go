package ready

import (
	"fmt"
	"slices"
	"sort"

	"warren/protocol"
)

// Key names a consumer on its queue: the session it belongs to and its number there. Number 0 stands for basic.get.
type Key struct {
	Session  uint64
	Consumer uint32
}

// Run is deliveries that went out together: n messages at consecutive indexes with consecutive delivery sequences.
type Run struct {
	Seq         uint64 // delivery sequence of the first
	First       uint64 // index of the first
	N           uint64
	Redelivered bool
	Reason      Reason // of what is to be dead-lettered
}

func (r Run) lastSeq() uint64 { return r.Seq + r.N - 1 }
func (r Run) from(seq uint64) Run {
	d := seq - r.Seq
	r.Seq, r.First, r.N = seq, r.First+d, r.N-d
	return r
}

// Consumer is who gets messages of the queue, and what it got and has not settled.
type Consumer struct {
	Key       Key
	Tag       string
	NoAck     bool
	Exclusive bool
	// Prefetch bounds the deliveries that wait for their settlement (basic.qos with global=false); 0 means no bound.
	Prefetch int
	// Shared is set where the session's limit for several consumers counts, too (basic.qos with global=true): it gets what the session
	// asks for, and nothing by itself.
	Shared bool
	// Priority puts it before those with a lower one, as long as it has room.
	Priority int64
	// Single is set for all consumers of a queue on which one at a time is active.
	Single bool
	// DeadLetters: it gets what is dead and nothing else.
	DeadLetters bool
	// User is who consumes, empty for nobody.
	User string
	// Arguments are those of basic.consume, for the eye. Never changed.
	Arguments protocol.Table
	// Sent is the delivery sequence of the newest delivery, counted from 1.
	Sent uint64
	// Cancelled consumers get nothing more; what they got stays theirs until it is settled.
	Cancelled bool

	runs      []Run // not settled, by delivery sequence
	unsettled int
}

// Unsettled is the number of deliveries that wait for a settlement.
func (c *Consumer) Unsettled() int { return c.unsettled }

// Room is how many more deliveries the prefetch allows.
func (c *Consumer) Room() int {
	switch {
	case c.Cancelled:
		return 0
	case c.NoAck || c.Prefetch == 0:
		return int(^uint(0) >> 1)
	}
	return max(0, c.Prefetch-c.unsettled)
}

// OutstandingAfter are the unsettled deliveries with a sequence above seq: what a session that restarted has not got.
func (c *Consumer) OutstandingAfter(seq uint64) []Run {
	at := c.search(seq + 1)
	if at == len(c.runs) {
		return nil
	}
	out := slices.Clone(c.runs[at:])
	if out[0].Seq <= seq {
		out[0] = out[0].from(seq + 1)
	}
	return out
}

func (c *Consumer) deliver(in Interval, redelivered bool, why Reason) {
	seq := c.Sent + 1
	c.Sent += in.N
	c.unsettled += int(in.N)
	if n := len(c.runs); n > 0 {
		last := &c.runs[n-1]
		if last.First+last.N == in.First && last.lastSeq()+1 == seq && last.Redelivered == redelivered && last.Reason == why {
			last.N += in.N
			return
		}
	}
	c.runs = append(c.runs, Run{Seq: seq, First: in.First, N: in.N, Redelivered: redelivered, Reason: why})
}

// unsent is the lowest index on a level of what it has not been sent, which is behind left; none when there is no such.
func (c *Consumer) unsent(l Level, left, none uint64) uint64 {
	for _, r := range c.runs[c.search(left+1):] {
		if LevelOf(r.First) == l {
			if r.Seq <= left {
				r = r.from(left + 1)
			}
			none = min(none, r.First)
		}
	}
	return none
}

// search finds the first run that reaches seq.
func (c *Consumer) search(seq uint64) int {
	return sort.Search(len(c.runs), func(i int) bool { return c.runs[i].lastSeq() >= seq })
}

// clip narrows first..last to what the consumer holds; first is above last when it holds nothing of it.
func (c *Consumer) clip(first, last uint64) (uint64, uint64) {
	at := c.search(first)
	if at == len(c.runs) || c.runs[at].Seq > last {
		return 1, 0
	}
	return max(first, c.runs[at].Seq), min(last, c.Sent)
}

// take removes the deliveries [first, last] and yields the intervals of their messages, in order of delivery.
func (c *Consumer) take(first, last uint64, yield func(Interval, Reason)) {
	at := c.search(first)
	if at == len(c.runs) || c.runs[at].Seq > first {
		panic(fmt.Sprintf("queue: consumer %v settles %d..%d, which it does not hold", c.Key, first, last))
	}
	for at < len(c.runs) && c.runs[at].Seq <= last {
		r := c.runs[at]
		lo, hi := max(first, r.Seq), min(last, r.lastSeq())
		cut := Interval{First: r.First + (lo - r.Seq), N: hi - lo + 1}
		before, behind := lo > r.Seq, hi < r.lastSeq()
		if before {
			c.runs[at].N = lo - r.Seq
			at++
		}
		switch {
		case before && behind:
			c.runs = slices.Insert(c.runs, at, r.from(hi+1))
			at++
		case behind:
			c.runs[at] = r.from(hi + 1)
			at++
		case before:
		case at == 0: // the usual one; a Delete would move all the others, once for every run
			c.runs = c.runs[1:]
		default:
			c.runs = slices.Delete(c.runs, at, at+1)
		}
		c.unsettled -= int(cut.N)
		yield(cut, r.Reason)
	}
}

// SettledUpTo is the delivery sequence below the first that is not settled.
func (c *Consumer) SettledUpTo() uint64 {
	if len(c.runs) == 0 {
		return c.Sent
	}
	return c.runs[0].Seq - 1
}

func (c *Consumer) clone() *Consumer {
	d := *c
	d.runs = slices.Clone(c.runs)
	return &d
}
