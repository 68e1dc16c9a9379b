// Package session is what every protocol's client has in common: publish links and the ledger of confirms, consume links and
// what is unacknowledged, transactions. It knows messages, sequences and slots, and no AMQP method.
//
// [State] is the thinking: a fold over the session's events. [Session] carries out what it decides.
package session

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/actors/queue/ready"
	"warren/protocol"
)

// State is a session as a fold over its events. Applying an event adds to Outputs what the client is to hear.
type State struct {
	published uint64 // sequence of the newest message
	Mode      Mode
	confirms  Confirms
	tagBase   uint64 // sequence of the newest message before confirm mode
	ledger    Ledger

	peers     map[*queue.Slot]*peer
	busy      []*peer              // with pending commands
	Consumers map[string]*Consumer // by tag
	numbers   map[uint32]*Consumer
	next      uint32 // number of the next consumer
	Unacked   Unacked
	Limit     int    // of unsettled deliveries to all consumers together, 0 for none
	granted   int    // deliveries that pending commands let come
	tag       uint64 // newest delivery tag

	staged      []staged // publishes of an open transaction
	stagedBytes int
	acks        []Settled

	Outputs []any
}

// Mode is what a session does with publishes.
type Mode uint8

const (
	Plain     Mode = iota
	Confirmed      // confirm.select
	Tx             // tx.select
)

// Consumer is one consumer of the session.
type Consumer struct {
	Tag    string
	Number uint32
	Queue  *queue.Slot
	NoAck  bool
}

type staged struct {
	exchange *exchange.Slot
	messages []protocol.Message
}

// NewState returns the state of a session that has done nothing. Its maps are made when they are needed: many a channel never does more.
func NewState() State {
	return State{next: queue.FirstConsumer}
}

// Drained says that every queue has everything that was published to it.
func (s *State) Drained() bool { return s.ledger.unaccepted == 0 }

// Safe says that everything that was published is as safe as it asks to be, or lost with its queue.
func (s *State) Safe() bool {
	for _, p := range s.ledger.links {
		if p.runs.len() > 0 {
			return false
		}
	}
	return true
}

// Unconfirmed is the number of messages the client waits for a confirm of, while in confirm mode.
func (s *State) Unconfirmed() int {
	if s.Mode != Confirmed {
		return 0
	}
	n := int(s.published - s.tagBase - (s.confirms.low - 1))
	for _, r := range s.confirms.done {
		n -= int(r.last - r.first + 1)
	}
	return n
}

// UnacceptedBytes is the memory held by messages that some queue on their route does not have yet.
func (s *State) UnacceptedBytes() int { return s.ledger.bytes }

// Slowest is a queue that does not have the oldest message on some link; nil when there is none.
func (s *State) Slowest() *queue.Slot { return s.ledger.slowest() }

// StagedBytes is the memory held by publishes that wait for tx.commit.
func (s *State) StagedBytes() int { return s.stagedBytes }

// NextNumber is the number of the next consumer.
func (s *State) NextNumber() uint32 { return s.next }

// Published is the sequence of the newest message.
func (s *State) Published() uint64 { return s.published }

// NewestTag is the newest delivery tag.
func (s *State) NewestTag() uint64 { return s.tag }

// Uncommitted are the messages and the settlements that wait for tx.commit.
func (s *State) Uncommitted() (messages, settlements int) {
	for _, st := range s.staged {
		messages += len(st.messages)
	}
	for _, a := range s.acks {
		for _, r := range a.Ranges {
			settlements += s.Unacked.countIn(r.First, r.Last)
		}
	}
	return messages, settlements
}

