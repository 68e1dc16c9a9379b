// Package journal is the log that durable streams live in: one per data directory, one file position at which everything is written.
//
// A stream is a name and events with gapless indices from 0. Its owner appends events, and now and then a checkpoint that stands for all
// events below an index. What was appended since the last Commit is one group: one write, one fdatasync, and then all of it is durable.
//
//	catalogue.go   names of streams and which segments there are: stream 0, the journal's own
//	stream.go      what is remembered of a stream: where its living records are
//	append.go      Append, Checkpoint, Release, Claim
//	commit.go      the group, the sync, the failed write
//	roll.go        the next segment
//	clean.go       segments that are not needed any more, and what lives in those that nearly are not
//	read.go        streams read back
//	open.go        recovery; load.go and index.go do the work, for Verify and Dump as well
//
// When a record may go. An Event is superseded by a durable checkpoint above its index. Messages are superseded when they are released
// as well: a checkpoint says which messages are left, but the messages themselves stay where they were written. A checkpoint goes
// when the next one is durable. A segment in which nothing lives is recycled; the living of one in which little lives are copied forward.
//
// A Journal belongs to one goroutine. It has no goroutines and no timers of its own; the actor that owns it decides when to commit and
// when to clean. What it returns for reading may be read by others.
package journal
