package session

import (
	"fmt"
	"testing"

	"warren/actors/queue"
	"warren/actors/queue/ready"
)

func TestCancelledConsumerIsForgotten(t *testing.T) {
	// Promise 2, bounded: what a session knows of consumers is of those that are there. What a no-ack consumer has received is
	// forgotten only when its queue has it settled: until then a restart of the queue has to hear of it.
	for _, noAck := range []bool{false, true} {
		t.Run(fmt.Sprint("no_ack=", noAck), func(t *testing.T) {
			q := newQueue(1)
			s := state()
			for i := range uint32(100) {
				number, tag := queue.FirstConsumer+i, fmt.Sprint(i)
				consume, cancel := s.NextCommand(q), s.NextCommand(q)+1
				s.Apply(&Commanded{Queue: q, Op: &queue.Consume{Consumer: number}})
				s.Apply(&queue.Done{Queue: q, Upto: consume})
				s.Apply(&Subscribed{Consumer: Consumer{Tag: tag, Number: number, Queue: q, NoAck: noAck}})
				s.Apply(&queue.Deliveries{Queue: q, Consumer: number, Parts: []queue.Delivery{{Seq: 1, Messages: messages(1, 3)}}})
				s.Apply(&Commanded{Queue: q, Op: &queue.Cancel{Consumer: number}})
				s.Apply(&queue.Done{Queue: q, Upto: cancel})
				s.Apply(&Unsubscribed{Tag: tag})
				if !noAck {
					if s.Commanding() || len(s.peers[q].received) != 0 {
						t.Fatalf("%d are known, commanding: %v", len(s.peers[q].received), s.Commanding())
					}
					continue
				}
				pending := s.peers[q].pending
				if len(pending) != 1 || s.peers[q].received[number] != 3 {
					t.Fatalf("pending %v, received %v", pending, s.peers[q].received)
				}
				if settle := *pending[0].(*queue.Settle); settle != (queue.Settle{Consumer: number, First: 1, Last: 3, Outcome: ready.Acked}) {
					t.Fatalf("pending %+v", settle)
				}
				copied := s.Clone()
				for _, s := range []*State{s, &copied} {
					s.Apply(&queue.Done{Queue: q, Upto: cancel + 1})
					if s.Commanding() || len(s.peers[q].received) != 0 || len(s.peers[q].over) != 0 {
						t.Fatalf("%d are known, commanding: %v", len(s.peers[q].received), s.Commanding())
					}
				}
			}
			if n := s.Unacked.Count(); noAck != (n == 0) {
				t.Errorf("%d unacknowledged", n)
			}
		})
	}
}

func TestBusyPeers(t *testing.T) {
	// The session looks at the queues that have something to do, and at all of those, whatever the order they get and lose it in.
	s, queues, pending := state(), newQueues(5), map[*queue.Slot]int{}
	dice := dice(7)
	for range 5000 {
		q := queues[dice.IntN(len(queues))]
		switch n := dice.IntN(20); {
		case n < 9:
			s.Apply(&Commanded{Queue: q, Op: &queue.Inspect{}})
			pending[q]++
		case n < 18 && pending[q] > 0:
			p := s.peers[q]
			some := 1 + dice.IntN(pending[q])
			s.Apply(&queue.Done{Queue: q, Upto: p.first + uint64(some) - 1})
			pending[q] -= some
		case n == 18:
			s.Apply(goneQueue(q))
			delete(pending, q)
		default:
			c := s.Clone()
			s = &c
		}
		busy := 0
		for _, q := range queues {
			if pending[q] > 0 {
				busy++
			}
		}
		if len(s.busy) != busy || s.Commanding() != (busy > 0) {
			t.Fatalf("%d are busy, not %d", len(s.busy), busy)
		}
		for i, p := range s.busy {
			if p.busy != i+1 || s.peers[p.queue] != p || len(p.pending) != pending[p.queue] {
				t.Fatalf("%d: %+v, %d pending", i, p, pending[p.queue])
			}
		}
	}
}

func BenchmarkOneBusyOfMany(b *testing.B) {
	// A turn of a session that has had commands for many queues, of which one is in use: a settlement goes out and is done.
	for _, many := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprint(many, "queues"), func(b *testing.B) {
			queues, w := newQueues(many), &wire{}
			st := state()
			s := New(1, st, pid("session"))
			for _, q := range queues {
				st.Apply(&Commanded{Queue: q, Op: &queue.Inspect{}})
				s.SendCommands(w)
				st.Apply(&queue.Done{Queue: q, Upto: 1})
			}
			q, seq := queues[0], uint64(1)
			for b.Loop() {
				seq++
				st.Apply(&Commanded{Queue: q, Op: &queue.Settle{Consumer: 2, First: seq, Last: seq}})
				s.SendCommands(w)
				w.letters = w.letters[:0]
				st.Apply(&queue.Done{Queue: q, Upto: seq})
				if st.Commanding() {
					b.Fatal("commanding")
				}
			}
		})
	}
}
