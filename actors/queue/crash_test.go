package queue

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"warren/actors/queue/ready"
	"warren/protocol"
)

// client is a session with one publish link and one consumer, as far as a queue can tell: it sends again what it does not
// know to have arrived, and takes everything once.
type client struct {
	session   uint64
	published uint64
	accepted  uint64
	ops       []Op   // commands from first on that are not known to be done
	first     uint64 // sequence of ops[0]
	received  uint64 // newest delivery sequence
	got       []int  // names of the messages, negative when told that they are redelivered
	unacked   []uint64
	prefetch  int
	noAck     bool
}

func (c *client) key() ready.Key   { return ready.Key{Session: c.session, Consumer: 2} }
func (c *client) link() ready.Link { return ready.Link{Session: c.session, Exchange: 7} }

// name of a message: who published it, and as which.
func name(session, seq uint64) int { return int(session)*100_000 + int(seq) }

// show runs clients against a queue whose messages and turns get lost.
type show struct {
	*stand
	r           *rand.Rand
	clients     []*client
	incarnation uint64
	requeued    map[int]int // by name
}

// deliver passes on what the queue sent, unless a crash took it.
func (w *show) deliver(letters []letter) error {
	for _, l := range letters {
		at := slices.IndexFunc(w.clients, func(c *client) bool { return l.to == w.sessions[c.session] })
		if at < 0 {
			continue
		}
		c := w.clients[at]
		switch m := l.message.(type) {
		case *Accepted:
			c.accepted = max(c.accepted, m.Accepted)
		case *Done:
			if n := int(m.Upto) + 1 - int(c.first); n > 0 {
				c.ops, c.first = c.ops[min(n, len(c.ops)):], m.Upto+1
			}
		case *Deliveries:
			for _, p := range m.Parts {
				for i := range p.Messages {
					seq := p.Seq + uint64(i)
					if seq <= c.received {
						continue // sent again
					}
					if seq != c.received+1 {
						return fmt.Errorf("session %d: delivery %d behind %d", c.session, seq, c.received)
					}
					c.received = seq
					n := name(uint64(p.Messages[i].Priority), p.Messages[i].Seq)
					if p.Redelivered {
						n = -n
					}
					c.got = append(c.got, n)
					c.unacked = append(c.unacked, seq)
				}
			}
		}
	}
	return nil
}

// step is one thing that a client does, or a crash of the queue.
func (w *show) step(crashes bool) error {
	c := w.clients[w.r.IntN(len(w.clients))]
	var out []letter
	switch n := w.r.IntN(10); {
	case n < 3:
		c.published += uint64(1 + w.r.IntN(5))
		out = w.publishAgain(c)
	case n < 6 && len(c.unacked) > 0 && !c.noAck:
		at := w.r.IntN(len(c.unacked))
		how := ready.Acked
		if w.r.IntN(4) == 0 {
			how = ready.Requeued
		}
		seq := c.unacked[at]
		if n := c.got[seq-1]; how == ready.Requeued {
			w.requeued[max(n, -n)]++
		}
		c.unacked = slices.Delete(c.unacked, at, at+1)
		c.ops = append(c.ops, &Settle{Consumer: 2, First: seq, Last: seq, Outcome: how})
		out = w.commandAgain(c)
	case n < 8:
		out = w.tell(&Credit{Key: c.key(), Written: c.received})
	case n == 8 && crashes:
		w.incarnation++
		w.start(w.incarnation)
		for _, c := range w.clients {
			out = append(out, w.resume(c)...)
		}
	default:
		out = w.commandAgain(c)
	}
	if crashes && w.r.IntN(8) == 0 { // the queue dies behind its turn, and what it said is lost
		w.incarnation++
		out = w.start(w.incarnation)
		for _, c := range w.clients {
			out = append(out, w.resume(c)...)
		}
	}
	return w.deliver(out)
}

