package persistence

import "github.com/asynkron/protoactor-go/actor"

// Writer is an actor's way to a durable stream of its own, and the answers that wait until what it wrote is on disk. It is for
// streams whose every record is one command's; a queue, which writes batches, numbers them itself.
type Writer struct {
	log         *Log
	stream      string
	incarnation uint64
	sent, safe  uint64 // tokens of appends
	held        []held
}

type held struct {
	token  uint64
	answer func(actor.Context)
}

// NewWriter returns the writer of a stream for one incarnation of its actor.
func NewWriter(log *Log, stream string, incarnation uint64) Writer {
	// Tokens are of one incarnation: the word that what a former one sent is durable may come to this one.
	none := incarnation << 32
	return Writer{log: log, stream: stream, incarnation: incarnation, sent: none, safe: none}
}

// Append sends a record to the journal. The actor gets Durable, and gives it to Durable.
func (w *Writer) Append(ctx actor.Context, kind uint8, payload []byte) {
	w.sent++
	ctx.Send(w.log.PID, &Append{
		Stream: w.stream, Incarnation: w.incarnation, From: ctx.Self(), Token: w.sent, Records: []Record{{Kind: kind, Payload: payload}},
	})
}

// Checkpoint makes a payload stand for every record so far.
func (w *Writer) Checkpoint(ctx actor.Context, kind uint8, payload []byte) {
	ctx.Send(w.log.PID, &Checkpoint{Stream: w.stream, Incarnation: w.incarnation, Kind: kind, Payload: payload})
}

// WhenSafe calls f when everything that was appended so far is on disk: what a client was told is there is there.
func (w *Writer) WhenSafe(ctx actor.Context, f func(actor.Context)) {
	if w.safe >= w.sent {
		f(ctx)
		return
	}
	w.held = append(w.held, held{w.sent, f})
}

// Durable is the journal's.
func (w *Writer) Durable(ctx actor.Context, m *Durable) {
	w.safe = max(w.safe, m.Token)
	n := 0
	for n < len(w.held) && w.held[n].token <= w.safe {
		n++
	}
	release := w.held[:n:n]
	w.held = w.held[n:]
	for _, h := range release {
		h.answer(ctx)
	}
}
