package journal

import (
	"fmt"

	"warren/persistence/segment"
)

// Kind says what supersedes an event.
type Kind = segment.Kind

// The kinds that can be appended; Checkpoint is what readers see of a checkpoint.
const (
	Event      = segment.Event
	Messages   = segment.Messages
	Checkpoint = segment.Checkpoint
)

// maxPayload leaves room for what the journal puts ahead of a checkpoint.
const maxPayload = segment.MaxPayload - 1<<20

// Claim makes incarnation the stream's writer; everything older is refused from then on. Incarnations count for the life of the
// process: writers of an earlier one are gone, or the lock would not be ours.
func (j *Journal) Claim(id StreamID, incarnation uint64) error {
	_, err := j.writer(id, incarnation)
	return err
}

// Append puts an event into the current group. The payload is the journal's from here on; nobody changes it any more. Appending goes
// on while commits fail, and all of it is written when they succeed again; to stop before memory is full is the caller's part.
func (j *Journal) Append(id StreamID, incarnation, index uint64, kind Kind, payload []byte) error {
	return j.AppendSummarized(id, incarnation, index, kind, 0, payload)
}

// AppendSummarized is Append of a payload whose first bytes, as many as summary says, are what a start is to find without reading
// the rest; see Found.
func (j *Journal) AppendSummarized(id StreamID, incarnation, index uint64, kind Kind, summary int, payload []byte) error {
	return j.append(id, segment.Record{Index: index, Incarnation: incarnation, Kind: kind, Summary: summary, Payload: payload})
}

// Tail is the end of a payload, which several records may have: see AppendParted.
type Tail = segment.Tail

// AppendParted is AppendSummarized of a payload in two parts, which are written one behind the other. When the tail has an id, other
// records have it as well: then the head is the summary and nothing else, and a segment has the bytes of the tail once.
func (j *Journal) AppendParted(id StreamID, incarnation, index uint64, kind Kind, summary int, head []byte, tail Tail) error {
	return j.append(id, segment.Record{Index: index, Incarnation: incarnation, Kind: kind, Summary: summary, Payload: head, Tail: tail})
}

func (j *Journal) append(id StreamID, r segment.Record) error {
	kind, index := r.Kind, r.Index
	if kind != Event && kind != Messages {
		return fmt.Errorf("journal: append to stream %d: %s is no event", id, kind)
	}
	s, err := j.writer(id, r.Incarnation)
	if err != nil {
		return err
	}
	if index != s.next {
		return fmt.Errorf("journal: append event %d to %s, whose next is %d: %w", index, s.name, s.next, ErrIndex)
	}
	if r.Size() > maxPayload {
		return fmt.Errorf("journal: append %d bytes to %s: the limit is %d", r.Size(), s.name, maxPayload)
	}
	if r.Summary > min(len(r.Payload), segment.MaxSummary) {
		return fmt.Errorf("journal: append to %s: a summary of %d bytes, of %d: the limit is %d", s.name, r.Summary, len(r.Payload), segment.MaxSummary)
	}
	s.next++
	s.entries.push(newEntry(index, kind, uint32(r.Size())))
	j.push(s, r)
	return nil
}

// Checkpoint puts a snapshot into the current group. It stands for every event below upto; when it is durable those are dead, but for
// Messages that were not released. The names of these are kept with it.
func (j *Journal) Checkpoint(id StreamID, incarnation, upto uint64, payload []byte) error {
	s, err := j.writer(id, incarnation)
	if err != nil {
		return err
	}
	if upto > s.next || upto < s.upto() {
		return fmt.Errorf("journal: checkpoint of %s up to %d, which has events up to %d and a checkpoint up to %d: %w", s.name, upto, s.next, s.upto(), ErrIndex)
	}
	if len(payload) > maxPayload {
		return fmt.Errorf("journal: checkpoint of %s with %d bytes: the limit is %d", s.name, len(payload), maxPayload)
	}
	b := s.living(upto).append(make([]byte, 0, len(payload)+16))
	b = append(b, payload...)
	j.push(s, segment.Record{Index: upto, Incarnation: incarnation, Kind: Checkpoint, Payload: b})
	return nil
}

// Release says that all messages of an event are settled. The event that settled them was appended before; the release takes
// effect when that is durable. Releasing twice, or what is not there, does nothing.
//
// A release is as durable as the next checkpoint of the stream. After a recovery a message that was released since may be there
// again, and its owner, folding the event that settled it, releases it again.
func (j *Journal) Release(id StreamID, index uint64) error {
	s, err := j.stream(id)
	if err != nil {
		return err
	}
	e := s.entries.find(index)
	if e == nil || e.kind() != Messages || e.released() {
		return nil
	}
	e.release()
	if n := len(j.effects); n > 0 && j.effects[n-1].follows(s, len(j.pending), index) {
		j.effects[n-1].released = j.effects[n-1].released.add(index)
		return nil
	}
	j.after(effect{do: becomeReleased, stream: s, released: ranges{}.add(index)})
	return nil
}

// ReleaseBut releases all messages below an index that do not live. lives says how many of the indexes from..to do;
// from never falls.
func (j *Journal) ReleaseBut(id StreamID, below uint64, lives func(from, to uint64) uint64) error {
	s, err := j.stream(id)
	if err != nil {
		return err
	}
	if released := s.release(below, lives); len(released) > 0 {
		j.after(effect{do: becomeReleased, stream: s, released: released})
	}
	return nil
}

func (j *Journal) writer(id StreamID, incarnation uint64) (*stream, error) {
	s, err := j.stream(id)
	if err != nil {
		return nil, err
	}
	if incarnation < s.incarnation {
		return nil, fmt.Errorf("journal: incarnation %d of %s, held by %d: %w", incarnation, s.name, s.incarnation, ErrStale)
	}
	s.incarnation = incarnation
	return s, nil
}

func (j *Journal) push(s *stream, r segment.Record) {
	r.Stream, r.Time = uint64(s.id), j.clock()
	j.pending = append(j.pending, pending{record: r, stream: s})
}

// note appends an event to the catalogue.
func (j *Journal) note(payload []byte) {
	j.push(j.catalogue, segment.Record{Index: j.catalogue.next, Kind: Event, Payload: payload})
	j.catalogue.next++
}

// effect is what happens when everything appended before it was reported durable.
type effect struct {
	at       int // position in pending
	do       effectKind
	stream   *stream
	released ranges
	number   uint64
}

// follows says whether the release of a record may become part of the effect.
func (e *effect) follows(s *stream, at int, index uint64) bool {
	return e.do == becomeReleased && e.stream == s && e.at == at && e.released[len(e.released)-1].to <= index
}

type effectKind uint8

const (
	becomeListed effectKind = iota
	becomeGone
	becomeReleased
	segmentReleased
)

// after puts off an effect until all that is pending is reported; now, when that is so already.
func (j *Journal) after(e effect) {
	if e.at = len(j.pending); e.at <= j.reported {
		j.run(e)
		return
	}
	j.effects = append(j.effects, e)
}

func (j *Journal) run(e effect) {
	switch e.do {
	case becomeListed:
		e.stream.listed = true
	case becomeGone:
		e.stream.clear()
		delete(j.streams, e.stream.id)
	case becomeReleased:
		// Above the checkpoint the record is still needed for what else it says; the next checkpoint drops it.
		e.stream.settled(e.released)
	case segmentReleased:
		for _, f := range j.files {
			if f.number() == e.number {
				f.released = true
			}
		}
	}
}
