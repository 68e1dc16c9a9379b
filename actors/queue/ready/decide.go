package ready

import "warren/protocol"

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
	if len(s.returned.runs) > 0 {
		in = s.returned.runs[0]
		redelivered = true
		if len(s.fresh.runs) > 0 { // from disk, and not delivered before: up to there, or from there
			switch next := s.fresh.runs[0]; {
			case next.First == in.First:
				in.N, redelivered = min(in.N, next.N), false
			default:
				in.N = min(in.N, next.First-in.First)
			}
		}
		in.N = min(in.N, limit)
		return in, redelivered
	}
	return Interval{First: s.cursor, N: min(s.next-s.cursor, limit)}, false
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

// Walk calls f with the parts of extents that hold the messages of in, in order.
func (s *State) Walk(in Interval, f func(exchange string, messages []protocol.Message)) {
	if in.N == 0 {
		return
	}
	s.extents.walk(in, func(e *Extent, from, to int) { f(e.Exchange, e.Messages[from:to:to]) })
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
