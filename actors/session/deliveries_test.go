package session

import (
	"slices"
	"testing"

	"warren/actors/queue"
	"warren/actors/queue/ready"
)

func deliveries(q *queue.Slot, consumer uint32, seq, n uint64) *queue.Deliveries {
	return &queue.Deliveries{Queue: q, Consumer: consumer, Parts: []queue.Delivery{{Seq: seq, Messages: messages(seq, seq+n-1)}}}
}

// consuming is a state with consumer "c" on q, number FirstConsumer.
func consuming(q *queue.Slot, noAck bool) *State {
	return state(
		&Commanded{Queue: q, Op: &queue.Consume{Consumer: queue.FirstConsumer}},
		&queue.Done{Queue: q, Upto: 1},
		&Subscribed{Consumer: Consumer{Tag: "c", Number: queue.FirstConsumer, Queue: q, NoAck: noAck}},
	)
}

func TestDeliveriesComeOnce(t *testing.T) {
	// Promise: deliveries to a session are a sequenced link: what comes twice is taken once, what comes behind a gap is left
	// for the queue to send again (DESIGN section 4, links).
	q := newQueue(1)
	s := consuming(q, false)
	for _, c := range []struct {
		seq, n  uint64
		expects bool
		want    []string
	}{
		{1, 3, true, []string{"deliver c 1+3"}},
		{1, 3, false, nil},
		{5, 1, false, nil},
		{2, 4, true, []string{"deliver c 4+2"}},
		{6, 1, true, []string{"deliver c 6+1"}},
	} {
		m := deliveries(q, queue.FirstConsumer, c.seq, c.n)
		if got := s.Expects(m); got != c.expects {
			t.Errorf("%d+%d: expected %v", c.seq, c.n, got)
		}
		s.Apply(m)
		expect(t, s, c.want...)
		if first := m.Parts[0].Messages[0].Seq; first != c.seq {
			t.Errorf("%d+%d: the event was changed", c.seq, c.n)
		}
	}
	if s.Unacked.Count() != 6 || s.NewestTag() != 6 {
		t.Errorf("%d unacknowledged, newest tag %d", s.Unacked.Count(), s.NewestTag())
	}
}

func TestDeliveriesToNoAckHaveNothingToSettle(t *testing.T) {
	// P-48: an ack for a delivery of a no-ack consumer is an unknown tag.
	q := newQueue(1)
	s := consuming(q, true)
	s.Apply(deliveries(q, queue.FirstConsumer, 1, 2))
	expect(t, s, "deliver c 1+2")
	if s.Unacked.Has(1) {
		t.Error("tag 1 can be acknowledged")
	}
}

func TestDeliveriesOfAQueueThatIsGoneAreDropped(t *testing.T) {
	// Promise: a session that ends waits for the queues it has to leave, so one that is gone must not come back into its state.
	q := newQueue(1)
	s := consuming(q, false)
	s.Apply(goneQueue(q))
	expect(t, s, "cancel c")
	s.Apply(deliveries(q, queue.FirstConsumer, 1, 1))
	expect(t, s)
	if len(s.peers) != 0 || s.Commanding() {
		t.Errorf("peers: %v", s.peers)
	}
}

func TestUnackedOfAQueueThatIsGoneCanBeAcknowledged(t *testing.T) {
	// P-48: the client cannot know that the queue is gone; its ack is no mistake, and nobody hears of it.
	q := newQueue(1)
	s := consuming(q, false)
	s.Apply(deliveries(q, queue.FirstConsumer, 1, 1))
	s.Apply(goneQueue(q))
	if !s.Unacked.Has(1) {
		t.Fatal("tag 1 is unknown")
	}
	s.Apply(&Settled{Ranges: []TagRange{{First: 1, Last: 1}}})
	if s.Unacked.Count() != 0 || s.Commanding() {
		t.Errorf("%d unacknowledged, commanding %v", s.Unacked.Count(), s.Commanding())
	}
}

// settlements are what the queue is to hear, in order.
func settlements(s *State, q *queue.Slot) []queue.Settle {
	var out []queue.Settle
	if p := s.peers[q]; p != nil {
		for _, op := range p.pending {
			out = append(out, *op.(*queue.Settle))
		}
	}
	return out
}

func TestSettlementsWaitForCommit(t *testing.T) {
	// P-39: acks are buffered until tx.commit, and rollback forgets them without requeueing.
	q := newQueue(1)
	s := consuming(q, false)
	s.Apply(&ModeSet{Mode: Tx})
	s.Apply(deliveries(q, queue.FirstConsumer, 1, 4))
	s.Apply(&Settled{Ranges: []TagRange{{First: 1, Last: 2, Outcome: ready.Acked}}})
	if messages, acks := s.Uncommitted(); messages != 0 || acks != 2 || !s.Staged(2) || s.Staged(3) || s.Commanding() {
		t.Fatalf("%d messages and %d acks wait", messages, acks)
	}
	s.Apply(&RolledBack{})
	if s.Staged(2) || s.Unacked.Count() != 4 {
		t.Fatal("rollback did not forget the acks")
	}
	s.Apply(&Settled{Ranges: []TagRange{{First: 2, Last: 2, Outcome: ready.Acked}}})
	s.Apply(&Settled{Ranges: []TagRange{{First: 1, Last: 3, Outcome: ready.Discarded}}})
	s.Apply(&Committed{})
	want := []queue.Settle{
		{Consumer: queue.FirstConsumer, First: 2, Last: 2, Outcome: ready.Acked, Sync: true},
		{Consumer: queue.FirstConsumer, First: 1, Last: 1, Outcome: ready.Discarded, Sync: true},
		{Consumer: queue.FirstConsumer, First: 3, Last: 3, Outcome: ready.Discarded, Sync: true},
	}
	if got := settlements(s, q); !slices.Equal(got, want) {
		t.Fatalf("commit told %+v, want %+v", got, want)
	}
}

func TestRecoverInATransaction(t *testing.T) {
	// P-51, P-39: basic.recover requeues at once, transaction or not, and leaves alone what the transaction settles.
	q := newQueue(1)
	s := consuming(q, false)
	s.Apply(&ModeSet{Mode: Tx})
	s.Apply(deliveries(q, queue.FirstConsumer, 1, 5))
	s.Apply(&Settled{Ranges: []TagRange{{First: 4, Last: 4}}})
	s.Apply(&Settled{Ranges: []TagRange{{First: 2, Last: 2}}})
	s.Apply(&Recovered{})
	want := []queue.Settle{
		{Consumer: queue.FirstConsumer, First: 1, Last: 1, Outcome: ready.Requeued},
		{Consumer: queue.FirstConsumer, First: 3, Last: 3, Outcome: ready.Requeued},
		{Consumer: queue.FirstConsumer, First: 5, Last: 5, Outcome: ready.Requeued},
	}
	if got := settlements(s, q); !slices.Equal(got, want) {
		t.Fatalf("recover told %+v, want %+v", got, want)
	}
	s.Apply(&Committed{})
	if got := settlements(s, q); len(got) != 5 || s.Unacked.Count() != 0 {
		t.Fatalf("after commit %+v", got)
	}
}
