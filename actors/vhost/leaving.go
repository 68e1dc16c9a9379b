package vhost

import (
	"warren/actors/exchange"
	"warren/actors/queue"
)

// leaving are the slots of queues and exchanges that are deleted and whose actors may not have ended. What they leave behind is forgotten
// when that is so: by the actor in its last turn, and here for one that was between two lives just then. Otherwise a namesake that is
// declared later takes the remains for its own past.
type leaving struct {
	queues    map[*queue.Slot]struct{}
	exchanges map[*exchange.Slot]struct{}
}

func (l *leaving) queue(s *queue.Slot) {
	if l.queues == nil {
		l.queues = map[*queue.Slot]struct{}{}
	}
	l.queues[s] = struct{}{}
}

func (l *leaving) exchange(s *exchange.Slot) {
	if l.exchanges == nil {
		l.exchanges = map[*exchange.Slot]struct{}{}
	}
	l.exchanges[s] = struct{}{}
}

func (l *leaving) queueLeft(s *queue.Slot, v *VHost) {
	delete(l.queues, s)
	s.Forget(v.Streams, v.Ledger)
}

func (l *leaving) exchangeLeft(s *exchange.Slot, v *VHost) {
	delete(l.exchanges, s)
	s.Forget(v.Streams, v.Sessions, v.Ledger)
}

// allLeft is for an incarnation that begins: no actor of the one before is there any more.
func (l *leaving) allLeft(v *VHost) {
	for s := range l.queues {
		l.queueLeft(s, v)
	}
	for s := range l.exchanges {
		l.exchangeLeft(s, v)
	}
}
