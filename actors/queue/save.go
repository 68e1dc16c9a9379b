package queue

import (
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/actors/queue/record"
	"warren/persistence"
	"warren/persistence/segment"
)

// disk is what a queue knows of what it has told the journal.
type disk struct {
	journaled       uint64 // newest record that was sent to the journal
	sinceCheckpoint volume // appended since the last checkpoint
	checkpointSize  int    // living records in it
	bytesAtSave     int    // held when records were last sent
	held            []held // answers that wait for the disk
}

// save ends a turn of a durable queue: what has to be on disk goes to the journal, which answers with Durable. What a crash
// of either side loses on the way is sent again.
func (q *Queue) save(ctx actor.Context) {
	if q.state.Unsaved() {
		q.happen(&ready.Saved{})
	}
	pending := q.state.Pending()
	for len(pending) > 0 && pending[0].Index <= q.journaled {
		pending = pending[1:]
	}
	if len(pending) == 0 {
		return
	}
	m := &persistence.Append{
		Stream: q.stored(), Incarnation: q.incarnation, From: ctx.Self(), Records: make([]persistence.Record, len(pending)),
		Lazy: len(q.held) == 0,
	}
	for i := range pending {
		r := &pending[i]
		m.Records[i] = encode(r)
		m.Lazy = m.Lazy && r.Kind != ready.RecordEnqueued
		q.sinceCheckpoint.bytes += len(m.Records[i].Payload) + len(m.Records[i].Tail.Bytes)
		q.journaled = r.Index
	}
	ctx.Send(q.Journal.PID, m)
	q.sinceCheckpoint.records += len(pending)
	if now := q.state.Bytes(); now < q.bytesAtSave {
		q.sinceCheckpoint.bytes += q.bytesAtSave - now
	}
	q.bytesAtSave = q.state.Bytes()
	if s := q.sinceCheckpoint; s.records >= max(checkpointRecords, q.checkpointSize) || s.bytes >= max(checkpointBytes, q.state.Bytes()) {
		q.checkpoint(ctx)
	}
}

// A checkpoint is worth that many records, or bytes that came or went, at least; where much is still waiting, as many as
// that.
const (
	checkpointRecords = 4096
	checkpointBytes   = 16 << 20
)

// volume is what was appended, and in bytes also what was settled.
type volume struct{ records, bytes int }

// checkpoint makes every record of settled and delivered messages superfluous, and says which messages are still needed.
func (q *Queue) checkpoint(ctx actor.Context) {
	sum := q.state.Summarize()
	q.sinceCheckpoint, q.checkpointSize = volume{}, int(sum.Live.Len())
	ctx.Send(q.Journal.PID, &persistence.Checkpoint{
		Stream: q.stored(), Incarnation: q.incarnation, Upto: sum.Made, Kind: uint8(record.Checkpoint), Live: sum.Live,
		Payload: record.AppendCheckpoint(nil, sum),
	})
}

// maxSummary keeps a batch of many gaps within what a summary may be.
const maxSummary = 1000

func encode(r *ready.Record) persistence.Record {
	out := persistence.Record{Index: r.Index}
	switch r.Kind {
	case ready.RecordEnqueued:
		out.Kind, out.Messages = uint8(record.Enqueued), true
		if e := r.Content.Encoded; e != nil {
			if out.Payload = record.AppendSummary(nil, r.First, r.Content); len(out.Payload) <= maxSummary {
				out.Summary, out.Tail = len(out.Payload), segment.Tail{ID: e.ID, Bytes: e.Bytes}
				break
			}
		}
		out.Payload, out.Summary = record.AppendEnqueued(make([]byte, 0, 64+len(r.Content.Exchange)+r.Bytes), r.First, r.Content)
		if r.Content.Held || out.Summary > maxSummary {
			out.Summary = 0 // a start reads all of it, for the times
		}
	case ready.RecordSettled:
		out.Kind, out.Payload = uint8(record.Settled), record.AppendRanges(nil, r.Ranges)
	case ready.RecordDead:
		out.Kind, out.Payload = uint8(record.Dead), record.AppendDead(nil, r.Reason, r.Ranges)
	default:
		out.Kind, out.Payload = uint8(record.Delivered), record.AppendRanges(nil, r.Ranges)
	}
	return out
}

// durable is the journal's: publishers hear what is safe now.
func (q *Queue) durable(ctx actor.Context, m *persistence.Durable) {
	var links []ready.Link
	for _, r := range q.state.Pending() {
		if r.Index > m.Upto {
			break
		}
		if r.Kind == ready.RecordEnqueued && (len(links) == 0 || links[len(links)-1] != r.Link) {
			links = append(links, r.Link)
		}
	}
	q.happen(&ready.Synced{Upto: m.Upto})
	q.account()
	n := 0
	for n < len(q.held) && q.held[n].record <= m.Upto {
		n++
	}
	q.answerHeld(ctx, n)
	for i, l := range links {
		if !slices.Contains(links[i+1:], l) {
			q.accepted(ctx, l)
		}
	}
}

// answerHeld sends the first n answers that wait: what they wait for is on disk, or the disk takes nothing, and nobody hangs because of that.
func (q *Queue) answerHeld(ctx actor.Context, n int) {
	for _, h := range q.held[:n] {
		ctx.Send(h.to, h.done)
	}
	q.held = slices.Delete(q.held, 0, n)
}

// held is an answer that waits for the disk.
type held struct {
	record uint64
	to     *actor.PID
	done   *Done
}

// whenSaved sends an answer when everything that has happened to the queue is on disk.
func (q *Queue) whenSaved(ctx actor.Context, to *actor.PID, done *Done) {
	if q.state.Unsaved() {
		q.happen(&ready.Saved{})
	}
	pending := q.state.Pending()
	if len(pending) > 0 && (!q.Journal.Failing.Load() || q.holds(to)) { // who holds one already hears of Stalled
		q.held = append(q.held, held{pending[len(pending)-1].Index, to, done})
		q.hurry(ctx)
		return
	}
	ctx.Send(to, done)
}

// holds says that an answer to a session waits for the disk. Answers are cumulative: one that overtook it would stand for it, without
// what it says.
func (q *Queue) holds(to *actor.PID) bool {
	return q.disk != nil && slices.ContainsFunc(q.held, func(h held) bool { return h.to == to })
}

// hurry has the journal write what it was told to take its time with.
func (q *Queue) hurry(ctx actor.Context) {
	ctx.Send(q.Journal.PID, &persistence.Append{Stream: q.stored(), Incarnation: q.incarnation, From: ctx.Self()})
}

// accepted tells a publisher how far the queue has got on its link.
func (q *Queue) accepted(ctx actor.Context, l ready.Link) {
	if p := q.peer(l.Session); p != nil {
		ctx.Send(p, &Accepted{Queue: q.Slot, Exchange: l.Exchange, Accepted: q.state.LastSeq(l), Confirmed: q.state.Confirmed(l), Refused: q.state.Refused(l)})
	}
}

// stored is the name of the queue's durable stream. A queue of the same name that is declared later has another.
func (q *Queue) stored() string { return q.Slot.Stored }

// load makes what is on disk the beginning of the queue's stream.
func (q *Queue) load(ctx actor.Context) {
	if q.Slot.Stored == "" {
		return
	}
	if q.disk = (&disk{}); q.state.Durable() {
		return
	}
	recovered, quarantined := q.replay(q.Journal.Recovered(q.stored()))
	q.happen(recovered)
	if quarantined {
		q.checkpoint(ctx)
	}
	q.stream.Fold(q.incarnation) // what it was told takes much more than what it knows
}
