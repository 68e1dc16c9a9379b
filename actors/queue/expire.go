package queue

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
)

type (
	// expireHead comes when a message at the head expires.
	expireHead struct{ at int64 }
	// expireQueue comes when the queue may have been without use for long enough.
	expireQueue struct{ incarnation, round uint64 }
)

// now is the time of this turn, in Unix milliseconds: one reading for all of it.
func (q *Queue) now() int64 {
	if q.turnTime == 0 {
		q.turnTime = q.clock().UnixMilli()
	}
	return q.turnTime
}

// expire drops what has expired at the head (contract Q-09). Where the head is on disk, it waits for that.
func (q *Queue) expire(ctx actor.Context) {
	if q.Slot.Settings().Holds.Set {
		q.release()
	}
	for q.expires() {
		in, missing := q.state.Expired(q.now(), q.age)
		if missing {
			q.paging.blind = true
		}
		if in.N == 0 {
			break
		}
		q.drop([]ready.Interval{in}, ready.Expired)
	}
	q.arm(ctx)
}

// expires says that there may be messages that expire.
func (q *Queue) expires() bool { return q.age.Limited || q.state.Expires() }

// releaseAtOnce is how many messages go on their way in one event.
const releaseAtOnce = 1024

// release lets go what was held back until now (contract X-11).
func (q *Queue) release() {
	for {
		due := q.state.Due(q.now(), releaseAtOnce)
		if len(due) == 0 {
			return
		}
		q.happen(&ready.Released{Intervals: due})
	}
}

// arm has the queue hear of the next one to expire.
func (q *Queue) arm(ctx actor.Context) {
	at := q.nextTime()
	if at == 0 || q.armed != 0 && q.armed <= at {
		return
	}
	q.armed = at
	self, system := ctx.Self(), ctx.ActorSystem()
	time.AfterFunc(time.Duration(max(1, at-q.now()))*time.Millisecond, func() { system.Root.Send(self, &expireHead{at}) })
}

// nextTime is when something happens by itself; 0 for never.
func (q *Queue) nextTime() int64 {
	switch {
	case q.Slot.Settings().Holds.Set:
		return q.state.NextDue()
	case q.expires():
		return q.state.NextExpiry(q.age)
	}
	return 0
}

func (q *Queue) headExpired(ctx actor.Context, m *expireHead) {
	if m.at == q.armed {
		q.armed = 0
		q.pump(ctx)
	}
}

// used notes that the queue is in use: a consumer, a get, a declaration (contract Q-10).
func (q *Queue) used(ctx actor.Context) {
	if q.settings.Expires.Set {
		q.usedAt = q.now()
		q.armQueue(ctx)
	}
}

// armQueue has the queue look, when its time without use could be over.
func (q *Queue) armQueue(ctx actor.Context) {
	if q.queueArmed {
		return
	}
	q.queueArmed = true
	left := q.usedAt + q.settings.Expires.Value.Milliseconds() - q.now()
	self, system, due := ctx.Self(), ctx.ActorSystem(), &expireQueue{q.incarnation, q.expiryRound}
	time.AfterFunc(time.Duration(max(1, left))*time.Millisecond, func() { system.Root.Send(self, due) })
}

// queueExpired offers the queue for deletion when nobody has used it for long enough. A queue with consumers is in use.
func (q *Queue) queueExpired(ctx actor.Context, m *expireQueue) {
	if m.incarnation != q.incarnation || m.round != q.expiryRound {
		return
	}
	q.queueArmed = false
	switch {
	case len(q.state.Consumers()) > 0:
		q.usedAt = q.now()
	case q.now() >= q.usedAt+q.settings.Expires.Value.Milliseconds():
		ctx.Send(q.VHost, &Unused{Queue: q.Slot})
	}
	q.armQueue(ctx) // also for when the vhost does not hear that
}
