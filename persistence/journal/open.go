package journal

import (
	"errors"
	"fmt"
	"path/filepath"

	"warren/persistence/segment"
	"warren/persistence/vfs"
)

// Open takes the directory, which is made when it is not there, and recovers what is in it. The same code runs after a clean stop, a
// killed process and a power failure. Damage does not keep it from opening: Recovery says what and where. What does: somebody else has
// the directory (*vfs.LockedError), a newer version wrote it (*segment.VersionError), or the disk fails.
//
// Afterwards everything that was found is durable, also what the process that died had written and not synced.
func Open(fs vfs.FS, dir string, opt Options) (*Journal, Recovery, error) {
	j, recovery, err := open(fs, dir, opt.withDefaults())
	if err != nil {
		return nil, recovery, fmt.Errorf("journal: open %s: %w", dir, err)
	}
	return j, recovery, nil
}

func open(fs vfs.FS, dir string, opt Options) (*Journal, Recovery, error) {
	start := opt.Now()
	if err := fs.MkdirAll(dir); err != nil {
		return nil, Recovery{}, err
	}
	lock, err := fs.Lock(filepath.Join(dir, lockName))
	if err != nil {
		return nil, Recovery{}, err
	}
	paging := opt.paging
	paging.store = opt.Cold()
	l := &loader{fs: fs, dir: dir, full: opt.Verify, progress: opt.Progress, paging: &paging, gathered: map[StreamID]*gathered{}}
	if err := l.load(); err != nil {
		l.close()
		return nil, l.recovery, errors.Join(err, lock.Close())
	}
	x := buildIndex(l)
	j := &Journal{fs: fs, dir: dir, opt: opt, paging: &paging, lock: lock, names: map[string]*stream{}}
	if err := j.adopt(x); err != nil {
		l.close()
		return nil, l.recovery, errors.Join(err, lock.Close())
	}
	l.recovery.Took = opt.Now().Sub(start)
	j.now = 0
	return j, l.recovery, nil
}

// adopt goes on from what was found.
func (j *Journal) adopt(x *index) error {
	j.files, j.opening, j.streams = x.files, x.opening, x.streams
	j.catalogue = &stream{id: catalogueID, next: x.nextNote}
	j.nextID = x.catalogue.nextID
	for id, s := range j.streams {
		j.nextID = max(j.nextID, id+1)
		j.names[s.name] = s
	}
	j.number, j.epoch = x.newest.position.Segment, x.epoch
	for _, f := range j.files {
		j.number = max(j.number, f.number())
	}
	// The process that died may have named a segment and not synced the name.
	if err := j.fs.SyncDir(j.dir); err != nil {
		return err
	}
	if err := j.secure(); err != nil {
		return err
	}
	if err := j.gatherFree(x.free); err != nil {
		return err
	}
	known := x.newest
	if n := len(j.files); n > 0 {
		// That a newer one is missing was said; it is not missed again.
		known = newest{count: x.newest.count, position: j.durable, epoch: j.files[n-1].header.Epoch}
	}
	var err error
	j.current, err = openCurrent(j.fs, j.dir, known)
	return err
}

// secure makes durable what counts, and seals what was not. A segment that ended in a crash or a failed write is never written to
// again but for its footer: what is behind the end might fit together with new records. The sync comes first, since the process
// that died may have written records that it did not sync, and a footer says that all before it is durable.
func (j *Journal) secure() error {
	for i, f := range j.files {
		last := i == len(j.files)-1
		if f.void {
			continue
		}
		if last {
			j.durable = segment.Position{Segment: f.number(), Offset: f.end}
		}
		if f.sealed {
			continue
		}
		if err := f.f.Sync(); err != nil {
			return fmt.Errorf("%s: sync what was found: %w", f.name, err)
		}
		// There may be no room for a footer; then the next one to open the directory reads the records again.
		f.sealed = segment.Seal(f.f, f.header, f.end, f.entries, j.clock()) == nil
		f.entries = nil
	}
	return nil
}
