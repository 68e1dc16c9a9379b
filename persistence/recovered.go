package persistence

import "warren/persistence/journal"

// recovered is what was in a stream when the journal was opened. Records whose summaries tell enough are on disk: there may be many.
type recovered struct {
	checkpoint *Record
	found      *journal.Findings // nil for nothing
	read       []Record          // those that have no summary and could be read
	next       uint64            // index of the next record
}

// all are the records in order, as often as one likes. A record is good until the next one comes.
func (r recovered) all(yield func(*Record) bool) {
	if r.found == nil || r.checkpoint != nil && !yield(r.checkpoint) {
		return
	}
	read := r.read
	for e := range r.found.All() {
		var out *Record
		switch {
		case len(e.Summary) > 0:
			out = brief(e)
		case len(read) == 0 || read[0].Index != e.Index+1:
			continue // it is lost
		default:
			out, read = &read[0], read[1:]
		}
		if !yield(out) {
			return
		}
	}
}

// records are all of them, for whoever has not many.
func (r recovered) records() []Record {
	var out []Record
	for x := range r.all {
		out = append(out, *x)
	}
	return out
}

// fromJournal takes the record's kind, which is the first byte of the payload, off it. The journal counts from 0, we from 1.
func fromJournal(r journal.Record, index uint64) Record {
	return Record{Index: index, Kind: r.Payload[0], Messages: r.Kind == journal.Messages, Payload: r.Payload[1:]}
}

// brief is a record of which the summary is known.
func brief(e journal.Found) *Record {
	return &Record{
		Index: e.Index + 1, Kind: e.Summary[0], Messages: e.Kind == journal.Messages,
		Summary: len(e.Summary) - 1, Brief: true, Payload: e.Summary[1:],
	}
}
