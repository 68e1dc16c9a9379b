package journal

import (
	"fmt"
	"slices"

	"warren/persistence/segment"
)

// Durable says how far a stream is durable, as the sync mode understands the word.
type Durable struct {
	Stream StreamID
	Name   string
	// Every event below Upto is durable, and the checkpoint that stands for the events below Checkpoint.
	Upto       uint64
	Checkpoint uint64
}

// Commit writes the current group and makes it durable: one write, one fdatasync. It returns the streams that came further since the
// last time; the slice is good until the next call.
//
// After an error nothing of what waited is durable as far as anybody may know. The segment is given up, nothing in it is tried again,
// and the next Commit writes the whole tail to a new one. Until that succeeds every Commit returns its error.
func (j *Journal) Commit() ([]Durable, error) {
	if err := j.flush(false); err != nil {
		return nil, err
	}
	return j.report(), nil
}

// Sync is Commit with the fdatasync that SyncInterval and SyncOS put off.
func (j *Journal) Sync() ([]Durable, error) {
	if err := j.flush(true); err != nil {
		return nil, err
	}
	return j.report(), nil
}

// Waiting says whether a Commit would have anything to write.
func (j *Journal) Waiting() bool { return j.written < len(j.pending) }

// Unsynced says whether a Sync would have anything to do.
func (j *Journal) Unsynced() bool { return j.dirty || j.Waiting() }

func (j *Journal) flush(force bool) error {
	if j.closed {
		return ErrClosed
	}
	waiting := j.Waiting()
	err := j.write()
	if err == nil {
		err = j.sync(force)
	}
	j.now = 0
	if err != nil {
		j.abandon()
		j.stats.Failures++
		return fmt.Errorf("journal: commit %d records: %w", len(j.pending), err)
	}
	if waiting {
		j.stats.Commits++
	}
	return nil
}

// groupMost is about how large a group gets. The buffer it is made in is used again then, however much waits: made anew and grown for
// each commit, it was half of all garbage when messages are paged out as fast as they come (November 2026, 2-core virtual machine).
const groupMost = 2 << 20

// write puts everything that waits into the active segment, and into new ones when it is full.
func (j *Journal) write() error {
	for j.written < len(j.pending) {
		if j.active == nil {
			if err := j.roll(); err != nil {
				return err
			}
		}
		n := j.written
		for n < len(j.pending) && j.active.GroupBytes() < groupMost && j.active.Fits(&j.pending[n].record) {
			j.pending[n].at = j.active.Add(&j.pending[n].record)
			n++
		}
		if n == j.written {
			if err := j.seal(); err != nil {
				return err
			}
			continue
		}
		start := j.active.End()
		j.dirty = true
		if err := j.active.Write(j.durable, j.clock()); err != nil {
			return err
		}
		j.stats.Groups++
		j.stats.Records += int64(n - j.written)
		j.stats.Bytes += j.active.End() - start
		j.written = n
		j.file.end = j.active.End()
	}
	return nil
}

// sync makes the groups durable, or lets them pass when the mode does not ask for more than the write.
func (j *Journal) sync(force bool) error {
	if !j.dirty {
		return nil
	}
	due := force || j.opt.Sync == SyncAlways || j.opt.Sync == SyncInterval && j.clock()-j.lastSync >= int64(j.opt.Interval)
	if due {
		start := j.opt.Now()
		if err := j.active.Sync(); err != nil {
			return err
		}
		j.stats.Syncs++
		j.stats.SyncTime += j.opt.Now().Sub(start)
		j.synced()
		return nil
	}
	j.place(j.reported, false)
	if j.reported = j.written; j.opt.Sync == SyncOS {
		j.forget()
	}
	return nil
}

// synced takes in that everything written is durable.
func (j *Journal) synced() {
	j.place(j.reported, true)
	j.forget()
	j.dirty = false
	j.lastSync = j.clock()
	j.durable = segment.Position{Segment: j.file.number(), Offset: j.active.End()}
	j.opening = j.file
}

