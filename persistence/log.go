package persistence

import (
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/persistence/cold"
	"warren/persistence/journal"
	"warren/persistence/vfs"
)

// Log is the way to the journal: its actor, its files, and what was found in them when the broker started. It outlives the
// actor's incarnations.
type Log struct {
	// PID of the persistence actor.
	PID *actor.PID
	// Failing says that the journal cannot be written. OnFailing, when set, is told when that or the disk's lack of room
	// changes whether anything more should be published.
	Failing   atomic.Bool
	OnFailing func(bool)
	// Spooling is how many bytes queues have sent to their spools that are not there yet: they write it.
	Spooling atomic.Int64
	low      bool // less is free than DiskFreeLimit; the persistence actor's
	// status is for those who look at the broker; the actor writes it.
	status atomic.Pointer[Status]

	fs      vfs.FS
	dir     string
	options journal.Options
	// acceptLoss: open although definitions are lost.
	acceptLoss bool
	freeLimit  atomic.Int64
	j          *journal.Journal // of the actor's present incarnation
	cold       atomic.Pointer[cold.Store]
	reading    chan struct{} // as many as may read at a time
	loaded     bool
	opened     sync.Once
	locked     chan struct{}

	mu        sync.Mutex
	recovered map[string]recovered
	losses    map[string]bool // streams of definitions that were damaged, which was accepted
	tails     map[string]*tail
}

// NewLog returns the log of a data directory. Nothing is opened before the actor starts.
func NewLog(pid *actor.PID, fs vfs.FS, dataDir string, o Options) *Log {
	l := &Log{
		PID: pid, fs: fs, dir: Dir(dataDir), acceptLoss: o.AcceptLoss, options: o.Options, recovered: map[string]recovered{}, losses: map[string]bool{},
		reading: make(chan struct{}, readers), locked: make(chan struct{}),
	}
	l.freeLimit.Store(o.DiskFreeLimit)
	return l
}

// SetDiskFreeLimit changes Options.DiskFreeLimit, which counts from the next look at the disk on.
func (l *Log) SetDiskFreeLimit(bytes int64) { l.freeLimit.Store(bytes) }

// DiskFreeLimit is what it is now.
func (l *Log) DiskFreeLimit() int64 { return l.freeLimit.Load() }

// Dir is where the journal of a data directory is.
func Dir(dataDir string) string { return filepath.Join(dataDir, "journal") }

// scratch is the file for pages of the indexes, beside the segments.
const scratch = "scratch"

// Cold is where pages of an index may go that nobody looks at for long; nil before the journal is open, and where there can be none.
func (l *Log) Cold() *cold.Store { return l.cold.Load() }

// openCold makes the scratch file, which outlives the actor's incarnations: queues have pages there. Without it all indexes are in memory.
func (l *Log) openCold(log zerolog.Logger) *cold.Store {
	if s := l.cold.Load(); s != nil {
		return s
	}
	s, err := cold.Open(l.fs, filepath.Join(l.dir, scratch))
	if err != nil {
		log.Warn().Err(err).Msg("long queues take more memory: their index cannot be on disk")
		return nil
	}
	l.cold.Store(s)
	return s
}

// closeCold is for the end of the process: nobody looks at an index any more.
func (l *Log) closeCold(log zerolog.Logger) {
	if err := l.cold.Swap(nil).Close(); err != nil {
		log.Warn().Err(err).Msg("the index on disk could not be removed: the next start does")
	}
}

// Options of a log.
type Options struct {
	journal.Options
	// AcceptLoss opens a journal in which damage hit definitions. Without it that is refused: a broker that comes up without
	// its queues would take messages for nowhere.
	AcceptLoss bool
	// DiskFreeLimit is how much must be free where the journal is: below, whoever publishes waits, so that there is room for
	// what consumers settle, without which no segment ever gets free. 0 turns that off.
	DiskFreeLimit int64
}

// definitions says whether a stream is one that a broker cannot do without: a vhost's, or the node's.
func definitions(stream string) bool { return stream == "node" || strings.HasPrefix(stream, "vhost/") }

// Spool is how the names of streams begin that mean nothing to the next process.
const Spool = "spool/"

// LossError refuses a journal in which damage hit definitions.
type LossError struct {
	Dir    string
	Stream string
	Err    error
}

func (e *LossError) Error() string {
	return fmt.Sprintf("journal %s: definitions in %s are lost: %v. Look with 'warrenctl journal verify'; "+
		"to start with what is left, set journal.accept_loss = true", e.Dir, e.Stream, e.Err)
}

func (e *LossError) Unwrap() error { return e.Err }

func (l *Log) interval() time.Duration {
	if l.options.Interval > 0 {
		return l.options.Interval
	}
	return 200 * time.Millisecond
}

func (l *Log) failing(now bool) {
	if l.Failing.Swap(now) != now && l.OnFailing != nil && !l.low {
		l.OnFailing(now)
	}
}

// lowOnDisk looks at how much is free. What the journal has in reserve is.
func (l *Log) lowOnDisk(reserve int64, log zerolog.Logger) {
	limit := l.freeLimit.Load()
	if limit <= 0 && !l.low {
		return
	}
	free, err := l.fs.Free(l.dir)
	if err != nil {
		return // the next write says more
	}
	free += reserve
	now := free < limit
	if now == l.low {
		return
	}
	l.low = now
	if now {
		log.Warn().Int64("free", free).Int64("limit", limit).Msg("low on disk: publishers wait")
	} else {
		log.Info().Int64("free", free).Msg("there is room on the disk again")
	}
	if l.OnFailing != nil && !l.Failing.Load() {
		l.OnFailing(now)
	}
}

// found is a stream that was in the journal when it was opened.
type found struct {
	id   journal.StreamID
	name string
	next uint64
	upto uint64 // the checkpoint's
}

