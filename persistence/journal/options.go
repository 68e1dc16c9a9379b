package journal

import (
	"time"

	"warren/persistence/cold"
	"warren/persistence/segment"
)

// SyncMode says what a commit waits for.
type SyncMode uint8

const (
	// SyncAlways: durable means that fdatasync is done. A power failure loses nothing that was reported.
	SyncAlways SyncMode = iota
	// SyncInterval: reported when it was written, and synced when the interval has passed. A power failure loses up to an
	// interval; the death of the process nothing.
	SyncInterval
	// SyncOS: written, and synced when the kernel likes, or a segment is full. A power failure loses what the kernel had not
	// written, half a minute by its usual settings; the death of the process nothing.
	SyncOS
)

func (m SyncMode) String() string { return [...]string{"always", "interval", "os"}[m] }

// Options of a journal; the zero value is the default.
type Options struct {
	Sync SyncMode
	// Interval between syncs with SyncInterval, 200 ms unless told. There is no timer here: whoever waits calls Sync.
	Interval time.Duration
	// SegmentBytes is the size of a segment file, 64 MiB unless told, and at most 2 GiB. A record that is larger gets a segment of its own.
	SegmentBytes int64
	// Spare is how many free segment files are kept for their next use, 2 unless told.
	Spare int
	// Verify reads every record at Open, not only those that no footer lists. Otherwise a record that went bad is found when it is
	// read.
	Verify bool
	// Progress is told how far Open has come, before the first segment and after every one: the directory is locked by then.
	Progress func(Progress)
	// Cold is asked once the directory is locked: where pages of the index go that nobody looks at for long. Without it, or where it
	// has none, all of the index is in memory.
	Cold func() *cold.Store
	// Now is the clock, time.Now unless told. It stamps records and is read once a group.
	Now func() time.Time

	paging paging // how the index is cut up, as a test wants it
}

// Progress of a recovery.
type Progress struct {
	Segments, OfSegments int
	Bytes, OfBytes       int64
}

const (
	defaultInterval     = 200 * time.Millisecond
	defaultSegmentBytes = 64 << 20
	defaultSpare        = 2
)

func (o Options) withDefaults() Options {
	if o.Interval <= 0 {
		o.Interval = defaultInterval
	}
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = defaultSegmentBytes
	}
	o.SegmentBytes = min(o.SegmentBytes, segment.MaxFile)
	if o.Spare <= 0 {
		o.Spare = defaultSpare
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Cold == nil {
		o.Cold = func() *cold.Store { return nil }
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if o.paging.list == 0 {
		o.paging = defaultPaging
	}
	return o
}
