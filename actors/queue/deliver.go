package queue

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/protocol"
)

// pump lets go what has expired, hands out what waits, drops what is too much, and sends what this turn has for consumers: one
// message each.
func (q *Queue) pump(ctx actor.Context) {
	if !q.closing {
		q.expire(ctx)
		q.handOut()
		q.askForGrants(ctx)
		q.keepWithin()
		if q.expires() { // another one is at the head by now, perhaps, and nothing else need ever happen
			q.expire(ctx)
		}
		q.handOutDead(ctx)
	}
	q.sendOutgoing(ctx)
	q.publishStats()
}

// sendOutgoing sends what this turn has for consumers so far.
func (q *Queue) sendOutgoing(ctx actor.Context) {
	for i, o := range q.outgoing {
		o.deliveries.Ready = q.state.Ready()
		if p := q.peer(o.session); p != nil {
			ctx.Send(p, o.deliveries)
		}
		q.outgoing[i] = outgoing{}
	}
	q.outgoing = q.outgoing[:0]
}

// handOut gives what waits to the consumers that have room, in even shares and in turn. Nothing goes to a consumer while one with a
// higher priority has room.
func (q *Queue) handOut() {
	for q.state.Ready() > 0 {
		var buf [16]*ready.Consumer
		able := buf[:0]
		for _, c := range q.state.Candidates() {
			if len(able) > 0 && c.Priority < able[0].Priority {
				break
			}
			if w := q.windows[c.Key]; w != nil && !c.Shared && w.room(c) > 0 {
				if _, share := q.allows(w); share.Messages > 0 {
					able = append(able, c)
				}
			}
		}
		if len(able) == 0 || q.waits() {
			break
		}
		share := max(1, int(q.state.Ready())/len(able))
		for _, c := range able {
			q.deliverTo(c, share)
		}
	}
}

// deliverTo delivers up to n messages to a consumer, as far as its window reaches.
func (q *Queue) deliverTo(c *ready.Consumer, n int) {
	w := q.windows[c.Key]
	for n > 0 {
		held, share := q.allows(w)
		room := min(n, w.room(c), share.Messages)
		in, redelivered := q.state.Next(uint64(max(0, room)))
		if in.N == 0 {
			return
		}
		if in.N, _ = q.state.Missing(in); in.N == 0 {
			return
		}
		bytes := 0
		in.N, bytes = q.fit(in, min(windowBytes-w.bytes, share.Bytes))
		seq := c.Sent + 1
		q.happen(&ready.Delivered{Key: c.Key, Interval: in, Redelivered: redelivered})
		w.sent(c.Sent, bytes)
		q.took(held, in)
		n -= int(in.N)
		q.addParts(c.Key, ready.Run{Seq: seq, First: in.First, N: in.N, Redelivered: redelivered})
	}
}

// fit is how many messages of an interval go into budget bytes, at least one, and what they hold.
func (q *Queue) fit(in ready.Interval, budget int) (n uint64, bytes int) {
	q.state.Walk(in, func(_ string, messages []protocol.Message) {
		for i := range messages {
			if n > 0 && bytes >= budget {
				return
			}
			bytes += messages[i].Size()
			n++
		}
	})
	return n, bytes
}

// deliver sends a run again, counting it in the consumer's window.
func (q *Queue) deliver(k ready.Key, run ready.Run) {
	bytes := q.addParts(k, run)
	if w := q.windows[k]; w != nil {
		w.sent(run.Seq+run.N-1, bytes)
	}
}

// addParts puts the messages of a run into what this turn sends to the consumer.
func (q *Queue) addParts(k ready.Key, run ready.Run) (bytes int) {
	d := q.deliveriesTo(k)
	seq := run.Seq
	q.state.Walk(ready.Interval{First: run.First, N: run.N}, func(exchange string, messages []protocol.Message) {
		d.Parts = append(d.Parts, Delivery{Seq: seq, Exchange: exchange, Redelivered: run.Redelivered, Reason: run.Reason, Messages: messages})
		seq += uint64(len(messages))
		for i := range messages {
			bytes += messages[i].Size()
		}
	})
	q.Slot.Delivered.Add(int64(run.N))
	return bytes
}

// outgoing is what this turn sends to one consumer.
type outgoing struct {
	session    uint64
	deliveries *Deliveries
}

func (q *Queue) deliveriesTo(k ready.Key) *Deliveries {
	for _, o := range q.outgoing {
		if o.session == k.Session && o.deliveries.Consumer == k.Consumer {
			return o.deliveries
		}
	}
	d := &Deliveries{Queue: q.Slot, Consumer: k.Consumer}
	q.outgoing = append(q.outgoing, outgoing{k.Session, d})
	return d
}

// publishStats brings the slot's counters and the node's ledger up to date.
func (q *Queue) publishStats() {
	q.Slot.hold(q.incarnation)
	q.Slot.Ready.Store(int64(q.state.Ready()))
	q.Slot.Unacked.Store(int64(q.state.Unacked()))
	q.Slot.ReadyBytes.Store(int64(q.state.Bodies()))
	q.Slot.UnackedBytes.Store(int64(q.state.Out()))
	q.Slot.OnDisk.Store(int64(q.state.OnDisk()))
	q.Slot.Dying.Store(int64(q.state.Dying()))
	q.account()
	if now := int64(q.state.Resident()); now != q.Slot.Bytes.Load() {
		q.Slot.Bytes.Store(now)
		if now == 0 { // let go of the last messages, which the stream still holds
			q.stream.Fold(q.incarnation)
		}
	}
}

// account brings the node's ledger of memory up to date.
func (q *Queue) account() {
	if now := q.state.Own(); now != q.accounted {
		q.Ledger.Resident(now - q.accounted)
		q.accounted = now
		q.Slot.own.Store(int64(now))
	}
}
