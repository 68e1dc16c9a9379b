package vhost

import (
	"maps"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	eventv1 "warren/proto/event/v1"
)

// deleteQueue asks the queue, which alone knows whether it is used or empty.
func (v *VHost) deleteQueue(ctx actor.Context, m *DeleteQueue) {
	def := v.defs.Queues.Get(m.Name)
	switch {
	case def == nil, queue.IsReply(m.Name): // contract P-58
		v.answer(ctx, m.Request, &Answer{ID: m.ID, Messages: v.Directory.deleted.Of(m.Session, m.ID)})
		return
	case def.ExclusiveOwner != 0 && def.ExclusiveOwner != m.Connection:
		v.answer(ctx, m.Request, &Answer{ID: m.ID, Err: Locked(m.Name, v.Directory.Name)})
		return
	}
	s := v.Directory.Queue(queue.Name(m.Name))
	if s.Crashed() { // nobody is there to ask
		s.Forget(v.Streams, v.Ledger)
		v.queueDeletable(ctx, &queue.Deletable{Queue: s, Messages: uint64(s.Ready.Load()), Session: m.Session, Request: m.ID})
		return
	}
	asked := v.deleting[s]
	if asked == nil {
		asked = map[uint64]*DeleteQueue{}
		v.deleting[s] = asked
		s.Follow(ctx.Self())
	}
	if before := asked[m.Session]; before == nil || before.ID != m.ID {
		asked[m.Session] = m
		v.askQueue(ctx, s, m)
	}
}

func (v *VHost) askQueue(ctx actor.Context, s *queue.Slot, m *DeleteQueue) {
	ctx.Send(s.PID(), &queue.Delete{To: s, IfUnused: m.IfUnused, IfEmpty: m.IfEmpty, Session: m.Session, Request: m.ID})
}

// queueUp asks a queue again that restarted, or has only now started: what it was asked before is lost.
func (v *VHost) queueUp(ctx actor.Context, m *queue.Up) {
	for _, asked := range v.deleting[m.Queue] {
		v.askQueue(ctx, m.Queue, asked)
	}
}

// queueCrashed deletes a queue that was given up while it was asked.
func (v *VHost) queueCrashed(ctx actor.Context, m *queue.Crashed) {
	for _, asked := range v.deleting[m.Queue] {
		v.deleteQueue(ctx, asked)
		return // the others are answered with it
	}
}

// queueRefused passes on that a queue may not be deleted. It comes this way so that the queue is not asked again.
func (v *VHost) queueRefused(ctx actor.Context, m *queue.Refused) {
	if asked := v.deleting[m.Queue][m.Session]; asked == nil || asked.ID != m.Request {
		return
	}
	v.forget(ctx, m.Queue, m.Session)
	v.answer(ctx, Request{Session: m.Session}, &Answer{ID: m.Request, Err: m.Err})
}

// forget is for a request that is answered.
func (v *VHost) forget(ctx actor.Context, s *queue.Slot, session uint64) {
	delete(v.deleting[s], session)
	if len(v.deleting[s]) == 0 {
		delete(v.deleting, s)
		s.Unfollow(ctx.Self())
	}
}

func (v *VHost) queueDeletable(ctx actor.Context, m *queue.Deletable) {
	name := string(m.Queue.Name)
	v.forget(ctx, m.Queue, m.Session)
	if v.Directory.Queue(m.Queue.Name) == m.Queue {
		if m.Session != 0 {
			v.write(func() { v.Directory.deleted.Note(m.Session, m.Request, m.Messages, v.Sessions) })
		}
		d := v.defs.deleteQueues(name)
		v.happen("", d.events)
		v.put(ctx, d.events)
	}
	if m.Session != 0 {
		v.answerDeleted(ctx, name, Request{Session: m.Session, ID: m.Request}, m.Messages)
	}
}

// queueDeleted answers the others who wanted that queue deleted. It is not there any more, which is all they asked for.
func (v *VHost) queueDeleted(ctx actor.Context, s *queue.Slot) {
	for _, asked := range v.deleting[s] {
		v.answerDeleted(ctx, string(s.Name), asked.Request, 0)
	}
	delete(v.deleting, s)
}

// answerDeleted waits until the name is free.
func (v *VHost) answerDeleted(ctx actor.Context, name string, r Request, messages uint64) {
	v.afterStop(ctx, queueKey(name), func(ctx actor.Context) {
		v.answer(ctx, r, &Answer{ID: r.ID, Messages: messages})
	})
}

// ownerGone deletes the exclusive queues of a connection (contract Q-03), in one batch.
func (v *VHost) ownerGone(ctx actor.Context, m *OwnerGone) {
	left := 1
	done := func(ctx actor.Context) {
		if left--; left == 0 && m.From != nil {
			ctx.Send(m.From, &OwnerForgotten{Connection: m.Connection})
		}
	}
	names := slices.Sorted(maps.Keys(v.defs.owned[m.Connection]))
	if events := v.defs.deleteQueues(names...).events; len(events) > 0 {
		v.happen("", events)
		v.put(ctx, events)
		for _, e := range events {
			if q, ok := e.Event.(*eventv1.Definition_QueueDeleted); ok {
				left++
				v.afterStop(ctx, queueKey(q.QueueDeleted.Name), done)
			}
		}
	}
	done(ctx)
}

// forgetOwners deletes the exclusive queues of connections that are no more. A connection that was given up says so once, and nobody
// may have been there to hear it; it leaves the registry before it says so.
func (v *VHost) forgetOwners(ctx actor.Context) {
	var names []string
	for owner, queues := range v.defs.owned {
		if !v.Owners.Alive(owner) {
			names = slices.AppendSeq(names, maps.Keys(queues))
		}
	}
	slices.Sort(names)
	if events := v.defs.deleteQueues(names...).events; len(events) > 0 {
		v.happen("", events)
	}
}
