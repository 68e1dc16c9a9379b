package journal

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"warren/persistence/segment"
	"warren/persistence/vfs"
)

func open1(t *testing.T, fs vfs.FS, opt Options) *Journal {
	t.Helper()
	j, recovery, err := Open(fs, testDir, opt)
	if err != nil {
		t.Fatal(err)
	}
	if !recovery.Intact() {
		t.Fatal(&recovery)
	}
	return j
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func commit(t *testing.T, j *Journal) []Durable {
	t.Helper()
	d, err := j.Commit()
	must(t, err)
	return d
}

// events reads a stream as "index:payload", an error as its text.
func events(t *testing.T, j *Journal, id StreamID, from uint64) []string {
	t.Helper()
	r, err := j.Read(id, from)
	must(t, err)
	out := []string{}
	for e, err := range r.All() {
		if err != nil {
			out = append(out, err.Error())
			continue
		}
		out = append(out, fmt.Sprintf("%d:%s", e.Index, e.Payload))
	}
	return out
}

// DESIGN section 6: one write and one fdatasync for all that waits.
func TestGroupCommit(t *testing.T) {
	fs := vfs.NewFaulty(vfs.NewMemory())
	j := open1(t, fs, testOptions())
	a, b := j.Stream("a"), j.Stream("b")
	must(t, j.Append(a, 1, 0, Event, []byte("first")))
	commit(t, j)
	calls := map[vfs.Op]int{}
	fs.Watch(func(op vfs.Op, _ string) error { calls[op]++; return nil })
	for i := range uint64(3) {
		must(t, j.Append(a, 1, 1+i, Messages, []byte("m")))
		must(t, j.Append(b, 1, i, Event, []byte("e")))
	}
	got := commit(t, j)
	if calls[vfs.OpWrite] != 1 || calls[vfs.OpSync] != 1 || len(calls) != 2 {
		t.Errorf("a commit of 6 events took %v", calls)
	}
	want := []Durable{{Stream: a, Name: "a", Upto: 4}, {Stream: b, Name: "b", Upto: 3}}
	if !slices.Equal(got, want) {
		t.Errorf("durable %+v, want %+v", got, want)
	}
	if got := commit(t, j); len(got) != 0 || calls[vfs.OpWrite] != 1 {
		t.Errorf("a commit of nothing: %+v, %v", got, calls)
	}
}

// DESIGN section 5, "Incarnations": a stuck writer that was replaced cannot write any more.
func TestIncarnations(t *testing.T) {
	j := open1(t, vfs.NewMemory(), testOptions())
	s := j.Stream("s")
	must(t, j.Append(s, 1, 0, Event, nil))
	must(t, j.Claim(s, 2))
	if err := j.Append(s, 1, 1, Event, nil); !errors.Is(err, ErrStale) {
		t.Errorf("append by the old incarnation: %v", err)
	}
	if err := j.Checkpoint(s, 1, 1, nil); !errors.Is(err, ErrStale) {
		t.Errorf("checkpoint by the old incarnation: %v", err)
	}
	if err := j.Claim(s, 1); !errors.Is(err, ErrStale) {
		t.Errorf("claim by the old incarnation: %v", err)
	}
	must(t, j.Append(s, 2, 1, Event, nil))
	if err := j.Append(s, 2, 3, Event, nil); !errors.Is(err, ErrIndex) {
		t.Errorf("append with a gap: %v", err)
	}
	if err := j.Append(s, 2, 1, Event, nil); !errors.Is(err, ErrIndex) {
		t.Errorf("append of the same index: %v", err)
	}
	if err := j.Append(99, 2, 0, Event, nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("append to no stream: %v", err)
	}
	if err := j.Checkpoint(s, 2, 3, nil); !errors.Is(err, ErrIndex) {
		t.Errorf("checkpoint of what was not appended: %v", err)
	}
	must(t, j.Remove(s))
	if err := j.Append(s, 2, 2, Event, nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("append to a removed stream: %v", err)
	}
	if again := j.Stream("s"); again == s {
		t.Error("a new stream got the id of the old one")
	}
}

// What an actor reads when it starts again holds what its predecessor appended, durable or not.
func TestReadBeforeCommit(t *testing.T) {
	j := open1(t, vfs.NewMemory(), testOptions())
	s := j.Stream("s")
	for i := range uint64(3) {
		must(t, j.Append(s, 1, i, Event, fmt.Append(nil, i)))
	}
	commit(t, j)
	must(t, j.Append(s, 1, 3, Event, []byte("3")))
	must(t, j.Checkpoint(s, 1, 2, []byte("0+1")))
	if got := events(t, j, s, 1); !slices.Equal(got, []string{"1:1", "2:2", "3:3"}) {
		t.Errorf("read %v", got)
	}
	snap, ok, err := j.Snapshot(s)
	if !ok || err != nil || snap.Index != 2 || string(snap.Payload) != "0+1" {
		t.Errorf("snapshot %+v %v %v", snap, ok, err)
	}
	if got := commit(t, j); !slices.Equal(got, []Durable{{Stream: s, Name: "s", Upto: 4, Checkpoint: 2}}) {
		t.Errorf("durable %+v", got)
	}
	if got := events(t, j, s, 0); !slices.Equal(got, []string{"2:2", "3:3"}) {
		t.Errorf("read %v", got)
	}
}

// A message outlives the checkpoints of its stream until it is released; an event does not.
func TestReleaseAndCheckpoint(t *testing.T) {
	mem := vfs.NewMemory()
	j := open1(t, mem, testOptions())
	s := j.Stream("s")
	for i := range uint64(6) {
		must(t, j.Append(s, 1, i, []Kind{Messages, Event}[i%2], fmt.Append(nil, i)))
	}
	must(t, j.Release(s, 2))
	must(t, j.Release(s, 1)) // no message
	must(t, j.Release(s, 77))
	commit(t, j)
	if got := events(t, j, s, 0); len(got) != 6 {
		t.Errorf("released above the checkpoint: %v", got)
	}
	must(t, j.Checkpoint(s, 1, 5, []byte("c")))
	commit(t, j)
	want := []string{"0:0", "4:4", "5:5"}
	if got := events(t, j, s, 0); !slices.Equal(got, want) {
		t.Errorf("after the checkpoint: %v", got)
	}
	j = open1(t, mem.Crash(nil), testOptions())
	if got := events(t, j, s, 0); !slices.Equal(got, want) {
		t.Errorf("after a crash: %v", got)
	}
	must(t, j.Release(s, 0))
	if got := events(t, j, s, 0); !slices.Equal(got, []string{"4:4", "5:5"}) {
		t.Errorf("released below the checkpoint: %v", got)
	}
}

// One journal per directory, DESIGN section 6.
func TestLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	j, _, err := Open(vfs.OS{}, dir, Options{SegmentBytes: 64 << 10})
	must(t, err)
	_, _, err = Open(vfs.OS{}, dir, Options{})
	var held *vfs.LockedError
	if !errors.As(err, &held) || !strings.Contains(err.Error(), "is held by process") {
		t.Errorf("second open: %v", err)
	}
	must(t, j.Close())
	if err := j.Close(); !errors.Is(err, ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	if _, err := j.Commit(); !errors.Is(err, ErrClosed) {
		t.Errorf("commit after close: %v", err)
	}
	j, _, err = Open(vfs.OS{}, dir, Options{SegmentBytes: 64 << 10})
	must(t, err)
	must(t, j.Close())
}

// STYLE "Disk and wire": new files are refused politely by old code.
func TestNewerVersionIsRefused(t *testing.T) {
	mem := vfs.NewMemory()
	j := open1(t, mem, testOptions())
	must(t, j.Append(j.Stream("s"), 1, 0, Event, nil))
	must(t, j.Close())
	path := filepath.Join(testDir, segment.Name(99, 1<<62))
	f, err := mem.Create(path)
	must(t, err)
	_, err = f.WriteAt(newerHeader(), 0)
	must(t, err)
	_, _, err = Open(mem, testDir, testOptions())
	if err == nil || !strings.Contains(err.Error(), "segment format 3 was written by a newer version; this one reads format 2 and older") {
		t.Errorf("open: %v", err)
	}
	// The refusal let the lock go.
	must(t, mem.Remove(path))
	open1(t, mem, testOptions())
}

// newerHeader is the header of a format of which we know what all have in common: magic, version and checksum.
func newerHeader() []byte {
	b := make([]byte, 64)
	copy(b, "WARRENSG")
	b[8] = segment.Version + 1
	table := crc32.MakeTable(crc32.Castagnoli)
	binary.LittleEndian.PutUint32(b[12:], crc32.Update(crc32.Checksum(b[:12], table), table, b[16:]))
	return b
}

// DESIGN section 5: a failed write or sync abandons the segment, nothing is reported until the whole tail is in a new one, and
// then all of it is.
func TestFailedCommit(t *testing.T) {
	for _, op := range []vfs.Op{vfs.OpWrite, vfs.OpSync} {
		t.Run(op.String(), func(t *testing.T) {
			mem := vfs.NewMemory()
			fs := vfs.NewFaulty(mem)
			j := open1(t, fs, testOptions())
			s := j.Stream("s")
			must(t, j.Append(s, 1, 0, Event, []byte("0")))
			commit(t, j)
			before := j.file
			must(t, j.Append(s, 1, 1, Event, []byte("1")))
			fs.FailNth(op, 1, syscall.EIO)
			if d, err := j.Commit(); !errors.Is(err, syscall.EIO) || d != nil {
				t.Fatalf("commit: %v, %v", d, err)
			}
			must(t, j.Append(s, 1, 2, Event, []byte("2")))
			if got := events(t, j, s, 0); !slices.Equal(got, []string{"0:0", "1:1", "2:2"}) {
				t.Errorf("read meanwhile: %v", got)
			}
			fs.FailNth(vfs.OpPreallocate, 1, syscall.ENOSPC)
			if d, err := j.Commit(); !errors.Is(err, syscall.ENOSPC) || d != nil {
				t.Fatalf("commit: %v, %v", d, err)
			}
			got := commit(t, j)
			if !slices.Equal(got, []Durable{{Stream: s, Name: "s", Upto: 3}}) || j.file == before {
				t.Errorf("durable %+v, in the same segment: %v", got, j.file == before)
			}
			for _, left := range []*vfs.Memory{mem.Crash(nil), mem.Kill()} {
				// The segment that was abandoned has the second event as well, whole perhaps. It does not count there.
				_, recovery, err := Open(left, testDir, testOptions())
				if err != nil || !recovery.Intact() || recovery.Records != 6 {
					t.Errorf("after a crash: %v, %s", err, &recovery)
				}
				if got := events(t, open1(t, left.Crash(nil), testOptions()), s, 0); !slices.Equal(got, []string{"0:0", "1:1", "2:2"}) {
					t.Errorf("after a crash: %v", got)
				}
			}
		})
	}
}

// Issue 3: a full disk loses nothing that was confirmed, and it goes on without a restart once there is room.
func TestFullDisk(t *testing.T) {
	mem := vfs.NewMemory()
	fs := vfs.NewFaulty(mem)
	j := open1(t, fs, testOptions())
	s := j.Stream("s")
	fs.Limit(100 << 10)
	next, durable, failures := uint64(0), uint64(0), 0
	for failures < 5 {
		must(t, j.Append(s, 1, next, Messages, make([]byte, 1000)))
		next++
		d, err := j.Commit()
		if err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			failures++
			continue
		}
		durable = d[0].Upto
	}
	if durable < 50 {
		t.Errorf("only %d events in 100 KiB", durable)
	}
	c := open1(t, mem.Crash(nil), testOptions())
	if info, _ := c.Info(s); info.Next != durable {
		t.Errorf("%d after a crash, reported %d", info.Next, durable)
	}
	fs.Heal()
	if d := commit(t, j); d[0].Upto != next {
		t.Errorf("durable %+v, appended %d", d, next)
	}
	must(t, j.Close())
	if r, err := Verify(mem, testDir); err != nil || !r.Intact() {
		t.Errorf("verify: %v, %s", err, &r)
	}
}

