package queue

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/actors/queue/settings"
)

// drop takes messages out of what waits: to be dead-lettered, where the queue has somewhere to send them (contract Q-11).
func (q *Queue) drop(in []ready.Interval, why ready.Reason) {
	q.happen(&ready.Dropped{Intervals: in, Reason: why, DeadLetter: q.deadLetters()})
}

func (q *Queue) deadLetters() bool {
	return q.settings.DeadLetterExchange.Set && q.DeadLetters != nil
}

// keepWithin drops what is beyond the queue's bounds (contract Q-15).
func (q *Queue) keepWithin() {
	s := q.settings
	if !s.MaxLength.Set && !s.MaxLengthBytes.Set || s.Overflow != settings.DropHead {
		return
	}
	if out := q.state.Excess(bound(s.MaxLength), bound(s.MaxLengthBytes)); len(out) > 0 {
		q.drop(out, ready.MaxLength)
	}
}

func bound(o settings.Option[uint64]) int {
	if !o.Set {
		return -1
	}
	return int(min(o.Value, 1<<62))
}

// outcome is what a settlement comes to: what is rejected may be dead-lettered.
func (q *Queue) outcome(c *ready.Consumer, how ready.Outcome) ready.Outcome {
	if how == ready.Discarded && q.deadLetters() && (c == nil || !c.DeadLetters) {
		return ready.Buried
	}
	return how
}

// wasSettled: what a dead letter's publisher has settled no longer counts as on its way; a consumer that was cancelled may be gone with it.
func (q *Queue) wasSettled(k ready.Key) {
	switch c := q.state.Consumer(k); {
	case c == nil:
		q.dropWindow(k)
	case c.DeadLetters:
		if w := q.windows[k]; w != nil {
			w.credit(c.SettledUpTo())
		}
	}
}

// handOutDead gives the dead to who publishes dead letters, or lets it know that there are some.
func (q *Queue) handOutDead(ctx actor.Context) {
	if len(q.state.Dead()) == 0 {
		return
	}
	u := q.state.Undertaker()
	if u == nil {
		if !q.announced && q.DeadLetters != nil {
			q.announced = true
			ctx.Send(q.DeadLetters, &DeadLettering{Queue: q.Slot})
		}
		return
	}
	w := q.windows[u.Key]
	for w != nil && len(q.state.Dead()) > 0 && w.room(u) > 0 {
		d := q.state.Dead()[0]
		d.N = min(d.N, uint64(w.room(u)))
		if d.N, _ = q.state.Missing(d.Interval); d.N == 0 {
			q.paging.mourning = true
			break
		}
		bytes := 0
		d.N, bytes = q.fit(d.Interval, windowBytes-w.bytes)
		seq := u.Sent + 1
		q.happen(&ready.Delivered{Key: u.Key, Interval: d.Interval, Reason: d.Reason})
		w.sent(u.Sent, bytes)
		q.addParts(u.Key, ready.Run{Seq: seq, First: d.First, N: d.N, Reason: d.Reason})
	}
}