// open opens the journal for an incarnation of the actor: as the process before left it, or as an incarnation did that
// crashed. Only the first time does anybody need what is in it.
func (l *Log) open(log zerolog.Logger) (*journal.Journal, []found, error) {
	l.close(log)
	options := l.options
	tell := l.tell(log)
	options.Cold = func() *cold.Store { return l.openCold(log) }
	options.Progress = func(p journal.Progress) { tell(Reading{Progress: p}) }
	j, recovery, err := journal.Open(l.fs, l.dir, options)
	if err != nil {
		return nil, nil, err
	}
	l.j = j
	for _, d := range recovery.Damage {
		log.Error().Stringer("damage", d).Msg("the journal is damaged")
	}
	for _, lost := range recovery.Lost {
		log.Error().Stringer("lost", lost).Msg("the journal has lost records")
		if definitions(lost.Name) && !l.acceptLoss {
			return nil, nil, &LossError{Dir: l.dir, Stream: lost.Name, Err: errors.New(lost.String())}
		}
	}
	log.Info().Int("segments", recovery.Segments).Int("streams", recovery.Streams).Int("records", recovery.Records).
		Int64("bytes", recovery.Bytes).Dur("took", recovery.Took).Msg("journal opened")
	var streams []found
	at := Reading{Progress: journal.Progress{Segments: recovery.Segments, OfSegments: recovery.Segments, Bytes: recovery.Bytes, OfBytes: recovery.Bytes}}
	at.OfStreams = recovery.Streams
	for info := range j.Streams() {
		tell(at)
		at.Streams++
		if !l.loaded && strings.HasPrefix(info.Name, Spool) {
			if err := j.Remove(info.ID); err != nil {
				return nil, nil, err
			}
			continue
		}
		f := found{id: info.ID, name: info.Name, next: info.Next + 1, upto: info.Checkpoint}
		if err := l.load(j, &f, log); err != nil {
			return nil, nil, err
		}
		streams = append(streams, f)
	}
	j.Forget()
	l.loaded = true
	return j, streams, nil
}

// tell publishes how far the start has come, and logs it once a second. When the journal is opened again, there is little to tell.
func (l *Log) tell(log zerolog.Logger) func(Reading) {
	if l.loaded {
		return func(Reading) {}
	}
	last := time.Now()
	return func(r Reading) {
		l.read(r)
		if now := time.Now(); now.Sub(last) >= time.Second {
			last = now
			log.Info().Int("segments", r.Segments).Int("of_segments", r.OfSegments).Int64("bytes", r.Bytes).Int64("of_bytes", r.OfBytes).
				Int("streams", r.Streams).Int("of_streams", r.OfStreams).Msg("reading the journal")
		}
	}
}

// load reads a stream: its checkpoint, what came behind it, and of the messages before it that live on no more than their
// summaries.
//
// A record that cannot be read costs what it holds and no more, unless it is a definition.
func (l *Log) load(j *journal.Journal, f *found, log zerolog.Logger) error {
	if l.loaded {
		return nil
	}
	r := recovered{next: f.next}
	var err error
	if r.found, err = j.Found(f.id); err != nil {
		return err
	}
	var unread []uint64
	for e := range r.found.All() {
		if len(e.Summary) == 0 {
			unread = append(unread, e.Index)
		}
	}
	if snap, ok, err := j.Snapshot(f.id); err != nil {
		if err := l.lost(f, err, log); err != nil {
			return err
		}
	} else if ok {
		r.checkpoint = new(fromJournal(snap, snap.Index)) // it stands for the records below its index
	}
	reader, err := j.Pick(f.id, unread)
	if err != nil {
		return err
	}
	for event, err := range reader.All() {
		if err != nil {
			if err := l.lost(f, err, log); err != nil {
				return err
			}
			continue
		}
		r.read = append(r.read, fromJournal(event, event.Index+1))
	}
	l.mu.Lock()
	l.recovered[f.name] = r
	l.mu.Unlock()
	return nil
}

func (l *Log) lost(f *found, err error, log zerolog.Logger) error {
	log.Error().Err(err).Str("stream", f.name).Msg("a record of the journal cannot be read")
	var damage *journal.DamageError
	if !errors.As(err, &damage) { // the disk failed, not the data
		return fmt.Errorf("journal %s: stream %s: %w", l.dir, f.name, err)
	}
	if definitions(f.name) {
		if !l.acceptLoss {
			return &LossError{Dir: l.dir, Stream: f.name, Err: err}
		}
		l.mu.Lock()
		l.losses[f.name] = true
		l.mu.Unlock()
	}
	return nil
}

// close closes the journal of an incarnation that ended. What it had not written its writers send again.
func (l *Log) close(log zerolog.Logger) {
	if l.j == nil {
		return
	}
	defer func() {
		if reason := recover(); reason != nil {
			log.Error().Any("reason", reason).Msg("the journal could not be closed in order")
		}
	}()
	j := l.j
	l.j = nil
	if err := j.Close(); err != nil {
		log.Error().Err(err).Msg("the journal could not be closed in order")
	}
}

// Recovered returns the records of a stream that were on disk at the start, a checkpoint in front of what it does not stand
// for. It returns them once: from then on the stream's owner knows better.
func (l *Log) Recovered(stream string) iter.Seq[*Record] {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.recovered[stream]
	delete(l.recovered, stream)
	return r.all
}

// Lost says that damage hit a stream of definitions at the start, and that the loss was accepted.
func (l *Log) Lost(stream string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.losses[stream]
}

// Streams are the names of the streams that were on disk and that nobody has asked for.
func (l *Log) Streams() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]string, 0, len(l.recovered))
	for name := range l.recovered {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
