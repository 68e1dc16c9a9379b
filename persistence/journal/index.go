package journal

import (
	"cmp"
	"fmt"
	"slices"

	"warren/persistence/segment"
)

// index is what the records of a directory add up to: the streams, and where their living records are.
type index struct {
	*loader
	catalogue *catalogue
	opening   *file  // of the catalogue's checkpoint
	nextNote  uint64 // next index of the catalogue's own stream
	// known: the catalogue is whole, so that what it does not list is not there.
	known   bool
	streams map[StreamID]*stream
	// What is to be said if there is damage anywhere.
	left []func()
}

func buildIndex(l *loader) *index {
	x := &index{loader: l, streams: map[StreamID]*stream{}}
	x.readCatalogue()
	x.checkSegments()
	for id := range x.catalogue.streams {
		x.streams[id] = x.stream(id)
	}
	for id := range x.gathered {
		if x.streams[id] == nil {
			x.streams[id] = x.stream(id)
		}
	}
	for _, id := range sortedKeys(x.streams) {
		s := x.streams[id]
		listed, ok := x.catalogue.streams[id]
		switch {
		case ok:
			s.name = listed.name
		case x.known:
			delete(x.streams, id) // removed; its records are waiting for their segments to go
			continue
		default:
			s.name = fmt.Sprintf("orphan-%d", id)
			x.recovery.Orphans = append(x.recovery.Orphans, id)
		}
		s.listed = true
		x.settle(s, listed.durable)
	}
	if !x.recovery.Intact() {
		for _, f := range x.left {
			f()
		}
	}
	x.recovery.Streams = len(x.streams)
	x.nameDamage()
	return x
}

// nameDamage says what the streams are called whose records were hit.
func (x *index) nameDamage() {
	for _, d := range x.recovery.Damage {
		for _, r := range d.Records {
			if listed, ok := x.catalogue.streams[r.Stream]; ok {
				if x.recovery.Names == nil {
					x.recovery.Names = map[StreamID]string{}
				}
				x.recovery.Names[r.Stream] = listed.name
			}
		}
	}
}

// readCatalogue folds the journal's own stream: the newest checkpoint that can be read, and the events behind it.
func (x *index) readCatalogue() {
	x.catalogue, x.known = newCatalogue(), true
	from := uint64(0)
	for _, f := range slices.Backward(x.files) {
		if f.records == 0 {
			continue
		}
		c, at := x.readOpening(f)
		if c != nil {
			x.catalogue, x.opening, from = c, f, at
			break
		}
		x.known = false
	}
	next := from
	for _, e := range x.notes(from) {
		if e.Index < next {
			continue // the second of two
		}
		record, err := x.readEntry(e.file, e.Entry)
		if err == nil {
			err = x.catalogue.apply(record.Payload)
		}
		if err != nil || e.Index > next {
			x.known = false
		}
		next = e.Index + 1
	}
	x.nextNote = next
}

// readOpening returns the catalogue that a segment opens with; every segment that has records has one, as its first.
func (x *index) readOpening(f *file) (c *catalogue, at uint64) {
	e := f.opening
	if e.Stream != uint64(catalogueID) || e.Kind != Checkpoint {
		return nil, 0
	}
	record, err := x.readEntry(f, e)
	if err == nil {
		c, err = parseCatalogue(record.Payload)
	}
	if err != nil {
		return nil, 0
	}
	return c, e.Index
}

// placed is a record and its file.
type placed struct {
	segment.Entry
	file *file
}

// notes are the catalogue's events from an index on, by index.
func (x *index) notes(from uint64) []placed {
	var out []placed
	for _, f := range x.files {
		for _, e := range f.notes {
			if e.Index >= from {
				out = append(out, placed{e, f})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b placed) int { return cmp.Compare(a.Index, b.Index) })
	return out
}

// readEntry reads a record that the index itself needs, and reports one that went bad.
func (x *index) readEntry(f *file, e segment.Entry) (segment.Record, error) {
	record, err := segment.NewReader(f.f, f.header.Epoch).ReadAt(e)
	if err == nil {
		err = inflate(&record)
	}
	if err != nil {
		x.damage(f, segment.Fault{Offset: e.Offset, Bytes: e.End() - e.Offset, Record: &e}, err.Error())
		f.damaged = true
	}
	return record, err
}

// checkSegments compares the files with those that the catalogue lists.
func (x *index) checkSegments() {
	if x.opening == nil {
		return
	}
	there := map[uint64]bool{}
	for _, f := range x.files {
		there[f.number()] = true
		if _, listed := x.catalogue.segments[f.number()]; !listed && x.known && f.number() < x.opening.number() {
			// Released, and the crash came before the file was renamed.
			f.released = true
		}
	}
	for _, number := range sortedKeys(x.catalogue.segments) {
		if !there[number] {
			x.recovery.Damage = append(x.recovery.Damage, Damage{
				Place: Place{File: segment.Name(number, x.catalogue.segments[number])}, What: "segment is missing",
			})
		}
	}
}

func (x *index) stream(id StreamID) *stream {
	return &stream{id: id, entries: entries{paging: x.paging}}
}

// settle decides what lives of a stream, and what of it is lost.
func (x *index) settle(s *stream, durable uint64) {
	g := x.gathered[s.id]
	if g == nil {
		g = &gathered{}
	}
	delete(x.gathered, s.id) // its pieces are garbage when it is through
	left := x.chooseSnap(s, slices.DeleteFunc(g.snaps, func(p placed) bool { return p.file.released }))
	upto := s.upto()

	next := upto
	seen := ranges{}
	s.found = &Findings{tape: tape{store: x.paging.store}}
	g.each(x.files, func(e entry, summary []byte) {
		if e.index < upto {
			if e.kind() == segment.Messages && left.has(e.index) {
				s.keep(e, summary)
				seen = seen.add(e.index)
			}
			return
		}
		if e.index > next {
			x.lose(s, next, e.index, false)
		}
		s.keep(e, summary)
		next = e.index + 1
	})
	if next < durable {
		x.lose(s, next, durable, false)
		next = durable
	}
	s.next, s.durable = next, next
	x.left = append(x.left, func() { x.perhaps(s, left, seen) })
}

// chooseSnap takes the newest checkpoint that can be read, and returns the messages that it says are left.
func (x *index) chooseSnap(s *stream, snaps []placed) ranges {
	// Of two for the same index the later, whose owner had a reason to write it.
	slices.Reverse(snaps)
	slices.SortStableFunc(snaps, func(a, b placed) int { return cmp.Compare(b.Index, a.Index) })
	for _, p := range snaps {
		record, err := x.readEntry(p.file, p.Entry)
		if err != nil {
			continue
		}
		left, _, err := parseRanges(record.Payload)
		if err != nil {
			continue
		}
		s.snap = placedEntry(p.file, p.Entry)
		s.hasSnap = true
		p.file.add(p.Bytes)
		return left
	}
	return nil
}

func (x *index) lose(s *stream, from, to uint64, perhaps bool) {
	x.recovery.Lost = append(x.recovery.Lost, Lost{Stream: s.id, Name: s.name, From: from, To: to, Perhaps: perhaps})
}

// perhaps names the messages that the checkpoint says are left and that are not there. Without damage they were settled since;
// with damage one cannot tell.
func (x *index) perhaps(s *stream, left, seen ranges) {
	for _, r := range left {
		for i := r.from; i < r.to; i++ {
			if seen.has(i) {
				continue
			}
			from := i
			for i+1 < r.to && !seen.has(i+1) {
				i++
			}
			x.lose(s, from, i+1, true)
		}
	}
}
