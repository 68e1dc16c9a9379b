package persistence

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"warren/persistence/journal"
)

// tail is what was written to a stream through a provider and is not known to be on disk. It outlives the actor that wrote it and the
// journal's incarnation that was told: the next one is told again.
type tail struct {
	mu          sync.Mutex
	incarnation uint64 // that may write
	next        uint64 // index of the next record, from 1
	token       uint64 // of what was written last
	pending     []pendingWrite
	recovered   []Record // at the start, until somebody asks
	asked       bool
}

type pendingWrite struct {
	token   uint64
	message any // *Append or *Checkpoint
}

// tail returns the tail of a stream, which is made of what was found at the start.
func (l *Log) tail(stream string) *tail {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.tails[stream]
	if t == nil {
		r := l.recovered[stream]
		delete(l.recovered, stream)
		t = &tail{next: max(1, r.next), recovered: r.records()}
		if l.tails == nil {
			l.tails = map[string]*tail{}
		}
		l.tails[stream] = t
	}
	return t
}

// dropTail is for a stream that ends.
func (l *Log) dropTail(stream string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.tails, stream)
}

func (l *Log) tailNames() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.tails))
}

// unwritten is everything that is pending, of all streams; that of one stream is in order.
func (l *Log) unwritten() (out []any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.tails {
		t.mu.Lock()
		for _, w := range t.pending {
			out = append(out, w.message)
		}
		t.mu.Unlock()
	}
	return out
}

// found returns what was there at the start, once; known is false when that is not all there is.
func (t *tail) found(incarnation uint64) (records []Record, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.claim(incarnation)
	known = !t.asked
	records, t.asked, t.recovered = t.recovered, true, nil
	return records, known
}

func (t *tail) claim(incarnation uint64) {
	if incarnation < t.incarnation {
		panic(fmt.Errorf("incarnation %d writes, and %d is there: %w", incarnation, t.incarnation, journal.ErrStale))
	}
	t.incarnation = incarnation
}

// event takes an event in; it says no to one that came before.
func (t *tail) event(incarnation uint64, m *Append) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.claim(incarnation)
	index := m.Records[0].Index
	if index > t.next {
		panic(fmt.Sprintf("journal: event %d of %s, whose next is %d", index-1, m.Stream, t.next-1))
	}
	if index < t.next {
		return false
	}
	t.next++
	t.asked = true
	m.Token = t.write(m)
	return true
}

func (t *tail) snapshot(incarnation uint64, m *Checkpoint) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.claim(incarnation)
	if m.Upto >= t.next {
		panic(fmt.Sprintf("journal: snapshot of %s for events up to %d, whose next is %d", m.Stream, m.Upto, t.next-1))
	}
	t.asked = true
	m.Token = t.write(m)
}

func (t *tail) write(m any) uint64 {
	t.token++
	t.pending = append(t.pending, pendingWrite{t.token, m})
	return t.token
}

// written is the journal's: everything up to a token is on disk.
func (t *tail) written(token uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for n < len(t.pending) && t.pending[n].token <= token {
		n++
	}
	t.pending = slices.Delete(t.pending, 0, n)
}

// state is the index of the next event, and the tokens of what was written and of what is on disk.
func (t *tail) state() (next int, token, safe uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	safe = t.token
	if len(t.pending) > 0 {
		safe = t.pending[0].token - 1
	}
	return int(t.next) - 1, t.token, safe
}

type (
	// readRequest asks for all that there is of a stream.
	readRequest struct {
		stream string
		answer chan<- *readBack // has room
	}
	readBack struct {
		snapshot *Record
		reader   *journal.Reader
		err      error
	}
)

// answer lets who asks read for itself.
func (p *Journal) answer(_ actor.Context, m *readRequest) {
	out := &readBack{}
	if s := p.streams[m.stream]; s != nil {
		snap, ok, err := p.j.Snapshot(s.id)
		if ok && err == nil {
			r := fromJournal(snap, snap.Index)
			out.snapshot = &r
		}
		if out.err = err; err == nil {
			out.reader, out.err = p.j.Read(s.id, 0)
		}
	}
	m.answer <- out
}

func (b *readBack) records() ([]Record, error) {
	if b.err != nil || b.reader == nil {
		return nil, b.err
	}
	var out []Record
	if b.snapshot != nil {
		out = append(out, *b.snapshot)
	}
	for event, err := range b.reader.All() {
		if err != nil {
			return nil, err
		}
		if b.snapshot == nil || event.Index >= b.snapshot.Index { // the checkpoint may not be on disk yet
			out = append(out, fromJournal(event, event.Index+1))
		}
	}
	return out, nil
}
