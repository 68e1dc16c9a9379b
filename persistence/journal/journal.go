package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"

	"warren/persistence/segment"
	"warren/persistence/vfs"
)

// StreamID is what records call a stream. An id is never given to another stream, not even to one of the same name.
type StreamID uint64

// catalogueID is the journal's own stream.
const catalogueID StreamID = 0

// lockName is the file whose lock makes a process the only one in the directory.
const lockName = "lock"

// Errors that callers tell apart.
var (
	// ErrStale refuses a writer that a newer incarnation has replaced.
	ErrStale = errors.New("stream belongs to a newer incarnation")
	// ErrIndex refuses an event that does not follow the last one.
	ErrIndex = errors.New("event does not follow the last one")
	// ErrUnknown refuses a stream that there is not, or not any more.
	ErrUnknown = errors.New("no such stream")
	// ErrClosed refuses everything after Close.
	ErrClosed = errors.New("journal is closed")
)

// Journal is the log of one data directory.
type Journal struct {
	fs     vfs.FS
	dir    string
	opt    Options
	paging *paging
	lock   io.Closer
	closed bool

	streams map[StreamID]*stream
	names   map[string]*stream
	nextID  StreamID

	// The journal's own stream: next index, and the segment that opens with its newest durable state.
	catalogue *stream
	opening   *file

	// Segment files by number, the active one last; free ones by name.
	files []*file
	free  []string
	// The last number and epoch that were used.
	number, epoch uint64
	current       *current

	// Where groups go; nil before the first one, and after a failure until the next.
	active *segment.Writer
	group  []byte // in which the one before made its groups, between the two
	file   *file  // of active
	// Whether active has groups that are not synced, or an opening that is not.
	dirty bool
	// Everything before this position is durable.
	durable segment.Position

	// The tail that is not durable, oldest first. pending[:written] are in the active segment, pending[:reported] were reported,
	// which with SyncInterval comes before the sync. After a failure all of it is written again.
	pending           []pending
	written, reported int
	// What happens when the records that were ahead of it are reported, by rising position in pending.
	effects []effect
	// Streams with something to report.
	touched []*stream
	out     []Durable

	now      int64 // of this group; 0 until somebody asks
	lastSync int64
	cleaning cleaning
	stats    Stats
}

// pending is a record on its way to the disk.
type pending struct {
	record segment.Record
	stream *stream
	at     segment.Entry // once written
	from   *file         // of a copy: where the original is
	offset int64
}

// Stream returns the id of a stream, and makes the stream when there is none of that name. It is durable with the next commit.
func (j *Journal) Stream(name string) StreamID {
	if s := j.names[name]; s != nil {
		return s.id
	}
	s := &stream{id: j.nextID, name: name, entries: entries{paging: j.paging}}
	j.nextID++
	j.streams[s.id], j.names[name] = s, s
	j.note(opened(s.id, name))
	j.after(effect{do: becomeListed, stream: s})
	return s.id
}

// Lookup returns the id of a stream that is there.
func (j *Journal) Lookup(name string) (StreamID, bool) {
	if s := j.names[name]; s != nil {
		return s.id, true
	}
	return 0, false
}

// Remove ends a stream. Its name is free at once; its records are dead when the commit is durable.
func (j *Journal) Remove(id StreamID) error {
	s, err := j.stream(id)
	if err != nil {
		return err
	}
	s.removed = true
	delete(j.names, s.name)
	j.note(removed(id))
	j.after(effect{do: becomeGone, stream: s})
	return nil
}

// StreamInfo describes a stream.
type StreamInfo struct {
	ID   StreamID
	Name string
	// Next is the index of the next event; everything below Durable was reported durable, everything below Checkpoint is in it.
	Next, Durable, Checkpoint uint64
	// Incarnation that may append.
	Incarnation uint64
}

// Info describes one stream.
func (j *Journal) Info(id StreamID) (StreamInfo, error) {
	s, err := j.stream(id)
	if err != nil {
		return StreamInfo{}, err
	}
	return s.info(), nil
}

// Streams describes all streams, by id.
func (j *Journal) Streams() iter.Seq[StreamInfo] {
	all := make([]*stream, 0, len(j.streams))
	for _, s := range j.streams {
		if !s.removed {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b *stream) int { return cmp.Compare(a.id, b.id) })
	return func(yield func(StreamInfo) bool) {
		for _, s := range all {
			if !yield(s.info()) {
				return
			}
		}
	}
}

// Close commits what waits, seals the segment and lets others in. After an error the directory is as a crash would have left it.
func (j *Journal) Close() error {
	if j.closed {
		return ErrClosed
	}
	err := j.flush(true)
	if err == nil && j.active != nil {
		f := j.file
		if err = j.seal(); err == nil {
			err = f.f.Sync() // the seal, so that the next start need not read the records
		}
		if err == nil {
			err = j.current.write(j.durable, j.epoch)
		}
	}
	j.closed = true
	for _, f := range j.files {
		err = errors.Join(err, f.f.Close())
	}
	if err = errors.Join(err, j.current.f.Close(), j.lock.Close()); err != nil {
		return fmt.Errorf("journal: close %s: %w", j.dir, err)
	}
	return nil
}

func (j *Journal) stream(id StreamID) (*stream, error) {
	if j.closed {
		return nil, ErrClosed
	}
	s := j.streams[id]
	if s == nil || s.removed {
		return nil, fmt.Errorf("journal: stream %d: %w", id, ErrUnknown)
	}
	return s, nil
}

// clock is the time of this group: one reading for all of its records.
func (j *Journal) clock() int64 {
	if j.now == 0 {
		j.now = j.opt.Now().UnixNano()
	}
	return j.now
}

func (j *Journal) path(name string) string { return filepath.Join(j.dir, name) }