// Apply changes the state by one event.
func (s *State) Apply(e any) {
	switch e := e.(type) {
	case *Published:
		s.publish(e.Exchange, e.Messages)
	case *Lost:
		s.published = max(s.published, e.Messages[len(e.Messages)-1].Seq)
		s.settled(e.Messages, true)
	case *exchange.Routed:
		s.ledger.route(e.Exchange, e.Prev, e.Routes, s.unroutable(e.Exchange), s.settled)
	case *exchange.SetAside:
		s.ledger.setAside(e.Exchange, e.Sequences, s.settled)
	case *exchange.Gone:
		s.exchangeGone(e.Exchange)
	case *queue.Accepted:
		s.ledger.refuse(e.Exchange, e.Queue, e.Refused)
		s.ledger.accept(e.Exchange, e.Queue, mark{e.Accepted, e.Confirmed}, s.settled)
	case *queue.Deliveries:
		s.deliveries(e)
	case *queue.Done:
		s.done(e)
	case *queue.Gone:
		s.queueGone(e.Queue, false)
	case *queue.Crashed:
		s.queueGone(e.Queue, true)
	case *Commanded:
		s.command(s.peer(e.Queue), e.Op)
	case *Settled:
		if s.Mode == Tx {
			s.acks = append(s.acks, *e)
		} else {
			s.settle(e, false)
		}
	case *Recovered:
		s.recovered()
	case *Staged:
		s.published = max(s.published, e.Messages[len(e.Messages)-1].Seq)
		s.staged = append(s.staged, staged{e.Exchange, e.Messages})
		s.stagedBytes += size(e.Messages)
	case *Committed:
		for i := range s.staged {
			s.publish(s.staged[i].exchange, s.staged[i].messages)
		}
		for i := range s.acks {
			s.settle(&s.acks[i], true)
		}
		s.staged, s.acks, s.stagedBytes = nil, nil, 0
	case *RolledBack:
		s.staged, s.acks, s.stagedBytes = nil, nil, 0
	case *Subscribed:
		c := e.Consumer
		if s.Consumers == nil {
			s.Consumers, s.numbers = map[string]*Consumer{}, map[uint32]*Consumer{}
		}
		s.Consumers[c.Tag], s.numbers[c.Number] = &c, &c
		s.next = max(s.next, c.Number+1)
		s.expect(&c)
	case *Unsubscribed:
		s.unsubscribed(e.Tag)
	case *Limited:
		s.Limit = e.Limit
	case *ModeSet:
		s.Mode = e.Mode
		if e.Mode == Confirmed {
			s.tagBase, s.confirms.low = s.published, 1
		}
	default:
		panic(fmt.Sprintf("session: event %T", e))
	}
}

// publish enters messages, which were numbered when they came.
func (s *State) publish(x *exchange.Slot, messages []protocol.Message) {
	s.published = max(s.published, messages[len(messages)-1].Seq)
	s.ledger.publish(x, messages)
}

// unroutable returns what to do with messages that reach no queue: mandatory ones go back, before their confirm
// (contract P-33).
func (s *State) unroutable(x *exchange.Slot) func([]protocol.Message) {
	return func(messages []protocol.Message) {
		for i := range messages {
			if x.Name == "" && queue.IsReply(messages[i].RoutingKey) {
				continue // contract P-38: who asked is gone, and the reply is dropped
			}
			if messages[i].Flags.Has(protocol.FlagMandatory) {
				s.Outputs = append(s.Outputs, &Returned{Exchange: x.Name, Message: messages[i]})
			}
		}
	}
}

// settled tells the publisher, in confirm mode, that nothing waits for messages any more.
func (s *State) settled(messages []protocol.Message, lost bool) {
	switch {
	case s.Mode != Confirmed:
	case lost:
		s.rejected(messages)
	default:
		s.confirmed(messages)
	}
}

// confirmed acknowledges messages that are as safe as they ask to be.
func (s *State) confirmed(messages []protocol.Message) {
	var out []Confirm
	for len(messages) > 0 {
		n := 1
		for n < len(messages) && messages[n].Seq == messages[n-1].Seq+1 {
			n++
		}
		first, last := messages[0].Seq, messages[n-1].Seq
		if last > s.tagBase { // what was published before confirm.select has no tag
			first = max(first, s.tagBase+1)
			out = append(out, s.confirms.add(first-s.tagBase, last-s.tagBase)...)
		}
		messages = messages[n:]
	}
	if len(out) > 0 {
		s.Outputs = append(s.Outputs, &Acknowledged{Confirms: out})
	}
}

// rejected tells the publisher that messages are in doubt (basic.nack).
func (s *State) rejected(messages []protocol.Message) {
	out := &Acknowledged{}
	for i := range messages {
		if tag := messages[i].Seq - s.tagBase; messages[i].Seq > s.tagBase {
			s.confirms.add(tag, tag)
			out.Confirms = append(out.Confirms, Confirm{Tag: tag, Nack: true})
		}
	}
	s.Outputs = append(s.Outputs, out)
}

// exchangeGone: what the exchange has not routed goes nowhere.
func (s *State) exchangeGone(x *exchange.Slot) {
	s.ledger.orphan(x, s.unroutable(x), s.settled)
}

// settle tells the queues.
func (s *State) settle(e *Settled, sync bool) {
	for _, r := range e.Ranges {
		s.Unacked.take(r.First, r.Last, r.Outcome, func(q *queue.Slot, op *queue.Settle) {
			if q != nil {
				op.Sync = sync
				s.command(s.peer(q), op)
			}
		})
	}
}

// recovered gives back what is neither settled nor about to be with the transaction.
func (s *State) recovered() {
	var staged []TagRange
	for _, a := range s.acks {
		staged = append(staged, a.Ranges...)
	}
	slices.SortFunc(staged, func(a, b TagRange) int { return cmp.Compare(a.First, b.First) })
	back := &Settled{}
	next := uint64(1)
	for _, r := range append(staged, TagRange{First: s.tag + 1}) {
		if r.First > next {
			back.Ranges = append(back.Ranges, TagRange{First: next, Last: r.First - 1, Outcome: ready.Requeued})
		}
		next = max(next, r.Last+1)
	}
	s.settle(back, false)
}

