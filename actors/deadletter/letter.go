package deadletter

import (
	"warren/actors/exchange"
	"warren/actors/queue/ready"
	"warren/actors/session"
	"warren/protocol"
)

// next is what becomes of the first deliveries that were taken, as far as they are of one queue: they go to its dead letter
// exchange, which may be internal and of any type and asks for no permission, or nowhere when there is none (contract Q-11). lost
// hears of a message that cannot be read.
func (s *State) next(find func(exchange.Name) *exchange.Slot, now protocol.Timestamp, lost func(*session.Delivered, error)) *Posted {
	source := s.taken[0].Queue
	to, key := source.DeadLetters()
	if source.Settings().Holds.Set { // back to the exchange that had them held back (contract X-11)
		to = source.Settings().Holds
	}
	e := &Posted{}
	if to.Set {
		e.Exchange = find(exchange.Name(to.Value))
	}
	death := protocol.Death{
		Queue: string(source.Name), Time: now,
		RoutingKey: key.Value, Rerouted: key.Set,
	}
	for _, d := range s.taken {
		if d.Queue != source {
			break
		}
		e.Taken++
		death.Reason, death.Exchange = d.Delivery.Reason.String(), d.Delivery.Exchange
		for i := range d.Delivery.Messages {
			tag := d.FirstTag + uint64(i)
			if e.Exchange == nil {
				e.drop(tag)
				continue
			}
			m, err := letter(d.Delivery.Messages[i], d.Delivery.Reason, death)
			if err != nil {
				lost(d, err)
				e.drop(tag)
				continue
			}
			m.Seq = s.Published() + uint64(len(e.Messages)) + 1
			e.add(flight{m.Seq, tag, 1, source})
			e.Messages = append(e.Messages, m)
		}
	}
	return e
}

// letter is a message as it is published: with the story of its death, or, where it was only held back, with what says that it was.
func letter(m protocol.Message, why ready.Reason, death protocol.Death) (protocol.Message, error) {
	if why == ready.Due {
		return protocol.Released(m)
	}
	return protocol.DeadLetter(m, death)
}

func (e *Posted) add(f flight) {
	if n := len(e.Flights); n > 0 && e.Flights[n-1].tag+e.Flights[n-1].n == f.tag {
		e.Flights[n-1].n++
		return
	}
	e.Flights = append(e.Flights, f)
}

func (e *Posted) drop(tag uint64) {
	if n := len(e.Dropped); n > 0 && e.Dropped[n-1].Last+1 == tag {
		e.Dropped[n-1].Last = tag
		return
	}
	e.Dropped = append(e.Dropped, session.TagRange{First: tag, Last: tag, Outcome: ready.Acked})
}
