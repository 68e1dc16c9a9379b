package queue

import (
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/protocol"
	"warren/supervision"
)

// commands applies what a session wants, each command once and none before the one in front of it.
func (q *Queue) commands(ctx actor.Context, m *Commands) {
	if m.To != q.Slot {
		return // for a namesake that is deleted; whoever sent it hears so
	}
	from := q.peer(m.Session)
	if q.closing {
		return
	}
	if leave, ok := m.Ops[0].(*Leave); ok { // also of a session that was given up, and of which nobody is there any more
		q.endSession(ctx, m.Session, leave.Received)
		if from != nil {
			q.whenSaved(ctx, from, &Done{Queue: q.Slot, Upto: m.First})
		}
		return
	}
	if from == nil {
		return
	}
	if q.defers(m.Session) { // behind what waits
		q.putOff(m)
		return
	}
	changed := false
	done := &Done{Queue: q.Slot}
	q.expire(ctx)
ops:
	for i, op := range m.Ops {
		seq := m.First + uint64(i)
		last := q.state.LastCommand(m.Session)
		switch {
		case seq > last+1:
			ctx.Send(from, &Up{Queue: q.Slot, Incarnation: q.incarnation}) // a gap: the session sends it again
			return
		case q.suspicious && q.Slot.remember().poison.Guilty(commandsOf(m.Session), seq):
			if seq <= last {
				done.Replies = append(done.Replies, setAside(seq))
			} else {
				done.Replies = append(done.Replies, q.commandSetAside(m.Session, seq, op))
			}
		case seq <= last:
			if r, answers := q.answer(m.Session, seq, op); answers {
				r.Seq = seq
				done.Replies = append(done.Replies, r)
			}
		default:
			if _, isGet := op.(*Get); isGet && q.waits() {
				q.putOff(&Commands{To: m.To, Session: m.Session, First: seq, Ops: m.Ops[i:]})
				break ops
			}
			if renews(op) {
				q.used(ctx)
			}
			q.doing, q.doingOf = seq, m.Session
			q.command(m.Session, seq, op, done)
			changed = changed || changesConsumers(op)
		}
	}
	q.doing = 0
	done.Upto = q.state.LastCommand(m.Session)
	if len(q.outgoing) > 0 && slices.ContainsFunc(m.Ops, isGrant) {
		q.sendOutgoing(ctx) // before the session hears that the grant is used up
	}
	if changed { // before cancel-ok, so that whoever hears that finds an auto-delete queue gone
		q.consumersChanged(ctx)
	}
	if needsDisk(m.Ops) || q.holds(from) {
		q.whenSaved(ctx, from, done)
	} else {
		ctx.Send(from, done)
	}
	q.pump(ctx)
}

// renews says whether a command is a use of the queue that lets it live for another x-expires, as in RabbitMQ: a consumer that comes or
// goes, a get, a declaration, passive or not. Who takes its dead letters is no consumer of anybody's.
func renews(op Op) bool {
	switch op := op.(type) {
	case *Consume:
		return !op.DeadLetters
	case *Cancel, *Get, *Inspect:
		return true
	}
	return false
}

func changesConsumers(op Op) bool {
	switch op.(type) {
	case *Consume, *Cancel:
		return true
	}
	return false
}

// needsDisk says whether the client is told something that must hold after a crash: what it settled stays settled.
func needsDisk(ops []Op) bool {
	for _, op := range ops {
		switch op := op.(type) {
		case *Cancel, *Purge:
			return true
		case *Settle:
			if op.Sync {
				return true
			}
		}
	}
	return false
}

func (q *Queue) command(session, seq uint64, op Op, done *Done) {
	reply := Reply{Seq: seq}
	answers := false
	var events []ready.Event
	switch op := op.(type) {
	case *Settle:
		k := ready.Key{Session: session, Consumer: op.Consumer}
		if q.Poison != "" && q.state.Consumer(k) != nil {
			supervision.Taste(q.Poison, "settle", q.state.Consumer(k).Tag)
		}
		if e := q.state.Settle(k, op.First, op.Last, q.outcome(q.state.Consumer(k), op.Outcome)); e != nil {
			events = append(events, e)
		}
		defer q.wasSettled(k)
	case *Consume:
		if q.Poison != "" {
			supervision.Taste(q.Poison, "consume", op.Tag)
		}
		events, reply.Err = q.consume(session, op)
		answers = true
	case *Share:
		k := ready.Key{Session: session, Consumer: op.Consumer}
		if c := q.state.Consumer(k); c != nil && !c.Cancelled {
			events = append(events, &ready.Shared{Key: k, On: op.On})
			if w := q.windows[k]; w != nil {
				w.wants = false
			}
		}
	case *Grant:
		q.happen(&ready.Commanded{Session: session, Seq: seq}) // first: a grant that crashes on the way is used up
		q.grant(ready.Key{Session: session, Consumer: op.Consumer}, op.N)
		return
	case *Cancel:
		k := ready.Key{Session: session, Consumer: op.Consumer}
		if c := q.state.Consumer(k); c != nil && !c.Cancelled {
			events = append(events, &ready.Unsubscribed{Key: k})
			defer q.wasSettled(k)
		}
		answers = true
	case *Get:
		q.get(session, seq, op, done)
		return
	case *Purge:
		reply.Messages = q.state.Ready()
		q.Slot.hold(q.incarnation)
		q.Slot.remember().purged.Note(session, seq, reply.Messages, q.Sessions)
		events = append(events, &ready.Purged{})
		answers = true
	case *Inspect:
		reply.Messages, reply.ConsumerCount = q.state.Ready(), uint32(len(q.state.Consumers()))
		answers = true
	}
	q.happen(&ready.Commanded{Session: session, Seq: seq, Events: events})
	if answers {
		done.Replies = append(done.Replies, reply)
	}
}

