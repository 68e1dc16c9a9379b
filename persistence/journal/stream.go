package journal

import "warren/persistence/segment"

// stream is what the journal remembers of a stream: where its living records are.
type stream struct {
	id   StreamID
	name string
	// Index of the next event, and the first that is not durable.
	next, durable uint64
	incarnation   uint64
	entries       entries // living events, pending ones included, by index
	// The newest checkpoint that was reported; none while hasSnap is false. Its index is the first event that it does not contain.
	snap    entry
	hasSnap bool

	// What the index told of records at the start, by index; forgotten when the owner has heard it.
	found     []entry // until it is known which of them live
	summaries []summary

	// listed: the catalogue's event is durable. removed: there will be no more appends.
	listed, removed bool
	touched         bool // is in Journal.touched
}

// summary is the beginning of a record's payload.
type summary struct {
	index uint64
	text  string
}

// upto is the first index that no checkpoint stands for.
func (s *stream) upto() uint64 {
	if s.hasSnap {
		return s.snap.index
	}
	return 0
}

// keep takes in an entry that was found in a file.
func (s *stream) keep(e entry) {
	e.file.add(e.bytes())
	s.entries.push(e)
	s.entries.placed(e.index)
}

// die takes an entry out.
func (s *stream) die(e *entry) {
	if e.file != nil {
		e.file.drop(e.bytes())
	}
	index := e.index
	*e = entry{index: index}
	s.entries.drop(index)
}

// supersede takes in a checkpoint that became durable: it replaces the one before, and what it stands for is dead, but for
// messages that are not settled.
func (s *stream) supersede(c entry) {
	from := s.upto()
	if s.hasSnap && s.snap.file != nil {
		s.snap.file.drop(s.snap.bytes())
	}
	s.snap, s.hasSnap = c, true
	// Below the last checkpoint only messages are left, and those die by themselves.
	s.entries.replace(from, c.index, func(e *entry) bool {
		if e.kind() == segment.Messages && !e.released() {
			return true
		}
		if e.file != nil {
			e.file.drop(e.bytes())
		}
		return false
	})
}

// living are the messages below an index that are not settled.
func (s *stream) living(below uint64) ranges {
	var out ranges
	s.entries.each(0, func(e *entry) bool {
		if e.index < below && e.kind() == segment.Messages && !e.released() {
			out = out.add(e.index)
		}
		return e.index < below
	})
	return out
}

// clear drops every record.
func (s *stream) clear() {
	s.entries.each(0, func(e *entry) bool {
		if e.file != nil {
			e.file.drop(e.bytes())
		}
		return true
	})
	if s.hasSnap && s.snap.file != nil {
		s.snap.file.drop(s.snap.bytes())
	}
	s.entries = entries{}
	s.snap, s.hasSnap = entry{}, false
}

func (s *stream) info() StreamInfo {
	out := StreamInfo{
		ID: s.id, Name: s.name, Next: s.next, Durable: s.durable, Checkpoint: s.upto(), Incarnation: s.incarnation,
	}
	s.entries.each(0, func(e *entry) bool {
		if e.index < out.Checkpoint {
			out.Messages++
		} else {
			out.Events++
			out.EventBytes += int64(e.bytes())
		}
		return true
	})
	return out
}