// DESIGN section 6, and issue 3: disk use stays below twice the living bytes plus a fixed allowance, with a slow queue beside a fast
// one; and the copies are read as the originals.
func TestDiskIsBounded(t *testing.T) {
	mem := vfs.NewMemory()
	opt := testOptions()
	opt.SegmentBytes = 64 << 10
	j := open1(t, mem, opt)
	slow, fast := j.Stream("slow"), j.Stream("fast")
	fastNext, slowNext := uint64(0), uint64(0)
	payload := bytes.Repeat([]byte("compressible "), 40)
	for round := range 3000 {
		must(t, j.Append(fast, 1, fastNext, Messages, make([]byte, 900)))
		fastNext++
		if round%40 == 0 {
			must(t, j.Append(slow, 1, slowNext, Messages, append(fmt.Appendf(nil, "%d ", slowNext), payload...)))
			slowNext++
		}
		if fastNext%10 == 0 {
			for i := fastNext - 10; i < fastNext; i++ {
				must(t, j.Release(fast, i))
			}
			must(t, j.Checkpoint(fast, 1, fastNext, []byte("all settled")))
		}
		commit(t, j)
		cleaned, err := j.Clean(16 << 10)
		must(t, err)
		for n := 0; cleaned.More && n < 20; n++ {
			cleaned, err = j.Clean(16 << 10)
			must(t, err)
		}
		stats := j.Stats()
		if bound := 2*stats.LivingBytes + int64(opt.Spare+4)*opt.SegmentBytes; stats.DiskBytes > bound {
			t.Fatalf("round %d: %d bytes on disk for %d living, bound %d", round, stats.DiskBytes, stats.LivingBytes, bound)
		}
	}
	stats := j.Stats()
	if stats.Copied == 0 || stats.Reused == 0 || stats.Recycled < 30 {
		t.Errorf("stats %+v", stats)
	}
	j = open1(t, mem.Crash(nil), opt)
	got := events(t, j, slow, 0)
	if len(got) != int(slowNext) {
		t.Fatalf("%d of %d slow messages", len(got), slowNext)
	}
	for i, e := range got {
		if want := fmt.Sprintf("%d:%d %s", i, i, payload); e != want {
			t.Fatalf("slow message %d: %.40q", i, e)
		}
	}
}