func (q *Queue) consume(session uint64, op *Consume) ([]ready.Event, *protocol.Error) {
	single := q.Slot.Settings().SingleActiveConsumer // which excludes the others by itself, and has no exclusive consumers
	if q.state.Exclusive() != nil && !op.DeadLetters || op.Exclusive && (single || len(q.state.Consumers()) > 0) {
		return nil, protocol.AccessRefused("queue '%s' in vhost '%s' in exclusive use", q.Slot.Name, q.Slot.VHost)
	}
	k := ready.Key{Session: session, Consumer: op.Consumer}
	q.openWindow(k, op.User, 0)
	if op.DeadLetters {
		return []ready.Event{&ready.Subscribed{Consumer: ready.Consumer{Key: k, Prefetch: op.Prefetch, DeadLetters: true}}}, nil
	}
	return []ready.Event{&ready.Subscribed{Consumer: ready.Consumer{
		Key: k, Tag: op.Tag, NoAck: op.NoAck, Exclusive: op.Exclusive, Prefetch: op.Prefetch, Shared: op.Shared,
		Priority: op.Priority, Single: single, Arguments: op.Arguments, User: op.User,
	}}}, nil
}

// get delivers one message to the session's get consumer, in one event with the command, or says that there is none.
func (q *Queue) get(session, seq uint64, op *Get, done *Done) {
	in, redelivered := q.state.Next(1)
	if in.N == 0 {
		q.happen(&ready.Commanded{Session: session, Seq: seq})
		done.Replies = append(done.Replies, Reply{Seq: seq, Empty: true})
		return
	}
	k := ready.Key{Session: session, Consumer: GetConsumer}
	if op.NoAck {
		k.Consumer = GetConsumerNoAck
	}
	var events []ready.Event
	next := uint64(1)
	if c := q.state.Consumer(k); c != nil {
		next = c.Sent + 1
	} else {
		events = append(events, &ready.GetterMade{Key: k, NoAck: op.NoAck})
		q.openWindow(k, "", 0)
	}
	events = append(events, &ready.Delivered{Key: k, Interval: in, Redelivered: redelivered})
	q.happen(&ready.Commanded{Session: session, Seq: seq, Events: events})
	q.addParts(k, ready.Run{Seq: next, First: in.First, N: 1, Redelivered: redelivered})
}

// answer is the reply to a command that was applied before, for a session that may not have got it. What Get brought is
// sent again by Resume.
func (q *Queue) answer(session, seq uint64, op Op) (r Reply, answers bool) {
	switch op := op.(type) {
	case *Consume:
		if q.state.Consumer(ready.Key{Session: session, Consumer: op.Consumer}) == nil {
			r.Err = protocol.AccessRefused("queue '%s' in vhost '%s' in exclusive use", q.Slot.Name, q.Slot.VHost)
		}
		return r, true
	case *Cancel:
		return r, true
	case *Purge:
		r.Messages = q.Slot.remember().purged.Of(session, seq)
		return r, true
	case *Get:
		k := ready.Key{Session: session, Consumer: GetConsumer}
		if op.NoAck {
			k.Consumer = GetConsumerNoAck
		}
		// A delivery that the session has not got is the answer, and Resume has sent it again. What it has got and not
		// acknowledged came of a get before this one.
		c, w := q.state.Consumer(k), q.windows[k]
		r.Empty = true
		return r, c == nil || w != nil && c.Sent <= w.written
	case *Inspect:
		return Reply{Messages: q.state.Ready(), ConsumerCount: uint32(len(q.state.Consumers()))}, true
	}
	return r, false
}