// Expects says whether deliveries hold anything new: not all of it came before, nothing is missing in front, and there is
// somebody to get it.
func (s *State) Expects(e *queue.Deliveries) bool {
	p := s.peers[e.Queue]
	return p != nil && !s.stranger(e.Consumer) && slices.ContainsFunc(e.Parts, func(part queue.Delivery) bool { return p.expects(e.Consumer, &part) })
}

// stranger says that there is no such consumer, or not yet.
func (s *State) stranger(number uint32) bool {
	return number >= queue.FirstConsumer && s.numbers[number] == nil
}

func (p *peer) expects(consumer uint32, part *queue.Delivery) bool {
	got := p.received[consumer]
	return part.Seq <= got+1 && part.Seq+uint64(len(part.Messages)) > got+1
}

// deliveries gives the messages their tags. What came before, because it was sent again, is left out, and so is what comes
// behind a gap: this session restarted, and the queue sends all of it again when it resumes.
func (s *State) deliveries(e *queue.Deliveries) {
	p := s.peers[e.Queue]
	if p == nil || s.stranger(e.Consumer) {
		return
	}
	c := s.numbers[e.Consumer]
	for _, part := range e.Parts {
		if !p.expects(e.Consumer, &part) {
			continue
		}
		if got := p.received[e.Consumer]; part.Seq <= got {
			part.Messages, part.Seq = part.Messages[got+1-part.Seq:], got+1
		}
		p.received[e.Consumer] = part.Seq + uint64(len(part.Messages)) - 1
		first := s.tag + 1
		s.tag += uint64(len(part.Messages))
		noAck := e.Consumer == queue.GetConsumerNoAck || c != nil && c.NoAck
		if !noAck {
			s.Unacked.add(unackedRun{tag: first, n: uint64(len(part.Messages)), queue: e.Queue, consumer: e.Consumer, seq: part.Seq})
		}
		if e.Consumer < queue.FirstConsumer {
			s.Outputs = append(s.Outputs, &Got{Tag: first, Delivery: part, Ready: e.Ready, NoAck: noAck, Queue: e.Queue})
		} else {
			s.Outputs = append(s.Outputs, &Delivered{Tag: c.Tag, FirstTag: first, Delivery: part, Queue: e.Queue, Consumer: e.Consumer})
		}
	}
}

// queueGone ends everything with a queue that was deleted, whose messages count as safe, or given up, whose messages do not.
func (s *State) queueGone(q *queue.Slot, lost bool) {
	s.ledger.gone(q, lost, s.settled)
	if p := s.peers[q]; p != nil {
		s.grantsUsed(p, len(p.pending))
		s.idle(p)
		delete(s.peers, q)
	}
	s.Unacked.dropQueue(q)
	for _, tag := range slices.Sorted(maps.Keys(s.Consumers)) {
		if c := s.Consumers[tag]; c.Queue == q {
			delete(s.numbers, c.Number)
			delete(s.Consumers, tag)
			s.Outputs = append(s.Outputs, &Cancelled{Tag: tag})
		}
	}
}

// Clone returns a copy that shares only what is never written again. Consumers are not, after they are made.
func (s *State) Clone() State {
	c := *s
	c.confirms = s.confirms.clone()
	c.ledger = s.ledger.clone()
	c.clonePeers(s)
	c.Consumers, c.numbers = maps.Clone(s.Consumers), maps.Clone(s.numbers)
	c.Unacked = s.Unacked.clone()
	c.staged, c.acks = slices.Clone(s.staged), slices.Clone(s.acks)
	c.Outputs = slices.Clone(s.Outputs)
	return c
}

// Awaits says that a command to a queue has not been answered.
func (s *State) Awaits(q *queue.Slot, seq uint64) bool {
	p := s.peers[q]
	return p != nil && seq >= p.first && seq-p.first < uint64(len(p.pending))
}

// Staged says whether a settlement of the tag waits for tx.commit.
func (s *State) Staged(tag uint64) bool {
	for _, a := range s.acks {
		for _, r := range a.Ranges {
			if r.First <= tag && tag <= r.Last {
				return true
			}
		}
	}
	return false
}

// EachReceived yields the newest delivery sequence of every consumer, those of get included.
func (s *State) EachReceived(f func(q *queue.Slot, consumer uint32, seq uint64)) {
	for q, p := range s.peers {
		for consumer, seq := range p.received {
			f(q, consumer, seq)
		}
	}
}

// StagedExchanges are those that a commit publishes to.
func (s *State) StagedExchanges() []*exchange.Slot {
	var out []*exchange.Slot
	for _, st := range s.staged {
		if !slices.Contains(out, st.exchange) {
			out = append(out, st.exchange)
		}
	}
	return out
}
