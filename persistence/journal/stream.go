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

	found *Findings // forgotten when the owner has heard of it

	// listed: the catalogue's event is durable. removed: there will be no more appends.
	listed, removed bool
	touched         bool // is in Journal.touched
}

// upto is the first index that no checkpoint stands for.
func (s *stream) upto() uint64 {
	if s.hasSnap {
		return s.snap.index
	}
	return 0
}

// keep takes in an entry that was found in a file.
func (s *stream) keep(e entry, summary []byte) {
	s.found.add(e.index, e.kind(), summary)
	e.file.add(e.bytes())
	s.entries.push(e)
	s.entries.placed(e.index)
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
	s.entries.rewrite(from, c.index, func(p *entryPage, _ span) bool { return p.plain() }, func(e *entry) verdict {
		if e.kind() == segment.Messages && !e.released() {
			return same
		}
		if e.file != nil {
			e.file.drop(e.bytes())
		}
		return gone
	})
}

// release marks the messages below an index that do not live as released, and returns which. lives says how many of the indexes from..to do.
func (s *stream) release(below uint64, lives func(from, to uint64) uint64) (out ranges) {
	s.entries.rewrite(0, below, func(_ *entryPage, all span) bool {
		return lives(all.first, all.last+1) == all.last+1-all.first
	}, func(e *entry) verdict {
		if e.kind() != segment.Messages || e.released() || lives(e.index, e.index+1) == 1 {
			return same
		}
		e.release()
		out = out.add(e.index)
		return changed
	})
	return out
}

// settled takes out what was released and no checkpoint needs any more.
func (s *stream) settled(released ranges) {
	s.entries.rewrite(released[0].from, min(released[len(released)-1].to, s.upto()), func(_ *entryPage, all span) bool {
		return !released.meets(all.first, all.last+1)
	}, func(e *entry) verdict {
		if !e.released() || !released.has(e.index) {
			return same
		}
		if e.file != nil {
			e.file.drop(e.bytes())
		}
		return gone
	})
}

// living are the messages below an index that are not settled.
func (s *stream) living(below uint64) ranges {
	var out ranges
	for i := range s.entries.pages {
		p := &s.entries.pages[i]
		if p.plain() && p.last < below {
			out = out.addAll(p.first(), p.last+1)
			continue
		}
		p.each(0, func(e *entry) bool {
			if e.index < below && e.kind() == segment.Messages && !e.released() {
				out = out.add(e.index)
			}
			return e.index < below
		})
		if p.last >= below {
			break
		}
	}
	return out
}

// clear drops every record.
func (s *stream) clear() {
	s.entries.clear()
	if s.hasSnap && s.snap.file != nil {
		s.snap.file.drop(s.snap.bytes())
	}
	s.snap, s.hasSnap = entry{}, false
}

func (s *stream) info() StreamInfo {
	return StreamInfo{ID: s.id, Name: s.name, Next: s.next, Durable: s.durable, Checkpoint: s.upto(), Incarnation: s.incarnation}
}
