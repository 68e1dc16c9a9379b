package queue

import (
	"cmp"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/actors/queue/settings"
	"warren/protocol"
)

func (q *Queue) enqueue(ctx actor.Context, m *Enqueue) {
	if m.Incarnation != q.incarnation || q.closing {
		return // its session sends it again, to this incarnation
	}
	if q.state.LastSeq(m.Link) == 0 && q.peer(m.Link.Session) == nil {
		return // a late copy: a session ends only when all it published is in its queues, and its link was swept since
	}
	if fresh := q.state.Fresh(m.Link, m.Messages); len(fresh) > 0 {
		q.expire(ctx)
		if !q.passing(fresh) {
			fresh = protocol.CopyOut(fresh)
		}
		q.happen(q.arrival(m.Link, m.Exchange, fresh))
		q.Slot.Published.Add(int64(len(fresh)))
	}
	if q.state.Links() > q.sweepAt {
		q.sweep()
	}
	// What can be delivered at once is, also what expires at once (contract Q-08).
	q.handOut()
	q.accepted(ctx, m.Link)
	q.pump(ctx)
}

// arrival is the event that messages arrive, each on its level.
func (q *Queue) arrival(l ready.Link, exchange string, messages []protocol.Message) ready.Event {
	content := ready.Content{Exchange: exchange, Messages: messages}
	if q.Slot.Settings.MaxPriority == 0 {
		q.stamp(&content)
		return &ready.Enqueued{Link: l, Content: content}
	}
	var parts []*ready.Enqueued // by level
	for i := range messages {
		level := ready.Level(min(messages[i].Priority, q.Slot.Settings.MaxPriority))
		at, found := slices.BinarySearchFunc(parts, level, func(p *ready.Enqueued, l ready.Level) int { return cmp.Compare(p.Level, l) })
		if !found {
			parts = slices.Insert(parts, at, &ready.Enqueued{Link: l, Level: level, Content: ready.Content{Exchange: exchange}})
		}
		parts[at].Messages = append(parts[at].Messages, messages[i])
	}
	// What is confirmed goes by the first message of the oldest record, so that the parts come in the order of theirs.
	slices.SortFunc(parts, func(a, b *ready.Enqueued) int { return cmp.Compare(a.Messages[0].Seq, b.Messages[0].Seq) })
	all := &ready.Together{}
	for _, p := range parts {
		q.stamp(&p.Content)
		all.Events = append(all.Events, p)
	}
	return all
}

// stamp says when messages expire, if any of them does.
func (q *Queue) stamp(c *ready.Content) {
	if expires(&q.Slot.Settings, c.Messages) {
		c.Arrived = q.now()
		c.Expiries = expiries(&q.Slot.Settings, c)
	}
}

func expires(s *settings.Settings, messages []protocol.Message) bool {
	return s.MessageTTL.Set || slices.ContainsFunc(messages, func(m protocol.Message) bool { return m.Flags.Has(protocol.FlagExpires) })
}

// expiries are when messages expire: the queue's time to live or their own, whichever is less (contract Q-08).
func expiries(s *settings.Settings, c *ready.Content) []int64 {
	if c.Arrived == 0 {
		return nil
	}
	out := make([]int64, len(c.Messages))
	for i := range c.Messages {
		m := &c.Messages[i]
		if s.MessageTTL.Set {
			out[i] = c.Arrived + s.MessageTTL.Value.Milliseconds()
		}
		if !m.Flags.Has(protocol.FlagExpires) {
			continue
		}
		if scan, err := protocol.ScanProperties(m.Properties); err == nil {
			if ms, err := protocol.ParseExpiration(scan.Expiration); err == nil && (out[i] == 0 || c.Arrived+ms < out[i]) {
				out[i] = c.Arrived + ms
			}
		}
	}
	return out
}

// aliasFrom is how many bytes of messages are worth to alias the buffer they were read into while they wait for their
// acknowledgement; a buffer has up to 256 KiB.
const aliasFrom = 32 << 10

// passing says whether messages would all leave in this turn. Those may go on aliasing the buffer they were read into; what
// stays must own its bytes.
func (q *Queue) passing(messages []protocol.Message) bool {
	if q.state.Ready() > 0 || len(q.state.Consumers()) == 0 {
		return false
	}
	n, bytes := len(messages), 0
	for i := range messages {
		bytes += messages[i].Size()
	}
	for _, c := range q.state.Candidates() {
		if !c.NoAck && bytes < aliasFrom {
			return false // a few small messages must not keep a large buffer until they are acknowledged
		}
		// A consumer counts whose window holds the bytes of all of them, however they are shared out.
		if w := q.windows[c.Key]; w != nil && w.bytes+bytes <= windowBytes {
			n -= w.room(c)
		}
		if n <= 0 {
			return true
		}
	}
	return false
}

// sweep drops the links of sessions that are over: nobody sends anything again on them.
func (q *Queue) sweep() {
	var over []ready.Link
	q.state.EachLink(func(l ready.Link, _ uint64) {
		if q.Sessions.Lookup(l.Session) == nil {
			over = append(over, l)
			delete(q.peers, l.Session)
		}
	})
	if len(over) > 0 {
		q.happen(&ready.LinksDropped{Links: over})
	}
	q.sweepAt = max(sweepFrom, 2*q.state.Links())
}