// Readers pin what they read: a segment that dies meanwhile stays until they are done.
func TestReaderPins(t *testing.T) {
	j := open1(t, vfs.NewMemory(), testOptions())
	s := j.Stream("s")
	for i := range uint64(60) {
		must(t, j.Append(s, 1, i, Event, make([]byte, 1000)))
		commit(t, j)
	}
	r, err := j.Read(s, 0)
	must(t, err)
	must(t, j.Checkpoint(s, 1, 60, nil))
	commit(t, j)
	if c, err := j.Clean(1 << 20); err != nil || c.Recycled > 0 {
		t.Fatalf("recycled %d under a reader, %v", c.Recycled, err)
	}
	n := 0
	for _, err := range r.All() {
		must(t, err)
		n++
	}
	if c, err := j.Clean(1 << 20); err != nil || c.Recycled == 0 || n != 60 {
		t.Errorf("read %d, then recycled %d, %v", n, c.Recycled, err)
	}
}

// A record larger than a segment gets one of its own size, which is not kept as a spare.
func TestLargeRecord(t *testing.T) {
	mem := vfs.NewMemory()
	j := open1(t, mem, testOptions())
	s := j.Stream("s")
	large := bytes.Repeat([]byte("L"), 100<<10)
	for i := range uint64(3) {
		must(t, j.Append(s, 1, i, Event, large))
	}
	commit(t, j)
	j = open1(t, mem.Crash(nil), testOptions())
	if got := events(t, j, s, 0); len(got) != 3 || got[2] != "2:"+string(large) {
		t.Errorf("%d events", len(got))
	}
	must(t, j.Remove(s))
	_, err := j.Clean(1 << 20)
	must(t, err)
	commit(t, j)
	_, err = j.Clean(1 << 20)
	must(t, err)
	if stats := j.Stats(); stats.LivingRecords != 0 || stats.DiskBytes > 4*16<<10 {
		t.Errorf("after the removal: %+v", stats)
	}
}

