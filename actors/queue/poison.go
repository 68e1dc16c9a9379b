package queue

import (
	"slices"
	"sync"

	"warren/actors/queue/ready"
	"warren/protocol"
)

// Poison remembers, from one incarnation of an actor to the next, batches whose turn has panicked. It lives in a slot. A batch is sent
// again after a crash; one that kills twice would kill for ever, so it is set aside: logged, and its publisher nacked (DESIGN section 5).
// The zero value knows of none.
type Poison struct {
	mu       sync.Mutex
	suspects []Suspect // the oldest first
}

// Suspect is a range of sequences on a link, with how many turns it has killed. A batch may come again with others around it: guilty is
// what all of the turns had in common.
type Suspect struct {
	Link        ready.Link
	First, Last uint64
	Deaths      int
}

// deadly is how many deaths are enough.
const deadly = 2

// suspectsKept bounds what is remembered; the oldest is let go.
const suspectsKept = 32

// Killed enters that a turn with these messages panicked. Its actor calls it while it dies.
func (p *Poison) Killed(l ready.Link, messages []protocol.Message) {
	if len(messages) > 0 {
		p.KilledOver(l, messages[0].Seq, messages[len(messages)-1].Seq)
	}
}

// KilledOver enters that a turn with these sequences panicked.
func (p *Poison) KilledOver(l ready.Link, first, last uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.suspects {
		if s := &p.suspects[i]; s.Link == l && s.First <= last && first <= s.Last {
			s.First, s.Last = max(s.First, first), min(s.Last, last)
			s.Deaths++
			return
		}
	}
	if len(p.suspects) == suspectsKept {
		p.suspects = p.suspects[1:]
	}
	p.suspects = append(p.suspects, Suspect{Link: l, First: first, Last: last, Deaths: 1})
}

// Any says whether anything is remembered. An actor asks when it starts.
func (p *Poison) Any() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.suspects) > 0
}

// Part divides messages into those that may be dealt with and those that have killed twice.
func (p *Poison) Part(l ready.Link, messages []protocol.Message) (fine, poison []protocol.Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range messages {
		if p.guilty(l, messages[i].Seq) {
			poison = append(poison, messages[i])
		} else {
			fine = append(fine, messages[i])
		}
	}
	return fine, poison
}

// Guilty says whether something has killed twice.
func (p *Poison) Guilty(l ready.Link, seq uint64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.guilty(l, seq)
}

func (p *Poison) guilty(l ready.Link, seq uint64) bool {
	return slices.ContainsFunc(p.suspects, func(s Suspect) bool {
		return s.Link == l && s.Deaths >= deadly && s.First <= seq && seq <= s.Last
	})
}

// Forget is for a link that is over.
func (p *Poison) Forget(l ready.Link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.suspects = slices.DeleteFunc(p.suspects, func(s Suspect) bool { return s.Link == l })
}

// Survived enters that a turn with these messages ended, whatever became of them: they are not sent again.
func (p *Poison) Survived(l ready.Link, messages []protocol.Message) {
	if len(messages) == 0 {
		return
	}
	first, last := messages[0].Seq, messages[len(messages)-1].Seq
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.suspects[:0]
	for _, s := range p.suspects {
		if s.Link != l || s.First < first || s.Last > last {
			kept = append(kept, s)
		}
	}
	p.suspects = kept
}

// Summary is what a log line says of messages that are set aside: how many, their bytes, and the routing keys of the first few.
func Summary(messages []protocol.Message) (n, bytes int, keys []string) {
	const few = 5
	for i := range messages {
		bytes += messages[i].Size()
		if i < few {
			keys = append(keys, messages[i].RoutingKey)
		}
	}
	return len(messages), bytes, keys
}

// Crashed notes the one command that the turn was at when it panicked, also one that was put off until this turn, or the batch it was over.
func (q *Queue) Crashed(message any) {
	m, is := message.(*Enqueue)
	switch {
	case q.doing != 0:
		q.Slot.remember().poison.KilledOver(commandsOf(q.doingOf), q.doing, q.doing)
	case is:
		q.Slot.remember().poison.Killed(m.Link, m.Messages)
	}
}

// commandsOf stands for the commands of a session where a link is asked for; no exchange has the id 0.
func commandsOf(session uint64) ready.Link { return ready.Link{Session: session} }

// commandSetAside takes a command that has killed twice as one without effect. Its channel hears 541, and does so again when it asks again.
func (q *Queue) commandSetAside(session, seq uint64, op Op) Reply {
	q.Log.Error().Str("vhost", q.Slot.VHost).Str("queue", string(q.Slot.Name)).Uint64("session", session).Uint64("command", seq).
		Type("type", op).Interface("carried", op).Msg("command set aside: two turns with it panicked; its channel is told")
	q.happen(&ready.Commanded{Session: session, Seq: seq})
	return setAside(seq)
}

func setAside(seq uint64) Reply { return Reply{Seq: seq, Err: protocol.SetAside("queue")} }

// setAside takes out what has killed twice. It is refused with the event that brings the rest: what is refused moves the link on.
func (q *Queue) setAside(m *Enqueue, fresh []protocol.Message) (fine, poison []protocol.Message) {
	fine, poison = q.Slot.remember().poison.Part(m.Link, fresh)
	if n, bytes, keys := Summary(poison); n > 0 {
		q.Log.Error().Str("vhost", q.Slot.VHost).Str("queue", string(q.Slot.Name)).Str("exchange", m.Exchange).Strs("routing_keys", keys).
			Int("messages", n).Int("bytes", bytes).Uint64("session", m.Link.Session).Uint64("first", poison[0].Seq).
			Msg("batch set aside: two turns with it panicked; its publisher is told")
	}
	return fine, poison
}
