package benchmarks

import (
	"fmt"
	"testing"

	"warren/actors/queue/ready"
	"warren/protocol"
)

// Run with
//
//	go test -run xxx -bench Ready -benchmem ./benchmarks
//
// What a queue's thinking costs for each message that is enqueued, delivered and settled; the actor, its stream (which does
// all of it a second time) and the copy of the bytes come on top.

func BenchmarkReady(b *testing.B) {
	for _, size := range []int{1, 64, 256} {
		for _, waiting := range []int{0, 100_000} {
			b.Run(fmt.Sprintf("batch=%d/waiting=%d", size, waiting), func(b *testing.B) {
				q := newReadyQueue(size)
				for q.s.Ready() < uint64(waiting) {
					q.enqueue()
				}
				b.ReportAllocs()
				for n := 0; n < b.N; n += size {
					q.enqueue()
					q.deliver()
					q.s.Apply(q.s.Settle(q.key, 0, q.sent, ready.Acked))
				}
				b.StopTimer()
				if q.s.Ready() < uint64(waiting) || q.s.Unacked() != 0 {
					b.Fatalf("%d ready, %d unacked", q.s.Ready(), q.s.Unacked())
				}
			})
		}
	}
}

// BenchmarkReadySettleOne: batches of 64 whose messages are acknowledged one by one.
func BenchmarkReadySettleOne(b *testing.B) {
	q := newReadyQueue(64)
	b.ReportAllocs()
	for n := 0; n < b.N; n += 64 {
		q.enqueue()
		q.deliver()
		for i := range uint64(64) {
			seq := q.sent - 63 + i
			q.s.Apply(q.s.Settle(q.key, seq, seq, ready.Acked))
		}
	}
}

// BenchmarkReadySettleManyRuns: two consumers by turns, so that neither holds a run of more than one message, and 100 000 of
// them unacknowledged. What is settled is the oldest.
func BenchmarkReadySettleManyRuns(b *testing.B) {
	q := newReadyQueue(2)
	other := ready.Key{Session: 2, Consumer: 2}
	q.s.Apply(&ready.Subscribed{Consumer: ready.Consumer{Key: other}})
	one := func() {
		q.enqueue()
		for _, k := range []ready.Key{q.key, other} {
			in, redelivered := q.s.Next(1)
			q.s.Apply(&ready.Delivered{Key: k, Interval: in, Redelivered: redelivered})
		}
	}
	for range 50_000 {
		one()
	}
	b.ReportAllocs()
	for seq := uint64(1); b.Loop(); seq++ {
		one()
		q.s.Apply(q.s.Settle(q.key, seq, seq, ready.Acked))
		q.s.Apply(q.s.Settle(other, seq, seq, ready.Acked))
	}
}

// BenchmarkReadyClone: what a restart begins with.
func BenchmarkReadyClone(b *testing.B) {
	for _, size := range []int{1, 64} {
		b.Run(fmt.Sprintf("batch=%d/waiting=100000", size), func(b *testing.B) {
			q := newReadyQueue(size)
			for q.s.Ready() < 100_000 {
				q.enqueue()
			}
			for b.Loop() {
				q.s.Clone()
			}
		})
	}
}

// readyQueue is a queue with one publisher and one consumer.
type readyQueue struct {
	s         *ready.State
	key       ready.Key
	link      ready.Link
	messages  []protocol.Message
	seq, sent uint64
}

func newReadyQueue(size int) *readyQueue {
	q := &readyQueue{s: ready.New(), key: ready.Key{Session: 1, Consumer: 2}, link: ready.Link{Session: 3, Exchange: 4}}
	q.s.Apply(&ready.Subscribed{Consumer: ready.Consumer{Key: q.key}})
	q.messages = make([]protocol.Message, size)
	for i := range q.messages {
		q.messages[i] = protocol.Message{RoutingKey: "key", Body: make([]byte, 128)}
	}
	return q
}

// enqueue brings a batch. The messages are the same ones again: only the newest sequence of a batch counts.
func (q *readyQueue) enqueue() {
	q.seq += uint64(len(q.messages))
	q.messages[len(q.messages)-1].Seq = q.seq
	q.s.Apply(&ready.Enqueued{Link: q.link, Content: ready.Content{Exchange: "x", Messages: q.messages}})
}

// deliver sends as many as a batch has.
func (q *readyQueue) deliver() {
	for left := uint64(len(q.messages)); left > 0; {
		in, redelivered := q.s.Next(left)
		q.s.Apply(&ready.Delivered{Key: q.key, Interval: in, Redelivered: redelivered})
		left -= in.N
		q.sent += in.N
	}
}
