// Package ready is the thinking of a queue: what waits in which order, who got what, and who is next. It has never heard of
// actors. The queue actor asks it what to do, appends the answer to the queue's stream as an event, and applies it.
package ready

import (
	"fmt"
	"maps"
	"slices"
)

// State is a queue as a fold over its events.
type State struct {
	lines    []line  // by level, as far as there were messages of it
	bytes    int     // of messages that are not settled
	resident int     // of those, in memory
	common   int     // of those, what other queues may have as well
	bodies   int     // bytes of the bodies that wait
	out      int     // and of those that consumers have
	unacked  uint64  // with consumers that acknowledge
	*apart           // straight, or the queue's own: see own
	saving   *saving // transient, or the queue's own

	links     map[Link]uint64   // last sequence applied. This map and the next ones are made when they are needed: many a queue idles
	commanded map[uint64]uint64 // session -> last command applied
	consumers map[Key]*Consumer // all that hold or may get messages
	order     []*Consumer       // those that may get messages, in order of their turn
	sharing   int32             // of order, those that are Shared

	holding bool // it counts as one of those that may have what is common
	expires bool // there are, or were, messages that expire
	// HadConsumer is for auto-delete: only a queue that had consumers goes with the last of them.
	HadConsumer bool
}

// New returns an empty queue.
func New() *State {
	return &State{apart: straight, saving: transient}
}

// line returns the line of a level, and makes it when it is the first of its level.
func (s *State) line(l Level) *line {
	for len(s.lines) <= int(l) {
		s.lines = append(s.lines, newLine(Level(len(s.lines))))
	}
	return &s.lines[l]
}

func (s *State) lineOf(index uint64) *line { return s.line(LevelOf(index)) }

// Ready is the number of messages that wait.
func (s *State) Ready() (n uint64) {
	for i := range s.lines {
		n += s.lines[i].ready()
	}
	return n + uint64(len(s.schedule.heap))
}

// Unacked is the number of messages that consumers have and must acknowledge.
func (s *State) Unacked() uint64 { return s.unacked }

// Bytes is the size of unsettled messages, in memory or not.
func (s *State) Bytes() int { return s.bytes }

// Consumers are those that may get messages, in order of their turn. The caller must not change them.
func (s *State) Consumers() []*Consumer { return s.order }

// Consumer returns a consumer that holds or may get messages, or nil.
func (s *State) Consumer(k Key) *Consumer { return s.consumers[k] }

// LastSeq is the last sequence applied on a publish link.
func (s *State) LastSeq(l Link) uint64 { return s.links[l] }

// LastCommand is the last command applied of a session.
func (s *State) LastCommand(session uint64) uint64 { return s.commanded[session] }

// Sessions are all that this queue knows of: with commands, consumers or publish links.
func (s *State) Sessions() map[uint64]struct{} {
	out := make(map[uint64]struct{}, len(s.commanded)+len(s.links))
	for id := range s.commanded {
		out[id] = struct{}{}
	}
	for l := range s.links {
		out[l.Session] = struct{}{}
	}
	return out
}

// Links is the number of publish links in the state.
func (s *State) Links() int { return len(s.links) }

// EachLink calls f for every publish link with its last sequence.
func (s *State) EachLink(f func(l Link, last uint64)) {
	for l, last := range s.links {
		f(l, last)
	}
}

