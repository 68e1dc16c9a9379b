package tree

import (
	"google.golang.org/protobuf/proto"

	adminv1 "warren/proto/admin/v1"
)

// JournalStatus implements admin.Broker.
func (b *Broker) JournalStatus() *adminv1.JournalStatusResponse {
	s := b.journal.Status()
	out := &adminv1.JournalStatusResponse{
		State: "running", Segments: int64(s.Segments), FreeSegments: int64(s.Free), Bytes: s.DiskBytes, LivingBytes: proto.Int64(s.LivingBytes),
		Streams: int64(s.Streams), Records: int64(s.LivingRecords), RecordsWaiting: int64(s.Pending),
		Commits: s.Commits, Syncs: s.Syncs, Failures: s.Failures,
	}
	if b.journal.Failing.Load() {
		out.State = "failing"
	}
	if !s.LastCommit.IsZero() {
		out.LastCommit = s.LastCommit.UnixMilli()
	}
	return out
}
