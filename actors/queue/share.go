package queue

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
)

// Consumers that share a limit (contract P-46, basic.qos with global=true): the limit is their channel's, and the queues do not know
// of each other. So a queue gives such a consumer nothing by itself. It says that it wants to, once, and the session answers with a
// grant when it is this queue's turn. A grant is used in the turn in which it comes, or lost: nothing lies with a queue that has no use
// for it while another waits. What the queue says to a session is said again when the session resumes (see window).

func isGrant(op Op) bool { _, is := op.(*Grant); return is }

// askForGrants says for which consumers there is something.
func (q *Queue) askForGrants(ctx actor.Context) {
	if q.state.Sharing() == 0 {
		return
	}
	if in, _ := q.state.Next(1); in.N == 0 {
		return
	}
	for _, c := range q.state.Candidates() {
		w := q.windows[c.Key]
		if !c.Shared || w == nil || w.wants || w.room(c) <= 0 {
			continue
		}
		if _, share := q.allows(w); share.Messages == 0 { // the rate of its vhost or user; it is looked at again when that allows
			continue
		}
		if q.waits() { // it is asked for when there is something to give
			return
		}
		if p := q.peer(c.Key.Session); p != nil {
			w.wants = true
			ctx.Send(p, &Wants{Queue: q.Slot, Consumer: c.Key.Consumer})
		}
	}
}

// grant gives a consumer up to n messages.
func (q *Queue) grant(k ready.Key, n int) {
	c, w := q.state.Consumer(k), q.windows[k]
	if c == nil || c.Cancelled || w == nil {
		return
	}
	w.wants = false
	if q.state.Active(c) {
		q.deliverTo(c, n)
	}
}
