package ready

import (
	"fmt"

	"warren/protocol"
)

// Fresh returns the messages of a batch that this link has not brought before: a batch is sent again after a restart
// on its way, and what had arrived arrives once.
func (s *State) Fresh(l Link, batch []protocol.Message) []protocol.Message {
	last := s.links[l]
	for len(batch) > 0 && batch[0].Seq <= last {
		batch = batch[1:]
	}
	return batch
}

// Next is the interval of messages that go out next, at most limit, all of them redelivered or none. N is 0 when nothing
// waits.
func (s *State) Next(limit uint64) (in Interval, redelivered bool) {
	for i := len(s.lines) - 1; i >= 0; i-- {
		if l := &s.lines[i]; l.ready() > 0 {
			return l.head(limit)
		}
	}
	return Interval{}, false
}

// Settle decides what a settlement of a consumer's deliveries first..last comes to: nothing when the consumer holds none of
// them any more, which is so for a settlement that arrives twice.
func (s *State) Settle(k Key, first, last uint64, how Outcome) *Settled {
	c := s.consumers[k]
	if c == nil {
		return nil
	}
	first, last = c.clip(first, last)
	if first > last {
		return nil
	}
	return &Settled{Key: k, First: first, Last: last, Outcome: how}
}

// OfSession returns the consumers of a session, those of basic.get included.
func (s *State) OfSession(session uint64) []*Consumer {
	var out []*Consumer
	for k, c := range s.consumers {
		if k.Session == session {
			out = append(out, c)
		}
	}
	return out
}

// Walk calls f with the parts of extents that hold the messages of in, in order. All are in memory.
func (s *State) Walk(in Interval, f func(exchange string, messages []protocol.Message)) {
	if in.N == 0 {
		return
	}
	s.lineOf(in.First).extents.walk(in, func(e *extent, from, to int) {
		if e.content == nil {
			panic(fmt.Sprintf("queue: message %d is needed and not in memory", e.first+uint64(from)))
		}
		f(e.content.Exchange, e.content.Messages[from:to:to])
	})
}

// Exclusive returns the consumer that holds the queue for itself, or nil.
func (s *State) Exclusive() *Consumer {
	for _, c := range s.order {
		if c.Exclusive {
			return c
		}
	}
	return nil
}
