package journal

import (
	"cmp"
	"fmt"
	"slices"

	"warren/persistence/segment"
)

// Cleaned says what Clean did.
type Cleaned struct {
	// Recycled segments, and records that were copied forward.
	Recycled, Copied int
	CopiedBytes      int64
	// More: there is more to do, call again.
	More bool
	// Damage found on the way. The segment stays.
	Damage []Damage
	// Durable is what became durable with it, as Commit would have said.
	Durable []Durable
}

// cleaning is the segment that is being emptied, and which of its records are still to be looked at.
type cleaning struct {
	file *file
	left []living // by offset, so that those who share bytes come close behind each other
	// tails are the ids of bytes that living records share, by where they are in the file; nil if none do.
	tails map[int64]uint64
}

type living struct {
	stream *stream
	index  uint64
	offset int64
	snap   bool
}

// Clean does one step of housekeeping. It recycles the segments in which nothing lives; and while the full segments take more than
// twice what lives in them plus one segment, it copies the living of the emptiest one forward, up to that many bytes a call, commits
// and syncs the copies, and recycles the source when nothing is left in it. So the directory stays below twice the living bytes, plus
// the active segment, the spare ones and the one that is being emptied.
func (j *Journal) Clean(bytes int64) (Cleaned, error) {
	if j.closed {
		return Cleaned{}, ErrClosed
	}
	var out Cleaned
	err := j.recycle(&out)
	if err == nil {
		err = j.carry(&out, bytes)
	}
	if err == nil && out.Copied > 0 {
		err = j.recycle(&out)
	}
	if err != nil {
		return out, err
	}
	out.Durable = j.report()
	return out, nil
}

// recycle takes the dead segments out: first the catalogue says so, durably, then the files go. The other way round a crash would
// leave a segment missing.
func (j *Journal) recycle(out *Cleaned) error {
	var dead []*file
	for _, f := range j.files {
		if j.recyclable(f) {
			dead = append(dead, f)
		}
	}
	if len(dead) == 0 {
		return nil
	}
	for _, f := range dead {
		if !f.released {
			j.note(released(f.number()))
			j.after(effect{do: segmentReleased, number: f.number()})
		}
	}
	// Whatever made them dead must be durable in the full sense, whatever the mode.
	if err := j.flush(true); err != nil {
		return err
	}
	if err := j.dispose(dead); err != nil {
		return err
	}
	out.Recycled += len(dead)
	return nil
}

// recyclable: nothing of any stream lives there, the catalogue has a newer opening, nobody reads it, and it is not what says where an
// abandoned segment ended.
func (j *Journal) recyclable(f *file) bool {
	if f.live > 0 || f == j.file || j.opening == nil || f.number() >= j.opening.number() || f.pins.Load() > 0 {
		return false
	}
	for _, g := range j.files {
		if g != f && f.closes(g) {
			return false
		}
	}
	return true
}

// carry copies some of what lives in the emptiest segment forward.
func (j *Journal) carry(out *Cleaned, bytes int64) error {
	if j.cleaning.file == nil && !j.choose() {
		return nil
	}
	source := j.cleaning.file
	for len(j.cleaning.left) > 0 && out.CopiedBytes < bytes {
		l := j.cleaning.left[0]
		j.cleaning.left = j.cleaning.left[1:]
		e := l.stream.entries.find(l.index)
		if l.snap {
			e = &l.stream.snap
		}
		if e == nil || e.file != source || e.index != l.index {
			continue // died or was superseded meanwhile
		}
		if err := j.copyForward(l.stream, e, out); err != nil {
			return err
		}
	}
	if out.More = true; len(j.cleaning.left) == 0 {
		j.cleaning = cleaning{}
	}
	if out.Copied == 0 {
		return nil
	}
	if err := j.flush(true); err != nil {
		// The copies are in the tail and will be written with it; the originals stay meanwhile.
		j.cleaning = cleaning{}
		return err
	}
	return nil
}

func (j *Journal) copyForward(s *stream, e *entry, out *Cleaned) error {
	record, tail, err := segment.NewReader(e.file.f, e.file.header.Epoch).ReadShared(e.segment(s.id))
	if err != nil {
		e.file.damaged = true
		out.Damage = append(out.Damage, damaged(e.file, e.segment(s.id), err).(*DamageError).Damage)
		return nil
	}
	deflate(&record)
	record.Flags |= segment.Copy
	if j.cleaning.tails != nil && e.kind() == Messages {
		j.cleaning.share(&record, tail)
	}
	j.pending = append(j.pending, pending{record: record, stream: s, from: e.file, offset: e.offset()})
	out.Copied++
	out.CopiedBytes += segment.Bytes(record.Size())
	j.stats.Copied++
	return nil
}

// share gives the copies of records that shared bytes in the source a tail, which they share where they are written to.
func (c *cleaning) share(r *segment.Record, at int64) {
	id := c.tails[at]
	rest := segment.Tail{ID: id, Bytes: r.Payload[r.Summary:]}
	if id == 0 {
		rest = segment.NewTail(rest.Bytes)
		c.tails[at] = rest.ID
	}
	r.Payload, r.Tail = r.Payload[:r.Summary], rest
}

// choose picks the segment to empty: one that was abandoned, since it keeps its successors, else the one with the least share
// of living bytes, if the whole is above its bound.
func (j *Journal) choose() bool {
	var used, lives int64
	var best *file
	for _, f := range j.files {
		if f == j.file || j.opening == nil || f.number() >= j.opening.number() {
			continue
		}
		if f.live == 0 || f.damaged {
			continue
		}
		used += f.header.Size
		lives += f.liveBytes
		switch {
		case best == nil, !f.sealed && best.sealed, f.sealed == best.sealed && share(f) < share(best):
			best = f
		}
	}
	if best == nil || best.sealed && used <= 2*lives+j.opt.SegmentBytes {
		return false
	}
	j.cleaning.file = best
	for _, s := range j.streams {
		if s.hasSnap && s.snap.file == best {
			j.cleaning.left = append(j.cleaning.left, living{s, s.snap.index, s.snap.offset(), true})
		}
		s.entries.eachIn(best, func(e *entry) {
			j.cleaning.left = append(j.cleaning.left, living{s, e.index, e.offset(), false})
			if e.flags()&segment.Shared != 0 && j.cleaning.tails == nil {
				j.cleaning.tails = map[int64]uint64{}
			}
		})
	}
	slices.SortFunc(j.cleaning.left, func(a, b living) int { return cmp.Compare(a.offset, b.offset) })
	if len(j.cleaning.left) == 0 {
		panic(fmt.Sprintf("journal: segment %d counts %d living records and no stream has one", best.number(), best.live))
	}
	return true
}

func share(f *file) float64 { return float64(f.liveBytes) / float64(f.header.Size) }
