package journal

import (
	"errors"
	"fmt"
	"syscall"

	"warren/persistence/segment"
	"warren/persistence/vfs"
)

// seal completes the active segment. Its groups are synced first: a footer says that all before it is durable, and a crash in the
// middle of one sync for both could leave the footer and not the groups.
func (j *Journal) seal() error {
	if j.dirty {
		if err := j.active.Sync(); err != nil {
			return err
		}
		j.synced()
	}
	if err := j.active.Seal(j.clock()); err != nil {
		return err
	}
	j.file.sealed = true
	j.group = j.active.Buffer()
	j.active, j.file = nil, nil
	return nil
}

// roll starts the next segment, with a checkpoint of the catalogue in its first group. The steps, and the crash that each answers:
//
//	header written and synced under a name that means nothing   before it, the file is what it was: free
//	renamed                                                     before it, a free file with a used epoch, which counts as seen
//	directory synced                                            before it, records might be durable in a file that has no name
//	number written to the file "current" and synced             before it, nobody would miss the file if somebody removed it
//
// A segment that fails on the way is never tried again: the next one has another number and another epoch.
//
// Where a whole segment does not fit on the disk any more, a smaller one may: what is settled takes little room and makes much.
func (j *Journal) roll() error {
	err := j.rollTo(j.opt.SegmentBytes)
	for size := j.opt.SegmentBytes / 4; size >= leastSegment && errors.Is(err, syscall.ENOSPC); size /= 4 {
		err = j.rollTo(size)
	}
	return err
}

const leastSegment = 1 << 20

func (j *Journal) rollTo(size int64) error {
	j.number++
	j.epoch = max(j.epoch+1, uint64(j.clock()))
	f := &file{
		name:   segment.Name(j.number, j.epoch),
		header: segment.Header{Version: segment.Version, Epoch: j.epoch, Number: j.number, Created: j.clock(), Before: j.durable},
		end:    segment.DataStart,
	}
	j.files = append(j.files, f)
	opening := j.catalogueNow().encode()
	payload := int64(len(opening))
	if len(j.pending) > 0 {
		payload += int64(j.pending[0].record.Size())
	}
	f.header.Size = max(size, segment.SizeFor(2, payload))

	w, name, err := j.make(f)
	if err != nil {
		j.files = j.files[:len(j.files)-1]
		return err
	}
	if err := j.fs.Rename(j.path(name), j.path(f.name)); err != nil {
		j.files = j.files[:len(j.files)-1]
		return fmt.Errorf("roll to segment %d: %w", j.number, j.unmake(f, name, err))
	}
	// The name is there from here on, so the file stays in the list and is cleaned away as one without records.
	if err = j.fs.SyncDir(j.dir); err == nil {
		err = j.current.write(segment.Position{Segment: j.number, Offset: segment.DataStart}, j.epoch)
	}
	if err != nil {
		f.suspect = true
		return fmt.Errorf("roll to segment %d: %w", j.number, err)
	}
	j.active, j.file = w, f
	w.Reuse(j.group)
	j.group = nil
	j.stats.Rolls++
	w.Add(&segment.Record{Stream: uint64(catalogueID), Index: j.openingIndex(), Time: j.clock(), Kind: Checkpoint, Payload: opening})
	return nil
}

// openingIndex is the first catalogue event that the checkpoint does not contain: the first that waits.
func (j *Journal) openingIndex() uint64 {
	for i := range j.pending {
		if j.pending[i].stream == j.catalogue {
			return j.pending[i].record.Index
		}
	}
	return j.catalogue.next
}

// make turns a free file into a segment, or a new one when there is none that fits.
func (j *Journal) make(f *file) (w *segment.Writer, name string, err error) {
	if n := len(j.free); n > 0 && f.header.Size == j.opt.SegmentBytes {
		name, j.free = j.free[n-1], j.free[:n-1]
		f.f, err = j.fs.Open(j.path(name))
		j.stats.Reused++
	} else {
		name = segment.FreeName(j.epoch)
		f.f, err = j.fs.Create(j.path(name))
	}
	if err != nil {
		return nil, name, fmt.Errorf("roll to segment %d: %w", j.number, err)
	}
	if w, err = segment.Create(f.f, f.header); err != nil {
		return nil, name, j.unmake(f, name, err)
	}
	return w, name, nil
}

// unmake gets rid of a file that did not become a segment; what does not succeed in it is done by the next Open.
func (j *Journal) unmake(f *file, name string, err error) error {
	_ = f.f.Close()
	_ = j.fs.Remove(j.path(name))
	return err
}

// dispose takes files out of the log whose release is durable: free files for the next segments as far as they are wanted, the
// others removed. A file counts as free when its new name is durable, since its next use writes over the old header.
func (j *Journal) dispose(dead []*file) error {
	var free []string
	for _, f := range dead {
		name := segment.FreeName(f.header.Epoch)
		reuse := !f.suspect && !f.headless && f.header.Size == j.opt.SegmentBytes && len(j.free)+len(free) < j.opt.Spare
		var err error
		if reuse {
			err = j.fs.Rename(j.path(f.name), j.path(name))
		} else {
			err = j.fs.Remove(j.path(f.name))
		}
		if err != nil {
			return fmt.Errorf("journal: recycle segment %d: %w", f.number(), err)
		}
		if reuse {
			free = append(free, name)
		}
		_ = f.f.Close()
		j.remove(f)
		j.stats.Recycled++
	}
	if err := j.fs.SyncDir(j.dir); err != nil {
		return fmt.Errorf("journal: recycle segments: %w", err)
	}
	j.free = append(j.free, free...)
	return nil
}

func (j *Journal) remove(f *file) {
	for i, g := range j.files {
		if g == f {
			j.files = append(j.files[:i], j.files[i+1:]...)
			return
		}
	}
}

// gatherFree takes in the free files that an earlier process left. One that has not the right size is of no use.
func (j *Journal) gatherFree(names []string) error {
	for _, name := range names {
		size, err := sizeOf(j.fs, j.path(name))
		if err != nil {
			return err
		}
		if size == j.opt.SegmentBytes && len(j.free) < j.opt.Spare {
			j.free = append(j.free, name)
			continue
		}
		if err := j.fs.Remove(j.path(name)); err != nil {
			return err
		}
	}
	return nil
}

func sizeOf(fs vfs.FS, path string) (int64, error) {
	f, err := fs.OpenRead(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return f.Size()
}