// Apply changes the state by one event.
func (s *State) Apply(e Event) {
	switch e := e.(type) {
	case *Enqueued:
		s.enqueued(e)
	case *Refused:
		s.refuse(e)
	case *Together:
		for _, part := range e.Events {
			s.Apply(part)
		}
	case *Delivered:
		s.delivered(e)
	case *Settled:
		s.settled(e.Key, e.First, e.Last, e.Outcome)
	case *Subscribed:
		c := e.Consumer
		s.consume(&c)
		if c.DeadLetters {
			s.own().undertaker = c.Key
			break
		}
		s.enter(&c)
		if c.Shared {
			s.sharing++
		}
		s.HadConsumer = true
	case *Shared:
		s.share(s.consumers[e.Key], e.On)
	case *Unsubscribed:
		s.unsubscribed(e.Key)
	case *GetterMade:
		s.consume(&Consumer{Key: e.Key, NoAck: e.NoAck})
	case *Released:
		s.released(e)
	case *Dropped:
		s.dropped(e)
	case *Purged:
		s.purged()
	case *Commanded:
		for _, part := range e.Events {
			s.Apply(part)
		}
		if s.commanded == nil {
			s.commanded = map[uint64]uint64{}
		}
		s.commanded[e.Session] = e.Seq
	case *SessionEnded:
		s.sessionEnded(e)
	case *Recovered:
		s.recovered(e)
	case *Saved:
		s.saved()
	case *Synced:
		s.synced(e.Upto)
	case *Spooled:
		s.spooled(e)
	case *Stowed:
		s.stowed(e.Upto)
	case *PagedOut:
		s.pagedOut(e)
	case *PagedIn:
		s.pagedIn(e)
	case *Unreadable:
		s.unreadable(e)
	case *Packed:
		s.packed(e)
	case *Chilled:
		s.chilled(e)
	case *LinksDropped:
		for _, l := range e.Links {
			delete(s.links, l)
			delete(s.refused, l)
		}
	default:
		panic(fmt.Sprintf("queue: event %T", e))
	}
}

func (s *State) enqueued(e *Enqueued) {
	l := s.line(e.Level)
	x, stored := newExtent(l.next, &e.Content)
	if s.Ready() == 0 {
		s.bodies = 0 // an estimate ends here
	}
	if s.saving.on && stored > 0 {
		s.stored(e, &x)
	}
	l.extents.push(x)
	l.next += uint64(x.n)
	s.bytes += x.left
	s.comes(&e.Content, x.left)
	s.bodies += x.body
	if e.Held {
		l.cursor = l.next // they wait in the schedule, and have no turn
		schedule := &s.own().schedule
		for i, at := range e.Expiries {
			schedule.push(due{at, x.first + uint64(i)})
		}
	} else {
		s.expires = s.expires || e.Arrived != 0
	}
	s.linked(e.Link, e.Messages[len(e.Messages)-1].Seq)
}

// linked enters that a link has come to a sequence.
func (s *State) linked(l Link, seq uint64) {
	if s.links == nil {
		s.links = map[Link]uint64{}
	}
	s.links[l] = max(s.links[l], seq)
}

// consume enters a consumer that may get messages.
func (s *State) consume(c *Consumer) {
	if s.consumers == nil {
		s.consumers = map[Key]*Consumer{}
	}
	s.consumers[c.Key] = c
}

func (s *State) delivered(e *Delivered) {
	c := s.consumers[e.Key]
	c.deliver(e.Interval, e.Redelivered, e.Reason)
	if e.Reason != Consumed {
		s.takeDead(e.Interval)
		return
	}
	l := s.lineOf(e.Interval.First)
	l.take(e.Interval)
	bodies := l.extents.bodies(e.Interval)
	s.bodies -= bodies
	s.out += bodies
	if !e.Redelivered {
		s.note(&s.saving.delivered, e.Interval)
	}
	if !c.NoAck {
		s.unacked += e.Interval.N
	}
	if len(s.order) > 1 {
		s.yieldTurn(c)
	}
}

