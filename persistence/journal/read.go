package journal

import (
	"errors"
	"io"
	"iter"
	"time"

	"warren/persistence/segment"
)

// Record is an event or a checkpoint as its writer appended it.
type Record struct {
	Stream      StreamID
	Index       uint64 // of a checkpoint: the first event that is not in it
	Incarnation uint64
	Time        time.Time
	Kind        Kind
	Payload     []byte // immutable
}

// Snapshot returns the newest checkpoint of a stream, also one that is not durable yet.
func (j *Journal) Snapshot(id StreamID) (r Record, ok bool, err error) {
	s, err := j.stream(id)
	if err != nil {
		return Record{}, false, err
	}
	record, f, ok, err := j.newestSnap(s)
	if !ok || err != nil {
		return Record{}, ok, err
	}
	_, payload, err := parseRanges(record.Payload)
	if err != nil {
		return Record{}, true, damaged(f, s.snap.segment(id), err)
	}
	record.Payload = payload
	return toRecord(record), true, nil
}

func (j *Journal) newestSnap(s *stream) (r segment.Record, f *file, ok bool, err error) {
	for i := len(j.pending) - 1; i >= 0; i-- {
		p := &j.pending[i]
		if p.stream == s && p.record.Kind == Checkpoint && p.from == nil {
			return p.record, nil, true, nil
		}
	}
	if !s.hasSnap {
		return segment.Record{}, nil, false, nil
	}
	r, err = readRecord(s.snap.file, s.snap.segment(s.id))
	return r, s.snap.file, true, err
}

// Read returns a reader of the events of a stream from an index on, in order, those that are not durable yet included. Below the
// checkpoint there are only Messages that are not settled; an index that is left out above it was lost, and Recovery said so.
func (j *Journal) Read(id StreamID, from uint64) (*Reader, error) {
	s, err := j.stream(id)
	if err != nil {
		return nil, err
	}
	r := &Reader{id: id}
	s.entries.each(from, func(e *entry) bool { r.add(*e); return true })
	j.addWaiting(r, s, from)
	return r, nil
}

// Pick returns a reader of these events of a stream, which are given in rising order. What is not there any more is left out.
func (j *Journal) Pick(id StreamID, indexes []uint64) (*Reader, error) {
	s, err := j.stream(id)
	if err != nil {
		return nil, err
	}
	r := &Reader{id: id, items: make([]entry, 0, len(indexes))}
	s.entries.pick(indexes, r.add)
	if len(r.items) > 0 && r.items[len(r.items)-1].file == nil {
		j.addWaiting(r, s, indexes[0])
	}
	return r, nil
}

// Found returns what lived of a stream when the journal was opened, without reading it; nothing after Forget.
func (j *Journal) Found(id StreamID) (*Findings, error) {
	s, err := j.stream(id)
	if err != nil {
		return nil, err
	}
	if s.found == nil {
		return &Findings{}, nil
	}
	return s.found, nil
}

// Forget lets go of what was found. Who asked for it before has it still.
func (j *Journal) Forget() {
	for _, s := range j.streams {
		s.found = nil
	}
}

// addWaiting gives a reader what is not written yet.
func (j *Journal) addWaiting(r *Reader, s *stream, from uint64) {
	for i := range j.pending {
		if p := &j.pending[i]; p.stream == s && p.from == nil && p.record.Kind != Checkpoint && p.record.Index >= from {
			if r.waiting == nil {
				r.waiting = map[uint64]segment.Record{}
			}
			r.waiting[p.record.Index] = whole(p.record)
		}
	}
}

// whole is a record as readers see it, with its tail in the payload.
func whole(r segment.Record) segment.Record {
	if len(r.Tail.Bytes) > 0 {
		r.Payload = append(append(make([]byte, 0, r.Size()), r.Payload...), r.Tail.Bytes...)
	}
	r.Tail = segment.Tail{}
	return r
}

// Reader is a stream, or some of it, as it was when Read or Pick was called. It holds the segments that it needs until All is through or it is closed, and may
// be used on another goroutine than the journal's.
type Reader struct {
	id      StreamID
	items   []entry
	waiting map[uint64]segment.Record
	pinned  []*file

	// What was read last: a piece of one file.
	file   *file
	reader *segment.Reader
	base   int64
	buf    []byte
}

