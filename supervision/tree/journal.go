package tree

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"warren/persistence"
	adminv1 "warren/proto/admin/v1"
)

// Starting implements admin.Broker.
func (b *Broker) Starting() error {
	if b.ready.Load() {
		return nil
	}
	if b.stopped.Load() {
		return errors.New("the broker is stopped: warrenctl start_app starts it")
	}
	if r := b.journal.Status().Reading; r != nil {
		return fmt.Errorf("the broker is starting: it has read %d of %d segments and %d of %d streams of its journal", r.Segments, r.OfSegments, r.Streams, r.OfStreams)
	}
	return errors.New("the broker is starting")
}

func reading(r *persistence.Reading) *adminv1.JournalReading {
	return &adminv1.JournalReading{
		Segments: int64(r.Segments), OfSegments: int64(r.OfSegments), Bytes: r.Bytes, OfBytes: r.OfBytes,
		Streams: int64(r.Streams), OfStreams: int64(r.OfStreams),
	}
}

// JournalStatus implements admin.Broker.
func (b *Broker) JournalStatus() *adminv1.JournalStatusResponse {
	s := b.journal.Status()
	if s.Reading != nil {
		return &adminv1.JournalStatusResponse{State: "reading", Reading: reading(s.Reading)}
	}
	out := &adminv1.JournalStatusResponse{
		State: "running", Segments: int64(s.Segments), FreeSegments: int64(s.Free), Bytes: s.DiskBytes, LivingBytes: proto.Int64(s.LivingBytes),
		Streams: int64(s.Streams), Records: int64(s.LivingRecords), RecordsWaiting: int64(s.Pending),
		Commits: s.Commits, Syncs: s.Syncs, Failures: s.Failures,
	}
	index := b.journal.Cold().Stats()
	out.IndexPages, out.IndexBytes = int64(index.Pages), index.FileBytes
	if b.journal.Failing.Load() {
		out.State = "failing"
	}
	if !s.LastCommit.IsZero() {
		out.LastCommit = s.LastCommit.UnixMilli()
	}
	return out
}
