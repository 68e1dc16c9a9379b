package session

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/actors/queue/ready"
)

// program makes events that can happen, in an order in which they can.
type program struct {
	*rand.Rand
	s         *State // on which they happened
	mode      Mode
	exchanges []*exchange.Slot
	queues    []*queue.Slot
	routed    map[*exchange.Slot]uint64
	seqs      map[*queue.Slot]map[uint32]uint64
	seq       uint64
	tags      int
}

func newProgram(seed uint64) *program {
	p := &program{Rand: dice(seed), s: state(), queues: newQueues(4), routed: map[*exchange.Slot]uint64{}, seqs: map[*queue.Slot]map[uint32]uint64{}}
	p.exchanges = []*exchange.Slot{newExchange(1), newExchange(2)}
	for _, q := range p.queues {
		p.seqs[q] = map[uint32]uint64{}
	}
	return p
}

func (p *program) queue() *queue.Slot       { return p.queues[p.IntN(len(p.queues))] }
func (p *program) exchange() *exchange.Slot { return p.exchanges[p.IntN(len(p.exchanges))] }

// next is one event, or nil.
func (p *program) next() any {
	switch p.IntN(14) {
	case 0, 1:
		ms := messages(p.seq+1, p.seq+1+p.Uint64N(6))
		p.seq += uint64(len(ms))
		if p.mode == Tx {
			return &Staged{Exchange: p.exchange(), Messages: ms}
		}
		return &Published{Exchange: p.exchange(), Messages: ms}
	case 2, 3:
		x := p.exchange()
		var queues []*queue.Slot
		for _, q := range p.queues {
			if p.IntN(2) == 0 {
				queues = append(queues, q)
			}
		}
		p.routed[x] = min(p.seq, p.routed[x]+1+p.Uint64N(4))
		return routed(x, p.routed[x], route(queues...))
	case 4, 5:
		x := p.exchange()
		m := accepted(x, p.queue(), p.Uint64N(p.routed[x]+1))
		m.Confirmed = p.Uint64N(m.Accepted + 1)
		return m
	case 6:
		return p.deliveries()
	case 7:
		first := 1 + p.Uint64N(p.s.tag+1)
		return &Settled{Ranges: []TagRange{{First: first, Last: first + p.Uint64N(3), Outcome: ready.Outcome(p.IntN(3))}}}
	case 8:
		return &Commanded{Queue: p.queue(), Op: &queue.Inspect{}}
	case 9:
		q := p.queue()
		return &queue.Done{Queue: q, Upto: p.Uint64N(p.s.NextCommand(q))}
	case 10:
		p.tags++
		c := Consumer{Tag: string(rune('a' + p.tags%26)), Number: p.s.NextNumber(), Queue: p.queue(), NoAck: p.IntN(2) == 0}
		if p.s.Consumers[c.Tag] != nil {
			return &Unsubscribed{Tag: c.Tag}
		}
		return &Subscribed{Consumer: c}
	case 11:
		if p.mode == Tx {
			return []any{&Committed{}, &RolledBack{}, &Recovered{}}[p.IntN(3)]
		}
		return &Recovered{}
	case 12:
		if p.mode == Plain && p.IntN(3) == 0 {
			p.mode = []Mode{Confirmed, Tx}[p.IntN(2)]
			return &ModeSet{Mode: p.mode}
		}
	case 13:
		if p.IntN(4) == 0 {
			return p.end()
		}
	}
	return nil
}

// deliveries are sometimes those of before, and sometimes too far ahead.
func (p *program) deliveries() any {
	q := p.queue()
	consumer := uint32(p.IntN(5))
	n := 1 + p.Uint64N(4)
	seq := p.seqs[q][consumer] + 1
	switch p.IntN(6) {
	case 0:
		seq -= min(seq-1, p.Uint64N(3))
	case 1:
		seq++
	default:
		p.seqs[q][consumer] += n
	}
	return &queue.Deliveries{Queue: q, Consumer: consumer, Parts: []queue.Delivery{{Seq: seq, Messages: messages(1, n)}}}
}

func (p *program) end() any {
	switch p.IntN(3) {
	case 0:
		return goneQueue(p.queue())
	case 1:
		return crashedQueue(p.queue())
	}
	return &exchange.Gone{Exchange: p.exchange()}
}

func TestFoldOfACloneIsTheSame(t *testing.T) {
	// Promise: a session is a fold over its events; a copy taken anywhere and brought up to date equals the one that was there
	// all along, and neither touches the other (DESIGN section 5).
	for seed := range uint64(150) {
		p := newProgram(seed)
		var events []any
		copies := map[int]State{0: p.s.Clone()}
		for range 200 {
			e := p.next()
			if e == nil {
				continue
			}
			p.s.Apply(e)
			events = append(events, e)
			if p.IntN(25) == 0 {
				copies[len(events)] = p.s.Clone()
			}
		}
		for at, c := range copies {
			for _, e := range events[at:] {
				c.Apply(e)
			}
			if got, want := c.Clone(), p.s.Clone(); !reflect.DeepEqual(got, want) { // clones have no memory to spare
				t.Fatalf("seed %d: copy taken at %d of %d differs:\n%+v\n%+v", seed, at, len(events), got, want)
			}
		}
	}
}

func TestFoldCountsWhatItHolds(t *testing.T) {
	// Promise: slab credit is computed from the session's ledger, so its counters are what its runs hold (DESIGN section 4, bytes).
	for seed := range uint64(150) {
		p := newProgram(seed)
		for range 300 {
			if e := p.next(); e != nil {
				p.s.Apply(e)
			}
			count, bytes := 0, 0
			for _, l := range p.s.ledger.links {
				for _, r := range l.runs.all() {
					count += len(r.messages) - r.accepted
					bytes += size(r.messages[r.accepted:])
				}
			}
			if p.s.ledger.unaccepted != count || p.s.UnacceptedBytes() != bytes {
				t.Fatalf("seed %d: counts %d in %d bytes, holds %d in %d", seed, p.s.ledger.unaccepted, p.s.UnacceptedBytes(), count, bytes)
			}
		}
		for _, q := range p.queues {
			p.s.Apply(goneQueue(q))
		}
		for _, x := range p.exchanges {
			p.s.Apply(&exchange.Gone{Exchange: x})
		}
		if !p.s.Drained() || p.s.UnacceptedBytes() != 0 || p.s.Unconfirmed() != 0 || len(p.s.ledger.links) != 0 {
			t.Fatalf("seed %d: with everybody gone something is left: %+v", seed, p.s.ledger)
		}
	}
}