// SyncInterval: nothing waits for the sync but the sync, and Sync does it for whoever has a timer.
func TestInterval(t *testing.T) {
	mem := vfs.NewMemory()
	now := time.Unix(1000, 0)
	opt := Options{SegmentBytes: 16 << 10, Sync: SyncInterval, Interval: time.Second, Now: func() time.Time { return now }}
	j := open1(t, mem, opt)
	s := j.Stream("s")
	next := uint64(0)
	step := func(after time.Duration) uint64 {
		t.Helper()
		now = now.Add(after)
		must(t, j.Append(s, 1, next, Event, []byte("x")))
		next++
		if d := commit(t, j); d[0].Upto != next {
			t.Errorf("reported %+v of %d", d, next)
		}
		c := open1(t, mem.Crash(nil), testOptions())
		info, _ := c.Info(s)
		return info.Next
	}
	for i, c := range []struct {
		after time.Duration
		want  uint64
	}{{0, 1}, {time.Millisecond, 1}, {time.Millisecond, 1}, {time.Second, 4}, {0, 4}} {
		if got := step(c.after); got != c.want {
			t.Errorf("step %d: %d survive a power failure, want %d", i, got, c.want)
		}
	}
	if !j.Unsynced() {
		t.Error("nothing to sync")
	}
	_, err := j.Sync()
	must(t, err)
	c := open1(t, mem.Crash(nil), testOptions())
	if info, _ := c.Info(s); info.Next != 5 || j.Unsynced() {
		t.Errorf("%d survive after Sync", info.Next)
	}
}

// warrenctl journal dump: a line of JSON per record, by name of stream.
func TestDump(t *testing.T) {
	mem := vfs.NewMemory()
	j := open1(t, mem, testOptions())
	s := j.Stream("orders")
	must(t, j.Append(s, 7, 0, Messages, []byte("hello")))
	must(t, j.Checkpoint(s, 7, 1, []byte("state")))
	must(t, j.Close())
	var b bytes.Buffer
	_, err := Dump(mem, testDir, &b)
	must(t, err)
	var got []string
	for d := json.NewDecoder(&b); ; {
		var r Dumped
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if r.Stream != catalogueID {
			got = append(got, fmt.Sprintf("%s %s %d %d %s", r.Name, r.Kind, r.Index, r.Incarnation, r.Payload))
		}
	}
	if want := []string{"orders messages 0 7 hello", "orders checkpoint 1 7 state"}; !slices.Equal(got, want) {
		t.Errorf("dump %q", got)
	}
}
