package queue

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/actors/queue/record"
	"warren/persistence"
)

// spoolName is the stream that what is not stored is paged out to. It ends with the process.
func (q *Queue) spoolName() string {
	return fmt.Sprintf("%s%s/%d", persistence.Spool, streamName(q.Slot), q.Slot.ID)
}

// spool sends what is to be paged out and is nowhere on disk. What a crash of either side loses on the way is sent again.
func (q *Queue) spool(ctx actor.Context) {
	p := &q.paging
	pending := q.state.Spooling()
	for len(pending) > 0 && pending[0].Index <= p.spooled {
		pending = pending[1:]
	}
	if len(pending) > 0 {
		m := &persistence.Append{Stream: q.spoolName(), Incarnation: q.incarnation, From: ctx.Self()}
		for i := range pending {
			r := &pending[i]
			m.Records = append(m.Records, persistence.Record{
				Index: r.Index, Kind: uint8(record.Enqueued), Messages: true,
				Payload: record.AppendSpooled(make([]byte, 0, 64+len(r.Content.Exchange)+r.Bytes), r.First, r.Content),
			})
			p.spooled = r.Index
		}
		ctx.Send(q.Journal.PID, m)
	}
	q.emptySpool(ctx)
}

// stowed is the journal's: what was sent to the spool may leave memory now.
func (q *Queue) stowed(upto uint64) {
	q.happen(&ready.Stowed{Upto: upto})
	q.paging.again = 0
}

// emptySpool lets the journal have back what the settled ones took, when that is as much as is left.
func (q *Queue) emptySpool(ctx actor.Context) {
	made, settled := q.state.Spool()
	gone := settled - q.paging.released
	if gone == 0 || gone < spoolRecords && q.state.Bytes() > 0 || gone < (int(made)-settled) {
		return
	}
	q.paging.released = settled
	living, stowed := q.state.SpoolLiving()
	ctx.Send(q.Journal.PID, &persistence.Checkpoint{
		Stream: q.spoolName(), Incarnation: q.incarnation, Upto: stowed, Kind: uint8(record.Checkpoint), Live: living,
	})
}

// spoolLeast is how many bytes go to the spool at a time, at least.
const spoolLeast = 1 << 20

// spoolAhead is how many records may be on their way to the spool when more follow.
const spoolAhead = 64

// spoolRecords is how many are worth a word to the journal.
const spoolRecords = 256
