package queue

import (
	"fmt"
	"maps"
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/actors/queue/record"
	"warren/persistence"
)

// party is a session as a queue sees it, with a client that reads all it gets.
type party struct {
	w        *world
	session  uint64
	pid      *actor.PID
	first    uint64 // sequence of pending[0]
	pending  []Op
	mark     uint64 // command whose answer shows that the queue has heard of this incarnation
	received map[uint32]uint64
	taps     map[uint32]*tap // consumers that are there
	number   uint32
	unacked  []taken
	get      uint64 // command of the get that waits; 0 for none
	down     bool   // crashed, and not back yet
	leaving  bool
	limit    int // of what consumers that share it may have
	wanting  []uint32
}

type tap struct {
	noAck, shared, dead, cancelled bool
	prefetch                       int
}

type taken struct {
	consumer uint32
	seq      uint64
	name     uint32
}

func (c *party) command(ops ...Op) {
	if consume, is := ops[0].(*Consume); is {
		c.taps[consume.Consumer] = &tap{noAck: consume.NoAck, shared: consume.Shared, dead: consume.DeadLetters, prefetch: consume.Prefetch}
		c.received[consume.Consumer] += 0
	}
	first := c.first + uint64(len(c.pending))
	c.pending = append(c.pending, ops...)
	if !c.down {
		c.w.mail = append(c.w.mail, &Commands{Session: c.session, First: first, Ops: ops})
	}
}

// resume is for a queue that has a new incarnation, or a session that has.
func (c *party) resume() {
	switch {
	case c.down:
		return
	case c.leaving:
		c.leave()
		return
	}
	c.w.mail = append(c.w.mail, &Resume{Session: c.session, Received: maps.Clone(c.received)})
	if len(c.pending) > 0 {
		c.w.mail = append(c.w.mail, &Commands{Session: c.session, First: c.first, Ops: slices.Clone(c.pending)})
	}
}

// crash loses what the queue says until the session is back.
func (c *party) crash() { c.down, c.wanting = true, nil }

func (c *party) back() {
	if !c.down {
		return
	}
	if len(c.pending) > 0 { // as session.Mark
		c.mark = c.first + uint64(len(c.pending))
		c.pending = append(c.pending, &Inspect{})
	}
	c.down = false
	c.resume()
}

func (c *party) leave() {
	c.leaving = true
	c.w.mail = append(c.w.mail, &Commands{Session: c.session, First: c.first, Ops: []Op{&Leave{Received: maps.Clone(c.received)}}})
}

func (c *party) deliveries(m *Deliveries) {
	if c.down || c.leaving {
		return
	}
	k := c.taps[m.Consumer]
	for _, p := range m.Parts {
		for i := range p.Messages {
			seq, name := p.Seq+uint64(i), nameOf(&p.Messages[i])
			if seq != c.received[m.Consumer]+1 {
				continue
			}
			c.received[m.Consumer] = seq
			if m.Consumer < FirstConsumer {
				c.get = 0
			}
			if c.w.fate[name] {
				panic(fmt.Sprintf("message %d comes again", name))
			}
			if m.Consumer == GetConsumerNoAck || k != nil && k.noAck {
				c.w.fate[name] = true
			} else {
				c.unacked = append(c.unacked, taken{m.Consumer, seq, name})
			}
		}
	}
}

func (c *party) done(m *Done) {
	if c.down || m.Upto < c.mark || m.Upto < c.first && !c.leaving {
		return
	}
	if c.leaving {
		delete(c.w.clients, c.session)
		delete(c.w.sessions, c.session)
		c.w.slot.Unfollow(c.pid)
		return
	}
	for _, r := range m.Replies {
		if r.Seq == c.get && r.Empty {
			c.get = 0
		}
	}
	n := min(int(m.Upto-c.first+1), len(c.pending))
	for _, op := range c.pending[:n] {
		if cancel, is := op.(*Cancel); is {
			delete(c.taps, cancel.Consumer)
		}
	}
	c.first += uint64(n)
	c.pending = c.pending[n:]
}

// settle ends one delivery.
func (c *party) settle(at int, how ready.Outcome) {
	u := c.unacked[at]
	c.unacked = slices.Delete(c.unacked, at, at+1)
	dead := c.taps[u.consumer] != nil && c.taps[u.consumer].dead
	if how == ready.Acked || how == ready.Discarded && (dead || !c.w.set.DeadLetterExchange.Set) {
		c.w.fate[u.name] = true
	}
	c.command(&Settle{Consumer: u.consumer, First: u.seq, Last: u.seq, Outcome: how})
}

// goOn is what a session does by itself: it is back after a crash, what it got has left for its client, dead letters are published, and
// what its limit leaves is granted.
func (c *party) goOn() {
	c.back()
	if c.leaving {
		return
	}
	for _, n := range slices.Sorted(maps.Keys(c.received)) {
		got := c.received[n]
		key := ready.Key{Session: c.session, Consumer: n}
		k, there := c.w.q.state.Consumer(key), c.w.q.windows[key]
		if k != nil && there != nil && there.written < got || k != nil && k.NoAck && k.SettledUpTo() < got {
			c.w.mail = append(c.w.mail, &Credit{Key: key, Written: got})
		}
	}
	for len(c.unacked) > 0 && c.session == undertaker {
		c.settle(0, ready.Acked)
	}
	for len(c.wanting) > 0 && c.room() > 0 {
		c.command(&Grant{Consumer: c.wanting[0], N: c.room()})
		c.wanting = c.wanting[1:]
	}
}

// room is what the limit leaves.
func (c *party) room() int {
	n := c.limit
	for _, u := range c.unacked {
		if k := c.taps[u.consumer]; k != nil && k.shared {
			n--
		}
	}
	for _, op := range c.pending {
		if grant, is := op.(*Grant); is {
			n -= grant.N
		}
	}
	return n
}

func (c *party) has(consumer uint32) (n int) {
	for _, u := range c.unacked {
		if u.consumer == consumer {
			n++
		}
	}
	return n
}

// stuck says what the session waits for.
func (c *party) stuck() error {
	if c.get != 0 || len(c.pending) > 0 || c.leaving {
		return fmt.Errorf("%d commands are not done, of them a get: %v; it leaves: %v", len(c.pending), c.get != 0, c.leaving)
	}
	in, _ := c.w.q.state.Next(1)
	for n, k := range c.taps {
		room := k.noAck || k.prefetch == 0 || c.has(n) < k.prefetch
		if in.N > 0 && room && !k.cancelled && !k.dead && (!k.shared || c.room() > 0) {
			return fmt.Errorf("consumer %d has room, and %d messages wait", n, c.w.q.state.Ready())
		}
	}
	return nil
}

// part is what is read from a record, as the queue reads it.
func (w *world) part(a ready.Wanted, r persistence.Record) ready.Part {
	_, content, err := record.ParseEnqueued(slices.Concat(r.Payload, r.Tail.Bytes))
	if err != nil {
		panic(fmt.Sprintf("record %d: %v", a.Record, err))
	}
	content.Expiries = expiries(&content)
	return ready.Part{Wanted: a, Content: &content}
}
