package session

import (
	"maps"
	"slices"

	"warren/actors/queue"
	"warren/actors/queue/ready"
)

// peer is a queue this session has had commands for. It stays until the session ends, because the queue knows the session until then.
type peer struct {
	queue    *queue.Slot
	first    uint64 // sequence of pending[0]
	pending  []queue.Op
	received map[uint32]uint64 // newest delivery sequence, by consumer: of those that are there, and of those in over
	over     []over
	busy     int // place in State.busy, counted from 1; 0 when nothing is pending
	granted  int // deliveries that pending commands let come
	revoking int // commands among pending that end a consumer whose client did not ask for it
}

// over is a consumer of no-ack deliveries that was cancelled. What it received is not said to be lost before the queue has
// applied the command that settles all of it.
type over struct {
	seq      uint64 // of that command
	consumer uint32
}

func (s *State) peer(q *queue.Slot) *peer {
	p := s.peers[q]
	if p == nil {
		p = &peer{queue: q, first: 1, received: map[uint32]uint64{}}
		if s.peers == nil {
			s.peers = map[*queue.Slot]*peer{}
		}
		s.peers[q] = p
	}
	return p
}

// next is the sequence of the command that comes next.
func (p *peer) next() uint64 { return p.first + uint64(len(p.pending)) }

// command adds a command to those that wait for their queue.
func (s *State) command(p *peer, op queue.Op) {
	p.pending = append(p.pending, op)
	switch op := op.(type) {
	case *queue.Cancel:
		if op.Revoked {
			p.revoking++
		}
	case *queue.Grant:
		p.granted += op.N
		s.granted += op.N
	}
	if p.busy == 0 {
		s.busy = append(s.busy, p)
		p.busy = len(s.busy)
	}
}

// idle takes a peer without pending commands out of the busy ones, whose order means nothing.
func (s *State) idle(p *peer) {
	if p.busy == 0 {
		return
	}
	last := len(s.busy) - 1
	s.busy[p.busy-1] = s.busy[last]
	s.busy[p.busy-1].busy = p.busy
	s.busy[last] = nil
	s.busy, p.busy = s.busy[:last], 0
}

// done forgets the commands that have been applied.
func (s *State) done(e *queue.Done) {
	p := s.peers[e.Queue]
	if p == nil || e.Upto < p.first {
		return
	}
	n := min(int(e.Upto-p.first+1), len(p.pending))
	revoked := p.revoked(n)
	s.grantsUsed(p, n)
	p.first += uint64(n)
	p.pending = slices.Delete(p.pending, 0, n)
	if len(p.pending) == 0 {
		s.idle(p)
	}
	for _, number := range revoked { // behind the last delivery to it, as with cancel-ok
		if c := s.numbers[number]; c != nil {
			s.unsubscribed(c.Tag)
			s.Outputs = append(s.Outputs, &Cancelled{Tag: c.Tag})
		}
	}
	for len(p.over) > 0 && p.over[0].seq < p.first {
		delete(p.received, p.over[0].consumer)
		p.over = p.over[1:]
	}
}

// revoked are the consumers that the first n commands end without their client.
func (p *peer) revoked(n int) (numbers []uint32) {
	if p.revoking == 0 {
		return nil
	}
	for _, op := range p.pending[:n] {
		if cancel, is := op.(*queue.Cancel); is && cancel.Revoked {
			numbers = append(numbers, cancel.Consumer)
			p.revoking--
		}
	}
	return numbers
}

// unsubscribed forgets a consumer. Its queue has sent everything it will, and all of it has come. What must be acknowledged stays with
// the queue until then; what must not is settled as received, and only then the session forgets that it was: the word of the
// channel that it has left for the client may be lost with the queue.
func (s *State) unsubscribed(tag string) {
	c := s.Consumers[tag]
	if c == nil {
		return
	}
	delete(s.numbers, c.Number)
	delete(s.Consumers, tag)
	p := s.peers[c.Queue]
	if p == nil {
		return
	}
	got := p.received[c.Number]
	if !c.NoAck || got == 0 {
		delete(p.received, c.Number)
		return
	}
	p.over = append(p.over, over{p.next(), c.Number})
	s.command(p, &queue.Settle{Consumer: c.Number, First: 1, Last: got, Outcome: ready.Acked})
}

// expect has the queue hear of a consumer as long as it is not forgotten, also while it has received nothing.
func (s *State) expect(c *Consumer) {
	if p := s.peers[c.Queue]; p != nil {
		p.received[c.Number] += 0
	}
}

// Commanding says that commands wait for their queues.
func (s *State) Commanding() bool { return len(s.busy) > 0 }

// NextCommand is the sequence that the next command to a queue gets.
func (s *State) NextCommand(q *queue.Slot) uint64 {
	if p := s.peers[q]; p != nil {
		return p.next()
	}
	return 1
}

// clonePeers copies what may change.
func (s *State) clonePeers(from *State) {
	s.peers, s.busy = nil, make([]*peer, len(from.busy))
	if len(from.peers) > 0 {
		s.peers = make(map[*queue.Slot]*peer, len(from.peers))
	}
	for q, p := range from.peers {
		d := *p
		d.pending, d.received, d.over = slices.Clone(p.pending), maps.Clone(p.received), slices.Clone(p.over)
		s.peers[q] = &d
		if d.busy > 0 {
			s.busy[d.busy-1] = &d
		}
	}
}
