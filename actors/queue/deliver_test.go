package queue

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"warren/actors/queue/ready"
	"warren/protocol"
)

func TestPrefetch(t *testing.T) {
	// Contract P-46: no more than that many are unacknowledged; each settlement makes room for as many.
	s := newStand(t)
	s.publish(1, 10)
	if b := bodies(s.command(1, &Consume{Consumer: 2, Prefetch: 3}), 2); !slices.Equal(b, []int{1, 2, 3}) {
		t.Errorf("first %v", b)
	}
	s.tell(&Credit{Key: ready.Key{Session: 1, Consumer: 2}, Written: 3}) // written is not settled
	if b := bodies(s.publish(11, 1), 2); len(b) != 0 {
		t.Errorf("more than the prefetch: %v", b)
	}
	if b := bodies(s.command(1, &Settle{Consumer: 2, First: 1, Last: 2}), 2); !slices.Equal(b, []int{4, 5}) {
		t.Errorf("then %v", b)
	}
	if b := bodies(s.command(1, &Settle{Consumer: 2, First: 4, Last: 4, Outcome: ready.Discarded}), 2); !slices.Equal(b, []int{6}) {
		t.Errorf("then %v", b)
	}
}

func TestWindowOfMessages(t *testing.T) {
	// DESIGN 7: a client that does not read holds its own window and nothing else, with no_ack too.
	for _, noAck := range []bool{false, true} {
		t.Run(fmt.Sprint("no_ack=", noAck), func(t *testing.T) {
			s := newStand(t)
			for i := range uint64(30) {
				s.publish(1+200*i, 200)
			}
			k := ready.Key{Session: 1, Consumer: 2}
			if n := len(bodies(s.command(1, &Consume{Consumer: 2, NoAck: noAck}), 2)); n != windowMessages {
				t.Errorf("%d are out", n)
			}
			if n := len(bodies(s.tell(&Credit{Key: k, Written: 100}), 2)); n != 100 {
				t.Errorf("%d more for 100 written", n)
			}
			for range 2 { // twice, and what was never sent
				if n := len(bodies(s.tell(&Credit{Key: k, Written: 100}), 2)) + len(bodies(s.tell(&Credit{Key: k, Written: 1 << 40}), 2)); n != 0 {
					t.Errorf("%d more for nothing", n)
				}
			}
			if n := len(bodies(s.tell(&Credit{Key: k, Written: 4196}), 2)); n != 6000-4196 {
				t.Errorf("%d at last", n)
			}
			if got, want := s.slot.Unacked.Load(), map[bool]int64{false: 6000, true: 0}[noAck]; got != want {
				t.Errorf("%d unacknowledged", got)
			}
			if held := s.q.state.Consumer(k).Unsettled(); noAck && held != 6000-4196 {
				t.Errorf("%d held: what is written is settled", held)
			}
		})
	}
}

func TestWindowOfBytes(t *testing.T) {
	// DESIGN 7: the window has a size in bytes, and one message goes out whatever its size.
	s := newStand(t)
	large := func(seq uint64, size int) {
		s.tell(&Enqueue{Link: link, Incarnation: 1, Messages: []protocol.Message{{Seq: seq, Body: make([]byte, size)}}})
	}
	large(1, 3*windowBytes)
	for i := range uint64(20) {
		large(2+i, windowBytes/8)
	}
	k := ready.Key{Session: 1, Consumer: 2}
	if b := bodies(s.command(1, &Consume{Consumer: 2}), 2); len(b) != 1 {
		t.Errorf("%d messages for a window of one", len(b))
	}
	if b := bodies(s.tell(&Credit{Key: k, Written: 1}), 2); len(b) != 8 {
		t.Errorf("%d messages of an eighth of the window", len(b))
	}
	if b := bodies(s.tell(&Credit{Key: k, Written: 9}), 2); len(b) != 8 {
		t.Errorf("%d messages of an eighth of the window", len(b))
	}
}

func TestRoundRobin(t *testing.T) {
	// Contract P-52: consumers with room share evenly, whatever the size of the batches.
	for _, size := range []int{1, 2, 3, 7, 64, 256} {
		s := newStand(t)
		counts := map[uint32]int{}
		for c := range uint32(5) {
			s.command(uint64(1+c%2), &Consume{Consumer: 2 + c, NoAck: c == 3})
		}
		seq, total := uint64(1), 0
		for range 40 {
			got := s.publish(seq, size)
			seq, total = seq+uint64(size), total+size
			for c := range uint32(5) {
				counts[2+c] += len(bodies(got, 2+c))
			}
			for c, n := range counts {
				if n < total/5-1 || n > total/5+1 {
					t.Fatalf("batches of %d: consumer %d has %d of %d", size, c, n, total)
				}
			}
		}
	}
}

func TestOneMessageAConsumerAndTurn(t *testing.T) {
	// DESIGN 4: the tree carries batches. Whatever leaves in a turn goes to a consumer in one message.
	s := newStand(t)
	for i := range uint64(10) {
		s.publish(1+10*i, 10)
	}
	got := only[*Deliveries](s.command(1, &Consume{Consumer: 2}, &Consume{Consumer: 3}))
	if len(got) != 2 || got[0].Parts == nil || got[0].Ready != 0 {
		t.Fatalf("%d messages for two consumers", len(got))
	}
	for _, d := range got {
		next := uint64(1)
		for _, p := range d.Parts {
			if p.Seq != next {
				t.Errorf("consumer %d: sequence %d, want %d", d.Consumer, p.Seq, next)
			}
			next += uint64(len(p.Messages))
		}
	}
}

func TestRestartIsFast(t *testing.T) {
	// Promise 2, bounded recovery: 100 000 ready messages, one record each, are there again in less than 100 ms.
	s := newStand(t)
	for i := range uint64(100_000) {
		s.publish(i+1, 1)
	}
	took := time.Hour // the best of a few: the machine is shared
	for incarnation := range uint64(5) {
		begin := time.Now()
		s.start(incarnation + 2)
		took = min(took, time.Since(begin))
		if s.slot.Ready.Load() != 100_000 {
			t.Errorf("%d ready", s.slot.Ready.Load())
		}
	}
	t.Logf("100 000 ready messages: %v", took)
	if took > time.Second { // and the race detector costs its share
		t.Errorf("restarted in %v", took)
	}
}
