package journal

import "time"

// Stats are counters since Open, and sizes as they are.
type Stats struct {
	Commits, Failures int64
	Groups, Records   int64
	Bytes             int64
	Syncs             int64
	SyncTime          time.Duration
	Rolls, Reused     int64
	Recycled, Copied  int64

	Streams, Segments, Free int
	// DiskBytes is what the segment files take, free ones included; FreeBytes what those do; LivingBytes what is needed of it.
	DiskBytes, FreeBytes, LivingBytes int64
	LivingRecords                     int
	// Pending records are not durable yet.
	Pending int
}

// Stats returns them by value.
func (j *Journal) Stats() Stats {
	out := j.stats
	out.Streams, out.Segments, out.Free, out.Pending = len(j.streams), len(j.files), len(j.free), len(j.pending)
	out.FreeBytes = int64(len(j.free)) * j.opt.SegmentBytes
	out.DiskBytes = out.FreeBytes
	for _, f := range j.files {
		out.DiskBytes += f.header.Size
		out.LivingBytes += f.liveBytes
		out.LivingRecords += f.live
	}
	return out
}
