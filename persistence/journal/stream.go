package journal

import (
	"slices"
	"sort"

	"warren/persistence/segment"
)

// stream is what the journal remembers of a stream: where its living records are.
type stream struct {
	id   StreamID
	name string
	// Index of the next event, and the first that is not durable.
	next, durable uint64
	incarnation   uint64
	// Living events, pending ones included, by index. Entries that died in the middle stay until they are half of all.
	entries []entry
	dead    int
	// The newest checkpoint that was reported; none while hasSnap is false. Its index is the first event that it does not contain.
	snap    entry
	hasSnap bool

	// What the index told of records at the start, by index; forgotten when the owner has heard it.
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

// search returns the position of the first entry with at least that index.
func (s *stream) search(index uint64) int {
	n := len(s.entries)
	if n == 0 || s.entries[n-1].index < index {
		return n
	}
	// Most look for one of the newest, and those are gapless: a subtraction instead of the search below, which was a seventh
	// of BenchmarkJournalAppend's time.
	if back := s.entries[n-1].index - index; back < uint64(n) {
		if i := n - 1 - int(back); s.entries[i].index == index {
			return i
		}
	}
	return sort.Search(len(s.entries), func(i int) bool { return s.entries[i].index >= index })
}

func (s *stream) find(index uint64) *entry {
	i := s.search(index)
	if i < len(s.entries) && s.entries[i].index == index && !s.entries[i].dead() {
		return &s.entries[i]
	}
	return nil
}

// die takes an entry out.
func (s *stream) die(e *entry) {
	if e.file != nil {
		e.file.drop(e.bytes())
	}
	*e = entry{index: e.index}
	s.dead++
	for len(s.entries) > 0 && s.entries[0].dead() {
		s.entries = s.entries[1:]
		s.dead--
	}
	if s.dead > 32 && s.dead > len(s.entries)/2 {
		s.entries = slices.DeleteFunc(s.entries, func(e entry) bool { return e.dead() })
		s.dead = 0
	}
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
	i, k := s.search(from), s.search(c.index)
	kept := s.entries[:i]
	for _, e := range s.entries[i:k] {
		switch {
		case e.kind() == segment.Messages && !e.released():
			kept = append(kept, e)
		case e.dead():
			s.dead--
		case e.file != nil:
			e.file.drop(e.bytes())
		}
	}
	kept = append(kept, s.entries[k:]...)
	clear(s.entries[len(kept):])
	s.entries = kept
}

// living are the messages below an index that are not settled.
func (s *stream) living(below uint64) ranges {
	var out ranges
	for i := range s.entries {
		e := &s.entries[i]
		if e.index >= below {
			break
		}
		if e.kind() == segment.Messages && !e.released() {
			out = out.add(e.index)
		}
	}
	return out
}

// clear drops every record.
func (s *stream) clear() {
	for _, e := range s.entries {
		if e.file != nil {
			e.file.drop(e.bytes())
		}
	}
	if s.hasSnap && s.snap.file != nil {
		s.snap.file.drop(s.snap.bytes())
	}
	s.entries, s.dead = nil, 0
	s.snap, s.hasSnap = entry{}, false
}

func (s *stream) info() StreamInfo {
	out := StreamInfo{
		ID: s.id, Name: s.name, Next: s.next, Durable: s.durable, Checkpoint: s.upto(), Incarnation: s.incarnation,
	}
	for i := range s.entries {
		switch e := &s.entries[i]; {
		case e.dead():
		case e.index < out.Checkpoint:
			out.Messages++
		default:
			out.Events++
			out.EventBytes += int64(e.bytes())
		}
	}
	return out
}
