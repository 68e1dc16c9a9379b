package queue

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/actors/queue/record"
	"warren/persistence"
	"warren/persistence/segment"
)

// spoolName is the stream that what is not stored is paged out to. It ends with the process.
func (q *Queue) spoolName() string {
	return fmt.Sprintf("%s%s/%d", persistence.Spool, streamName(q.Slot), q.Slot.ID)
}

// spool sends what is to be paged out and is nowhere on disk. What a crash of either side loses on the way is sent again.
func (q *Queue) spool(ctx actor.Context) {
	pending := q.state.Spooling()
	for w := q.paging.way; w != nil && len(pending) > 0 && pending[0].Index <= w.spooled; {
		pending = pending[1:]
	}
	if len(pending) > 0 {
		w := q.paging.begin()
		m := &persistence.Append{Stream: q.spoolName(), Incarnation: q.incarnation, From: ctx.Self()}
		for i := range pending {
			m.Records = append(m.Records, spooled(&pending[i]))
			w.spooled = pending[i].Index
			q.onTheWay(pending[i].Bytes)
		}
		ctx.Send(q.Journal.PID, m)
	}
	q.emptySpool(ctx)
}

// spooled is a record of the spool. What other queues have as well is written once for all of them.
func spooled(r *ready.SpoolRecord) persistence.Record {
	out := persistence.Record{Index: r.Index, Kind: uint8(record.Enqueued), Messages: true}
	out.Payload = record.AppendSpooledSummary(make([]byte, 0, 64), r.First, r.Content)
	s := r.Content.Common
	if s == nil || !s.Whole(r.Content) {
		out.Payload = record.AppendSpooled(append(make([]byte, 0, 64+len(r.Content.Exchange)+r.Bytes), out.Payload...), r.Content)
		return out
	}
	e := s.Spooled.Load()
	if e == nil {
		tail := segment.NewTail(record.AppendSpooled(make([]byte, 0, 64+len(r.Content.Exchange)+r.Bytes), r.Content))
		if e = (&ready.Encoded{ID: tail.ID, Bytes: tail.Bytes}); !s.Spooled.CompareAndSwap(nil, e) {
			e = s.Spooled.Load()
		}
	}
	out.Summary, out.Tail = len(out.Payload), segment.Tail{ID: e.ID, Bytes: e.Bytes}
	return out
}

// stowed is the journal's: what was sent to the spool may leave memory now.
func (q *Queue) stowed(upto uint64) {
	w := q.paging.begin()
	for _, r := range q.state.Spooling() {
		if r.Index <= upto && r.Index <= w.spooled {
			q.onTheWay(-r.Bytes)
		}
	}
	q.happen(&ready.Stowed{Upto: upto})
	q.paging.again = 0
}

// onTheWay counts what is written for the spool and not there yet, which is in memory once more. It outlives the queue's actor, whose
// next one begins anew.
func (q *Queue) onTheWay(bytes int) {
	q.Slot.remember().spooling.Add(int64(bytes))
	q.Journal.Spooling.Add(int64(bytes))
}

// offTheWay is for an actor that begins, or a queue that ends.
func (q *Queue) offTheWay() {
	if p := q.Slot.past.Load(); p != nil && q.Journal != nil {
		q.Journal.Spooling.Add(-p.spooling.Swap(0))
	}
}

// emptySpool lets the journal have back what the settled ones took, when that is as much as is left.
func (q *Queue) emptySpool(ctx actor.Context) {
	made, settled := q.state.Spool()
	if settled == 0 {
		return
	}
	w := q.paging.begin()
	gone := settled - w.released
	if gone == 0 || gone < spoolRecords && q.state.Bytes() > 0 || gone < (int(made)-settled) {
		return
	}
	w.released = settled
	living, stowed := q.state.SpoolLiving()
	ctx.Send(q.Journal.PID, &persistence.Checkpoint{
		Stream: q.spoolName(), Incarnation: q.incarnation, Upto: stowed, Kind: uint8(record.Checkpoint), Live: living,
	})
}

// spoolLeast is how many bytes go to the spool at a time, at least.
const spoolLeast = 1 << 20

// spoolMost is how many bytes of all queues may be on their way to spools when more follow while memory is pressed.
const spoolMost = 16 << 20

// spoolAhead is how many records may be on their way to the spool when more follow.
const spoolAhead = 64

// spoolRecords is how many are worth a word to the journal.
const spoolRecords = 256