func (r *Reader) add(e entry) {
	r.items = append(r.items, e)
	if f := e.file; f != nil && !r.holds(f) {
		f.pins.Add(1)
		r.pinned = append(r.pinned, f)
	}
}

// Len is how many events there are.
func (r *Reader) Len() int { return len(r.items) }

// All returns the events in order. One that cannot be read comes as its stream and index with a *DamageError, or whatever the
// disk said, and the next one follows.
func (r *Reader) All() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		defer r.Close()
		for i := range r.items {
			e := &r.items[i]
			record, err := r.read(i)
			if err != nil {
				record = segment.Record{Stream: uint64(r.id), Index: e.index, Kind: e.kind()}
			}
			if !yield(toRecord(record), err) {
				return
			}
		}
	}
}

// Close lets the segments go. All closes by itself.
func (r *Reader) Close() {
	for _, f := range r.pinned {
		f.pins.Add(-1)
	}
	r.pinned, r.items, r.buf = nil, nil, nil
}

func (r *Reader) holds(f *file) bool {
	for i := len(r.pinned) - 1; i >= 0; i-- {
		if r.pinned[i] == f {
			return true
		}
	}
	return false
}

func (r *Reader) read(i int) (segment.Record, error) {
	e := &r.items[i]
	if record, ok := r.waiting[e.index]; ok {
		return record, nil
	}
	at := e.segment(r.id)
	if e.file != r.file || e.offset() < r.base || at.End() > r.base+int64(len(r.buf)) {
		if err := r.fetch(i); err != nil {
			return segment.Record{}, err
		}
	}
	record, err := r.reader.Decode(r.buf[min(e.offset()-r.base, int64(len(r.buf))):], at)
	if err == nil {
		err = inflate(&record)
	}
	if err != nil {
		return record, damaged(e.file, at, err)
	}
	return record, nil
}

// readAhead is how much is read at once when the records that follow are close by.
const readAhead = 256 << 10

// fetch reads the piece of a file that begins with a record and ends with the last of those behind it that are within reach. Every
// piece is new memory, since the payloads alias it.
func (r *Reader) fetch(i int) error {
	first := &r.items[i]
	last := first.segment(r.id)
	end := last.End()
	for k := i + 1; k < len(r.items); k++ {
		e := &r.items[k]
		at := e.segment(r.id)
		if e.file != first.file || e.offset() < end || at.End() > first.offset()+readAhead || at.Offset-end > 4*(segment.RecordHeader+int64(e.bytes()))+4096 {
			break
		}
		end = at.End()
	}
	if first.file != r.file {
		r.file, r.reader = first.file, segment.NewReader(first.file.f, first.file.header.Epoch)
	}
	r.base, r.buf = first.offset(), make([]byte, end-first.offset())
	n, err := first.file.f.ReadAt(r.buf, r.base)
	if r.buf = r.buf[:n]; err != nil && !errors.Is(err, io.EOF) {
		r.file = nil
		return damaged(first.file, first.segment(r.id), err)
	}
	return nil
}

func readRecord(f *file, e segment.Entry) (segment.Record, error) {
	record, err := segment.NewReader(f.f, f.header.Epoch).ReadAt(e)
	if err == nil {
		err = inflate(&record)
	}
	if err != nil {
		return record, damaged(f, e, err)
	}
	return record, nil
}

func damaged(f *file, e segment.Entry, err error) error {
	return &DamageError{
		Damage: Damage{
			Place:   Place{File: f.name, Offset: e.Offset, Bytes: e.End() - e.Offset},
			What:    "record cannot be read",
			Records: []RecordID{{StreamID(e.Stream), e.Index, e.Kind}},
		},
		Err: err,
	}
}

func toRecord(r segment.Record) Record {
	return Record{
		Stream: StreamID(r.Stream), Index: r.Index, Incarnation: r.Incarnation, Time: time.Unix(0, r.Time), Kind: r.Kind, Payload: r.Payload,
	}
}
