package persistence

import (
	"time"

	"warren/persistence/journal"
)

// Status is how the journal is: immutable, published by the persistence actor after every commit.
type Status struct {
	journal.Stats
	// Reading is how far the start has come; nil when all is read.
	Reading *Reading
	// LastCommit is zero before the first.
	LastCommit time.Time
}

// Reading is how far a start has come with what the process before left: first come the segments, then the streams.
type Reading struct {
	journal.Progress
	Streams, OfStreams int
}

// Status is the newest that was published; zero before the journal is open.
func (l *Log) Status() Status {
	if s := l.status.Load(); s != nil {
		return *s
	}
	return Status{}
}

// read is called by the actor alone, while it starts for the first time. The directory is locked.
func (l *Log) read(r Reading) {
	l.status.Store(&Status{Reading: &r})
	l.opened.Do(func() { close(l.locked) })
}

// Locked is closed when the directory is this process's.
func (l *Log) Locked() <-chan struct{} { return l.locked }

// publish is called by the actor alone.
func (l *Log) publish(s journal.Stats, lastCommit time.Time) {
	l.status.Store(&Status{Stats: s, LastCommit: lastCommit})
}
