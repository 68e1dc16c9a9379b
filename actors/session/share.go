package session

import (
	"maps"
	"slices"

	"warren/actors/queue"
)

// Share is what sets the limit that all consumers have together (contract P-46): those that do not acknowledge have none.
//
// Differs: in RabbitMQ consumers without acknowledgements do not count either, but wait when the others have reached the limit. The
// specification has the prefetch ignored for them (AMQP 0-9-1, basic.qos, prefetch-count).
func (s *State) Share(limit int) []any {
	events := []any{&Limited{Limit: limit}}
	if (limit > 0) == (s.Limit > 0) {
		return events
	}
	for _, tag := range slices.Sorted(maps.Keys(s.Consumers)) {
		if c := s.Consumers[tag]; !c.NoAck {
			events = append(events, &Commanded{Queue: c.Queue, Op: &queue.Share{Consumer: c.Number, On: limit > 0}})
		}
	}
	return events
}

// room is how many deliveries may be granted now.
func (s *State) room() int { return s.Limit - s.Unacked.Consumed() - s.granted }

// grantsUsed ends the first n commands' grants: what they brought is among the unsettled deliveries.
func (s *State) grantsUsed(p *peer, n int) {
	if p.granted == 0 {
		return
	}
	for _, op := range p.pending[:n] {
		if grant, is := op.(*queue.Grant); is {
			p.granted -= grant.N
			s.granted -= grant.N
		}
	}
}

// Wants enters that a queue has something for a consumer that shares the limit. It is nothing that the state must know: a queue
// says it again to a session that resumes.
func (s *Session) Wants(m *queue.Wants) {
	if slices.Contains(s.wanting, m.Consumer) {
		return
	}
	if len(s.served) > 2*len(s.State.numbers)+16 { // of consumers that are gone
		maps.DeleteFunc(s.served, func(number uint32, _ uint64) bool { return s.State.numbers[number] == nil })
	}
	at := len(s.wanting)
	for at > 0 && s.served[s.wanting[at-1]] > s.served[m.Consumer] {
		at--
	}
	s.wanting = slices.Insert(s.wanting, at, m.Consumer)
}

// Grant shares what the limit leaves among the consumers for which there is something, in even parts and in turn: whose last turn is
// longest ago comes first, and not whose queue is quickest.
func (s *Session) Grant(happen func(*Commanded)) {
	for len(s.wanting) > 0 {
		room := s.State.room()
		c := s.State.numbers[s.wanting[0]]
		if c != nil && s.State.Limit > 0 {
			if room <= 0 {
				return
			}
			s.turn++
			if s.served == nil {
				s.served = map[uint32]uint64{}
			}
			s.served[c.Number] = s.turn
			happen(&Commanded{Queue: c.Queue, Op: &queue.Grant{Consumer: c.Number, N: max(1, room/len(s.wanting))}})
		}
		s.wanting = slices.Delete(s.wanting, 0, 1)
	}
}