// place gives the records from a position on their places in the index, and lets the effects happen that waited for them. Copies
// take the place of their originals, which may go then, only once they are synced.
func (j *Journal) place(from int, synced bool) {
	for i := range j.written {
		p := &j.pending[i]
		switch copied := p.from != nil; {
		case p.stream == j.catalogue:
		case copied && synced:
			p.replace(j.file)
		case !copied && i >= from:
			j.placeOne(p)
		}
	}
	n := 0
	for n < len(j.effects) && j.effects[n].at <= j.written {
		j.run(j.effects[n])
		n++
	}
	j.effects = slices.Delete(j.effects, 0, n)
}

func (j *Journal) placeOne(p *pending) {
	s := p.stream
	if j.streams[s.id] != s {
		return // removed for good, and its records with it
	}
	if !s.touched {
		s.touched = true
		j.touched = append(j.touched, s)
	}
	if p.record.Kind != Checkpoint {
		s.durable = max(s.durable, p.record.Index+1)
		if e := s.entries.find(p.record.Index); e != nil {
			e.move(j.file, p.at)
			s.entries.placed(p.record.Index)
		}
		return
	}
	switch {
	case !s.hasSnap || s.snap.index < p.record.Index:
		c := newEntry(p.record.Index, Checkpoint, 0)
		c.move(j.file, p.at)
		s.supersede(c)
	case s.snap.index == p.record.Index:
		s.snap.move(j.file, p.at)
	}
}

// replace puts a copy in its original's place, if that is still wanted.
func (p *pending) replace(f *file) {
	e, snap := &p.stream.snap, p.record.Kind == Checkpoint
	if !snap {
		e = p.stream.entries.find(p.record.Index)
	}
	if e == nil || e.file != p.from || e.offset() != p.offset {
		return
	}
	if e.move(f, p.at); !snap {
		p.stream.entries.placed(p.record.Index)
	}
}

// forget drops the tail that was written.
func (j *Journal) forget() {
	for i := range j.effects {
		j.effects[i].at -= j.written
	}
	rest := copy(j.pending, j.pending[j.written:])
	clear(j.pending[rest:])
	if j.pending = j.pending[:rest]; rest == 0 && cap(j.pending) > keepPending {
		j.pending = nil
	}
	j.written, j.reported = 0, 0
}

// keepPending is how long a tail is whose memory is kept for the next group.
const keepPending = 1 << 16

// abandon gives up the active segment. What is pending is pending again, all of it, since nothing that was written after the last
// sync can be trusted.
func (j *Journal) abandon() {
	if j.active == nil {
		return
	}
	for i := range j.reported {
		p := &j.pending[i]
		switch e := p.stream.entries.find(p.record.Index); {
		case p.from != nil:
		case p.record.Kind == Checkpoint:
			p.stream.snap.lift(j.file)
		case e != nil:
			e.lift(j.file)
		}
	}
	if j.opt.Sync == SyncOS && j.dirty {
		// Differs from the other modes: what was reported is not kept, so the segment stays for as much of it as the kernel holds.
		j.durable = segment.Position{Segment: j.file.number(), Offset: j.file.end}
		j.opening = j.file
	}
	j.file.end = segment.DataStart
	if j.durable.Segment == j.file.number() {
		j.file.end = j.durable.Offset
	}
	j.file.suspect = true
	j.active, j.file, j.dirty = nil, nil, false
	j.written, j.reported = 0, 0
}

func (j *Journal) report() []Durable {
	j.out = j.out[:0]
	for _, s := range j.touched {
		if s.touched = false; j.streams[s.id] != s {
			continue // removed
		}
		j.out = append(j.out, Durable{Stream: s.id, Name: s.name, Upto: s.durable, Checkpoint: s.upto()})
	}
	clear(j.touched)
	j.touched = j.touched[:0]
	return j.out
}
