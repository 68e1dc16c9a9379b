package persistence

import (
	"github.com/asynkron/protoactor-go/actor"
	proto_actor "github.com/asynkron/protoactor-go/persistence"
	"google.golang.org/protobuf/proto"
)

// Writer is an actor's way to a durable stream of its own through a Provider, and the answers that wait until what it wrote is on disk.
// It is for streams whose every record is one command's; a queue, which writes batches, numbers them itself.
type Writer struct {
	state      proto_actor.ProviderState
	tail       *tail
	stream     string
	next       int    // index of the next event
	sent, safe uint64 // tokens
	held       []held
}

type held struct {
	token  uint64
	answer func(actor.Context)
}

// NewWriter returns the writer of a stream for one incarnation of its actor.
func NewWriter(p *Provider, stream string) *Writer {
	w := &Writer{state: p.GetState(), tail: p.Log.tail(stream), stream: stream}
	w.next, w.sent, w.safe = w.tail.state()
	return w
}

// Recover calls apply with the newest snapshot and the events behind it. What cannot be read panics.
func (w *Writer) Recover(apply func(m any)) {
	w.state.Restart()
	from := 0
	if snapshot, index, ok := w.state.GetSnapshot(w.stream); ok {
		from = index
		apply(snapshot)
	}
	w.state.GetEvents(w.stream, from, 0, apply)
	w.state.Restart() // lets go of what it read
}

// Event has an event written. The actor gets Durable, and gives it to Durable.
func (w *Writer) Event(m proto.Message) {
	w.state.PersistEvent(w.stream, w.next, m)
	w.next, w.sent, _ = w.tail.state()
}

// Snapshot makes a message stand for every event so far.
func (w *Writer) Snapshot(m proto.Message) {
	w.state.PersistSnapshot(w.stream, w.next, m)
	_, w.sent, _ = w.tail.state()
}

// WhenSafe calls f when everything that was written so far is on disk: what a client was told is there is there.
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
