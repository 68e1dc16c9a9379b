package queue

import (
	"cmp"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/actors/queue/settings"
	"warren/protocol"
	"warren/supervision"
)

func (q *Queue) enqueue(ctx actor.Context, m *Enqueue) {
	if m.Incarnation != q.incarnation || q.closing {
		return // its session sends it again, to this incarnation
	}
	if q.state.LastSeq(m.Link) == 0 && q.peer(m.Link.Session) == nil {
		return // a late copy: a session ends only when all it published is in its queues, and its link was swept since
	}
	if fresh := q.state.Fresh(m.Link, m.Messages); len(fresh) > 0 {
		var poison []protocol.Message
		if q.suspicious {
			fresh, poison = q.setAside(m, fresh)
		}
		if q.Poison != "" {
			for i := range fresh {
				supervision.Taste(q.Poison, "queue", fresh[i].Body)
			}
		}
		q.expire(ctx)
		q.happen(q.arrival(m, q.keep(m, fresh), poison))
		q.Slot.Published.Add(int64(len(fresh)))
	} else if q.state.Refusing(m.Link, m.Settled) {
		q.happen(&ready.Refused{Link: m.Link, Settled: m.Settled})
	}
	if q.state.Links() > q.sweepAt {
		q.sweep()
	}
	// What can be delivered at once is, also what expires at once (contract Q-08).
	q.handOut()
	slowed := q.overfull() || q.biased(ctx)
	q.pump(ctx)
	if slowed {
		q.owe(m.Link)
	} else { // behind the pump, which shows the counts: whoever hears that it is here finds it there
		q.accepted(ctx, m.Link)
	}
	if q.suspicious {
		q.Slot.remember().poison.Survived(m.Link, m.Messages)
		q.suspicious = q.Slot.suspicious()
	}
}

// arrival is the event that messages arrive: those there is room for, each on its level, and the others refused, with those that are
// set aside.
func (q *Queue) arrival(m *Enqueue, kept ready.Content, poison []protocol.Message) ready.Event {
	messages, refused := q.admit(kept.Messages)
	if kept.Messages = messages; len(refused) > 0 {
		kept.Encoded = nil
	}
	if len(refused) == 0 && len(poison) == 0 && !q.state.Refusing(m.Link, m.Settled) {
		return q.leveled(m, kept)
	}
	all := &ready.Together{}
	if len(messages) > 0 {
		all.Events = append(all.Events, q.leveled(m, kept))
	}
	note := &ready.Refused{Link: m.Link, Settled: m.Settled}
	for i := range refused {
		note.Sequences = append(note.Sequences, ready.Interval{First: refused[i].Seq, N: 1})
	}
	for i := range poison {
		note.Sequences = append(note.Sequences, ready.Interval{First: poison[i].Seq, N: 1})
	}
	all.Events = append(all.Events, note)
	if len(refused) > 0 && q.settings.Overflow == settings.RejectPublishDLX && q.deadLetters() {
		all.Events = append(all.Events, q.refusedDead(m, refused, messages)...)
	}
	return all
}

// refusedDead has messages that are refused come in as dead, all on the lowest level, behind those that were taken with them.
func (q *Queue) refusedDead(m *Enqueue, refused, taken []protocol.Message) []ready.Event {
	first := q.state.NextIndex(0)
	for i := range taken {
		if q.level(&taken[i]) == 0 {
			first++
		}
	}
	content := ready.Content{Exchange: m.Exchange, Messages: refused}
	q.stamp(&content)
	return []ready.Event{
		&ready.Enqueued{Link: m.Link, Content: content},
		&ready.Dropped{
			Intervals: []ready.Interval{{First: first, N: uint64(len(refused))}}, Reason: ready.MaxLength, DeadLetter: true,
		},
	}
}

// admit parts messages into those that there is room for and the others (contract Q-15).
func (q *Queue) admit(messages []protocol.Message) (taken, refused []protocol.Message) {
	s := q.settings
	if s.Overflow != settings.RejectPublish && s.Overflow != settings.RejectPublishDLX || !s.MaxLength.Set && !s.MaxLengthBytes.Set {
		return messages, nil
	}
	atOnce := 0
	for _, c := range q.state.Candidates() {
		if w := q.windows[c.Key]; w != nil {
			atOnce += min(w.room(c), len(messages))
		}
	}
	admitted := q.state.Admit(bound(s.MaxLength), bound(s.MaxLengthBytes), atOnce, func(i int) int { return len(messages[i].Body) }, len(messages))
	if !slices.Contains(admitted, false) {
		return messages, nil
	}
	for i, yes := range admitted {
		if yes {
			taken = append(taken, messages[i])
		} else {
			refused = append(refused, messages[i])
		}
	}
	return taken, refused
}

func (q *Queue) level(m *protocol.Message) ready.Level {
	return ready.Level(min(m.Priority, q.Slot.Settings().MaxPriority))
}

// leveled is the event that messages arrive, each on its level.
func (q *Queue) leveled(m *Enqueue, content ready.Content) ready.Event {
	messages := content.Messages
	if q.Slot.Settings().MaxPriority == 0 {
		q.stamp(&content)
		return &ready.Enqueued{Link: m.Link, Content: content}
	}
	var parts []*ready.Enqueued // by level
	for i := range messages {
		level := q.level(&messages[i])
		at, found := slices.BinarySearchFunc(parts, level, func(p *ready.Enqueued, l ready.Level) int { return cmp.Compare(p.Level, l) })
		if !found {
			parts = slices.Insert(parts, at, &ready.Enqueued{Link: m.Link, Level: level, Content: ready.Content{Exchange: m.Exchange, Common: content.Common}})
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
	if q.Slot.Settings().Holds.Set {
		c.Held, c.Arrived = true, q.now()
		c.Expiries = dues(c)
	} else if expiring := slices.ContainsFunc(c.Messages, expires); expiring || q.age.Limited {
		c.Arrived = q.now()
		c.Expiries = expiries(c)
	}
}

func expires(m protocol.Message) bool { return m.Flags.Has(protocol.FlagExpires) }

// expiries are when messages expire by their own time to live. The queue's is no property of theirs, since a policy may change it.
func expiries(c *ready.Content) []int64 {
	if c.Arrived == 0 || !slices.ContainsFunc(c.Messages, expires) {
		return nil
	}
	out := make([]int64, len(c.Messages))
	for i := range c.Messages {
		m := &c.Messages[i]
		if !m.Flags.Has(protocol.FlagExpires) {
			continue
		}
		if scan, err := protocol.ScanProperties(m.Properties); err == nil {
			if ms, err := protocol.ParseExpiration(scan.Expiration); err == nil {
				out[i] = c.Arrived + ms
			}
		}
	}
	return out
}

// dues are when messages that are held back go on their way.
func dues(c *ready.Content) []int64 {
	out := make([]int64, len(c.Messages))
	for i := range c.Messages {
		out[i] = c.Arrived + protocol.Delay(&c.Messages[i])
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