func (w *show) resume(c *client) []letter {
	out := w.tell(&Resume{Session: c.session, Received: map[uint32]uint64{2: c.received}})
	out = append(out, w.commandAgain(c)...)
	return append(out, w.publishAgain(c)...)
}

func (w *show) commandAgain(c *client) []letter {
	if len(c.ops) == 0 {
		return nil
	}
	return w.tell(&Commands{Session: c.session, First: c.first, Ops: slices.Clone(c.ops)})
}

func (w *show) publishAgain(c *client) []letter {
	if c.published == c.accepted {
		return nil
	}
	messages := make([]protocol.Message, c.published-c.accepted)
	for i := range messages {
		messages[i] = protocol.Message{Seq: c.accepted + 1 + uint64(i), Priority: uint8(c.session)}
	}
	return w.tell(&Enqueue{Link: c.link(), Incarnation: w.slot.Incarnation(), Exchange: "x", Messages: messages})
}

func TestCrashesBetweenAnyTwoTurns(t *testing.T) {
	// Promise 1: whenever a queue dies and whatever of its words is lost by it, every message is settled exactly once, each
	// publisher's in order, and none is said to be new that somebody had before.
	for seed := range uint64(60) {
		w := &show{stand: newStand(t), r: rand.New(rand.NewPCG(seed, 3)), incarnation: 1, requeued: map[int]int{}}
		for i := range uint64(3) {
			c := &client{session: i + 1, first: 1, prefetch: 1 + w.r.IntN(6), noAck: i == 2 && seed%2 == 0}
			c.ops = []Op{&Consume{Consumer: 2, Prefetch: c.prefetch, NoAck: c.noAck}}
			w.clients = append(w.clients, c)
		}
		fail := func(err error) {
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		for range 600 {
			fail(w.step(true))
		}
		fail(w.drain())
		fail(w.verdict())
	}
}

// drain goes on without crashes until everything has arrived and is acknowledged.
func (w *show) drain() error {
	for range 1000 {
		busy := false
		for _, c := range w.clients {
			for _, seq := range c.unacked {
				if !c.noAck {
					c.ops = append(c.ops, &Settle{Consumer: 2, First: seq, Last: seq})
				}
			}
			c.unacked = nil
			out := append(w.publishAgain(c), w.tell(&Credit{Key: c.key(), Written: c.received})...)
			if err := w.deliver(append(out, w.commandAgain(c)...)); err != nil {
				return err
			}
			busy = busy || len(c.ops)+len(c.unacked) > 0 || c.accepted < c.published || w.q.state.Consumer(c.key()).Unsettled() > 0
		}
		if !busy && w.slot.Ready.Load() == 0 {
			return nil
		}
	}
	return fmt.Errorf("never drained: %d ready, %d unacked", w.slot.Ready.Load(), w.slot.Unacked.Load())
}

// verdict compares what the clients got with what they published.
func (w *show) verdict() error {
	times, fresh := map[int]int{}, map[int]int{}
	for _, c := range w.clients {
		newest := map[int]int{}
		for _, n := range c.got {
			times[max(n, -n)]++
			if n < 0 {
				continue
			}
			fresh[n]++
			if publisher := n / 100_000; n <= newest[publisher] {
				return fmt.Errorf("session %d got %d behind %d", c.session, n, newest[publisher])
			}
			newest[n/100_000] = n
		}
	}
	for _, c := range w.clients {
		for seq := range c.published {
			n := name(c.session, seq+1)
			if fresh[n] != 1 || times[n] != 1+w.requeued[n] {
				return fmt.Errorf("message %d came %d times, %d of them as new, and was requeued %d times", n, times[n], fresh[n], w.requeued[n])
			}
		}
	}
	if w.q.state.Bytes() != 0 || w.resident != 0 {
		return fmt.Errorf("%d bytes are left, the ledger says %d", w.q.state.Bytes(), w.resident)
	}
	return nil
}
