package session

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/actors/queue/ready"
	"warren/protocol"
)

// ExchangeGone takes over the link of an exchange that was deleted. What it had routed still goes where it was to go: nobody
// else is left to send it again, and a queue that has it already takes it once.
func (s *Session) ExchangeGone(ctx actor.Context, x *exchange.Slot) {
	p := s.State.ledger.links[x.ID]
	if p == nil {
		delete(s.links, x.ID)
		return
	}
	done := map[*queue.Slot]struct{}{}
	for _, r := range p.runs.all() {
		for _, q := range r.route.Queues {
			if _, known := done[q]; !known {
				done[q] = struct{}{}
				s.forward(ctx, p, q)
			}
		}
	}
}

// forwardTo sends a queue that restarted what waits for it on links without an exchange.
func (s *Session) forwardTo(ctx actor.Context, q *queue.Slot) {
	for _, p := range s.State.ledger.links {
		if p.orphan {
			s.forward(ctx, p, q)
		}
	}
}

// forward is the part of an exchange that needs no table: one batch of everything on the link that a queue may not have.
func (s *Session) forward(ctx actor.Context, p *publishLink, q *queue.Slot) {
	var messages []protocol.Message
	for _, r := range p.runs.all() {
		if r.leadsTo(q) {
			messages = append(messages, r.messages[min(r.accepted, r.confirmed):]...)
		}
	}
	if len(messages) == 0 {
		return
	}
	if s.peers[q] == nil {
		s.livePeer(q) // to be unfollowed
	}
	s.follow(ctx, q)
	ctx.Send(q.PID(), &queue.Enqueue{
		Link:        ready.Link{Session: s.ID, Exchange: p.slot.ID},
		Incarnation: q.Incarnation(),
		Exchange:    string(p.slot.Name),
		Messages:    messages,
	})
}
