package benchmarks

import (
	"encoding/binary"
	"fmt"
	"io"
	"testing"

	"warren/persistence/journal"
	"warren/persistence/vfs"
)

// Run with
//
//	go test -run xxx -bench Journal -benchmem ./benchmarks
//
// on the disk that is to be measured: TMPDIR says which. The budgets (DESIGN section 8, issue 3): 250 000 persistent messages of 1 KiB a
// second with at most 4 µs of processor for all of the broker, and a million of them ready again within 2 s.

const kibibyte = 1024

func openJournal(b *testing.B, dir string, opt journal.Options) *journal.Journal {
	b.Helper()
	j, recovery, err := journal.Open(vfs.OS{}, dir, opt)
	if err != nil {
		b.Fatal(err)
	}
	if !recovery.Intact() {
		b.Fatal(&recovery)
	}
	return j
}

// settle keeps the directory small: everything so far is settled and contained in a checkpoint, so that segments are reused as in a
// broker whose consumers keep up.
func settle(b *testing.B, j *journal.Journal, s journal.StreamID, from, to uint64) {
	b.Helper()
	for i := from; i < to; i++ {
		if err := j.Release(s, i); err != nil {
			b.Fatal(err)
		}
	}
	if err := j.Checkpoint(s, 1, to, []byte("settled")); err != nil {
		b.Fatal(err)
	}
	if _, err := j.Commit(); err != nil {
		b.Fatal(err)
	}
	if _, err := j.Clean(1 << 20); err != nil {
		b.Fatal(err)
	}
}

// Records of 1 KiB, so many to a commit, each a message of its own.
func BenchmarkJournalAppend(b *testing.B) {
	for _, mode := range []journal.SyncMode{journal.SyncAlways, journal.SyncOS} {
		for _, group := range []int{1, 16, 64, 256, 2000} {
			b.Run(fmt.Sprintf("sync=%s/group=%d", mode, group), func(b *testing.B) {
				appendGroups(b, journal.Options{Sync: mode}, group)
			})
		}
	}
}

func appendGroups(b *testing.B, opt journal.Options, group int) {
	j := openJournal(b, b.TempDir(), opt)
	s := j.Stream("queue")
	payload := make([]byte, kibibyte)
	for i := range payload {
		payload[i] = byte(i * 7)
	}
	next, settled := uint64(0), uint64(0)
	b.SetBytes(kibibyte)
	b.ReportAllocs()
	for b.Loop() {
		if err := j.Append(s, 1, next, journal.Messages, payload); err != nil {
			b.Fatal(err)
		}
		if next++; next%uint64(group) != 0 {
			continue
		}
		if _, err := j.Commit(); err != nil {
			b.Fatal(err)
		}
		if next-settled >= 100_000 {
			settle(b, j, s, settled, next)
			settled = next
		}
	}
	if _, err := j.Commit(); err != nil {
		b.Fatal(err)
	}
	stats := j.Stats()
	b.ReportMetric(float64(next)/b.Elapsed().Seconds(), "records/s")
	if stats.Syncs > 0 {
		b.ReportMetric(float64(stats.SyncTime.Microseconds())/float64(stats.Syncs), "µs/fdatasync")
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
}

// A million records in the way of a start: small ones (settlements) and such of 1 KiB, after a stop, where the footers say it all, and
// after a kill, where the newest segment is read.
func BenchmarkJournalRecovery(b *testing.B) {
	const records = 1_000_000
	for _, c := range []struct {
		name  string
		bytes int
		stop  bool
		opt   journal.Options
	}{
		{"64B/stopped", 64, true, journal.Options{}},
		{"64B/killed", 64, false, journal.Options{}},
		{"64B/verify", 64, true, journal.Options{Verify: true}},
		{"1KiB/killed", kibibyte, false, journal.Options{}},
	} {
		b.Run(c.name, func(b *testing.B) {
			dir := b.TempDir()
			opt := c.opt
			opt.Sync = journal.SyncOS
			// The one that is killed is never closed: its lock is left to the file system of the test, which has none.
			j, _, err := journal.Open(unlocked{}, dir, opt)
			if err != nil {
				b.Fatal(err)
			}
			s := j.Stream("queue")
			payload := make([]byte, c.bytes)
			for i := range uint64(records) {
				binary.LittleEndian.PutUint64(payload, i)
				if err := j.Append(s, 1, i, journal.Messages, payload); err != nil {
					b.Fatal(err)
				}
				if i%1000 == 999 {
					if _, err := j.Commit(); err != nil {
						b.Fatal(err)
					}
				}
			}
			if c.stop {
				err = j.Close()
			} else {
				_, err = j.Sync()
			}
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				j, recovery, err := journal.Open(unlocked{}, dir, c.opt)
				if err != nil {
					b.Fatal(err)
				}
				info, err := j.Info(s)
				if err != nil || info.Next != records || !recovery.Intact() {
					b.Fatal(info, err, &recovery)
				}
				b.ReportMetric(float64(recovery.Segments), "segments")
				if c.stop {
					if err := j.Close(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// Reading a queue's messages back, in order.
func BenchmarkJournalRead(b *testing.B) {
	const records = 100_000
	j := openJournal(b, b.TempDir(), journal.Options{Sync: journal.SyncOS})
	s := j.Stream("queue")
	payload := make([]byte, kibibyte)
	for i := range uint64(records) {
		if err := j.Append(s, 1, i, journal.Messages, payload); err != nil {
			b.Fatal(err)
		}
		if i%1000 == 999 {
			if _, err := j.Commit(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.SetBytes(kibibyte)
	b.ReportAllocs()
	n := 0
	for n < b.N {
		r, err := j.Read(s, 0)
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range r.All() {
			if err != nil {
				b.Fatal(err)
			}
			if n++; n >= b.N {
				break
			}
		}
	}
	b.StopTimer()
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
}

// Streams declared, each with its first event, a hundred to a commit: durable queues (issue 3: 5 000 a second).
func BenchmarkJournalDeclare(b *testing.B) {
	j := openJournal(b, b.TempDir(), journal.Options{})
	n := 0
	for b.Loop() {
		s := j.Stream(fmt.Sprintf("/ queue %d", n))
		if err := j.Append(s, 1, 0, journal.Event, []byte("declared")); err != nil {
			b.Fatal(err)
		}
		if n++; n%100 == 0 {
			if _, err := j.Commit(); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := j.Close(); err != nil {
		b.Fatal(err)
	}
}

// unlocked is the machine's file system without locks, so that a journal which was never closed can be opened again in one process.
type unlocked struct{ vfs.OS }

type noLock struct{}

func (noLock) Close() error { return nil }

func (unlocked) Lock(string) (io.Closer, error) { return noLock{}, nil }
