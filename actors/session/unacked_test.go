package session

import (
	"testing"

	"warren/actors/queue"
	"warren/actors/queue/ready"
)

// naive is Unacked as a map from tag to where the delivery came from.
type naive map[uint64]origin

type origin struct {
	queue    *queue.Slot
	consumer uint32
	seq      uint64
}

func TestUnackedAgainstAMap(t *testing.T) {
	// P-48, P-22: whatever the order of settlements, every delivery is told to its queue once, with its own sequence.
	for seed := range uint64(200) {
		r := dice(seed)
		var u Unacked
		n := naive{}
		queues := newQueues(3)
		seqs := map[origin]uint64{}
		tag := uint64(0)
		for range 300 {
			switch r.IntN(10) {
			case 0, 1, 2, 3, 4:
				from := origin{queue: queues[r.IntN(3)], consumer: uint32(r.IntN(2))}
				count := 1 + r.Uint64N(5)
				u.add(unackedRun{tag: tag + 1, n: count, queue: from.queue, consumer: from.consumer, seq: seqs[from] + 1})
				for i := range count {
					n[tag+1+i] = origin{from.queue, from.consumer, seqs[from] + 1 + i}
				}
				tag += count
				seqs[from] += count
			case 5, 6, 7, 8:
				first := 1 + r.Uint64N(tag+1)
				last := first + r.Uint64N(8)
				if r.IntN(4) == 0 {
					first = 1
				}
				checkTake(t, &u, n, first, last)
			case 9:
				if r.IntN(10) == 0 {
					q := queues[r.IntN(3)]
					u.dropQueue(q)
					for tag, from := range n {
						if from.queue == q {
							from.queue = nil
							n[tag] = from
						}
					}
				}
			}
			checkSame(t, &u, n, tag)
		}
		checkTake(t, &u, n, 1, tag)
		if u.Count() != 0 || len(u.runs) != 0 {
			t.Fatalf("seed %d: %d left in %v", seed, u.Count(), u.runs)
		}
	}
}

func checkTake(t *testing.T, u *Unacked, n naive, first, last uint64) {
	t.Helper()
	type told struct {
		origin
		how ready.Outcome
	}
	want, got := map[told]bool{}, map[told]bool{}
	for tag, from := range n {
		if first <= tag && tag <= last {
			want[told{from, ready.Requeued}] = true
			delete(n, tag)
		}
	}
	u.take(first, last, ready.Requeued, func(q *queue.Slot, s *queue.Settle) {
		for seq := s.First; seq <= s.Last; seq++ {
			at := told{origin{q, s.Consumer, seq}, s.Outcome}
			if got[at] && q != nil {
				t.Fatalf("%v settled twice", at)
			}
			got[at] = true
		}
	})
	if len(got) != len(want) {
		t.Fatalf("take %d..%d told %d, want %d", first, last, len(got), len(want))
	}
	for at := range want {
		if !got[at] {
			t.Fatalf("take %d..%d did not tell %v", first, last, at)
		}
	}
}

func checkSame(t *testing.T, u *Unacked, n naive, newest uint64) {
	t.Helper()
	if u.Count() != len(n) {
		t.Fatalf("count %d, want %d", u.Count(), len(n))
	}
	if in := u.countIn(1, newest); in != len(n) {
		t.Fatalf("%d in 1..%d, want %d", in, newest, len(n))
	}
	for tag := uint64(0); tag <= newest+1; tag++ {
		if _, has := n[tag]; u.Has(tag) != has {
			t.Fatalf("Has(%d) is %v", tag, !has)
		}
	}
}