func (s *State) settled(k Key, first, last uint64, how Outcome) {
	c := s.consumers[k]
	back := 0
	c.take(first, last, func(in Interval, why Reason) {
		l := s.lineOf(in.First)
		l.extents.thaw(in)
		bodies := l.extents.bodies(in)
		if why == Consumed {
			s.out = max(0, s.out-bodies)
		}
		switch {
		case how == Requeued && why != Consumed:
			s.dead = slices.Insert(s.dead, back, Dead{in, why}) // who published dead letters is gone: the next one does
			back++
		case how == Requeued:
			l.returned.add(in)
			s.bodies += bodies
		case how == Buried:
			s.bury(in, Rejected)
		default:
			s.settle(in)
			if why != Consumed {
				s.dying -= in.N
			}
		}
		if !c.NoAck && why == Consumed {
			s.unacked -= in.N
		}
	})
	s.dropIfIdle(c)
}

// settle lets go of messages.
func (s *State) settle(in Interval) {
	s.note(&s.saving.settled, in)
	l := s.lineOf(in.First)
	bytes, resident, shared := l.extents.settle(in, func(e *extent) {
		if e.content != nil {
			s.goes(e.content, 0)
		} else {
			l.paged.remove(Interval{e.first, uint64(e.n)})
		}
		if e.spool != 0 {
			s.spool.settled++
		}
	}, func(c *Chapter) {
		l.paged.remove(Interval{c.First, c.End - c.First})
		if c.spooled > 0 {
			s.spool.settled += c.spooled
		}
	})
	s.bytes -= bytes
	s.resident -= resident
	s.common -= shared
}

// dropIfIdle forgets a consumer that neither holds nor may get anything. The get consumer of a session stays while the
// session does, because its delivery sequence must go on.
func (s *State) dropIfIdle(c *Consumer) {
	if c.Cancelled && c.unsettled == 0 {
		delete(s.consumers, c.Key)
	}
}

func (s *State) unsubscribed(k Key) {
	c := s.consumers[k]
	s.share(c, false)
	c.Cancelled = true
	s.order = slices.DeleteFunc(s.order, func(o *Consumer) bool { return o == c })
	s.dropIfIdle(c)
}

func (s *State) purged() {
	for i := range s.lines {
		l := &s.lines[i]
		l.waiting(func(in Interval) bool {
			l.extents.thaw(in)
			s.bodies -= l.extents.bodies(in)
			s.settle(in)
			return true
		})
		l.returned, l.fresh = intervals{}, intervals{}
		l.cursor = l.next
	}
	if len(s.schedule.heap) == 0 {
		return
	}
	for _, d := range s.schedule.heap {
		s.lineOf(d.index).extents.thaw(Interval{d.index, 1})
		s.settle(Interval{d.index, 1})
	}
	s.schedule = schedule{}
}

func (s *State) sessionEnded(e *SessionEnded) {
	for k, c := range s.consumers {
		if k.Session != e.Session {
			continue
		}
		if !c.Cancelled {
			s.unsubscribed(k)
		}
		if got := min(e.Received[k.Consumer], c.Sent); c.NoAck && len(c.runs) > 0 && c.runs[0].Seq <= got {
			s.settled(k, c.runs[0].Seq, got, Acked)
		}
		if len(c.runs) > 0 {
			s.settled(k, c.runs[0].Seq, c.Sent, Requeued)
		}
		delete(s.consumers, k)
	}
	delete(s.commanded, e.Session)
}

// Clone returns a copy that shares only what is never written again.
func (s *State) Clone() *State {
	c := *s
	c.holding = false
	c.lines = make([]line, len(s.lines))
	for i := range s.lines {
		c.lines[i] = s.lines[i].clone()
	}
	c.saving = s.saving.clone()
	c.apart = s.apart.clone()
	c.links = maps.Clone(s.links)
	c.commanded = maps.Clone(s.commanded)
	c.consumers = nil
	for k, v := range s.consumers {
		if c.consumers == nil {
			c.consumers = make(map[Key]*Consumer, len(s.consumers))
		}
		c.consumers[k] = v.clone()
	}
	c.order = make([]*Consumer, len(s.order))
	for i, v := range s.order {
		c.order[i] = c.consumers[v.Key]
	}
	return &c
}
