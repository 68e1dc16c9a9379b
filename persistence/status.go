package persistence

import (
	"time"

	"warren/persistence/journal"
)

// Status is how the journal is: immutable, published by the persistence actor after every commit.
type Status struct {
	journal.Stats
	// LastCommit is zero before the first.
	LastCommit time.Time
}

// Status is the newest that was published; zero before the journal is open.
func (l *Log) Status() Status {
	if s := l.status.Load(); s != nil {
		return *s
	}
	return Status{}
}

// publish is called by the actor alone.
func (l *Log) publish(s journal.Stats, lastCommit time.Time) {
	l.status.Store(&Status{Stats: s, LastCommit: lastCommit})
}
