package segment

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"warren/persistence/vfs"
)

const (
	testEpoch  = 0x1122334455667788
	testNumber = 7
	testSize   = 64 << 10
)

func testHeader() Header {
	return Header{Version: Version, Epoch: testEpoch, Number: testNumber, Created: 1_700_000_000_000_000_000, Before: Position{Segment: 6, Offset: 9000}, Size: testSize}
}

// build writes groups of records to a new file, one write and sync per group, and returns the entries.
func build(t *testing.T, m *vfs.Memory, h Header, groups ...[]Record) (vfs.File, *Writer) {
	t.Helper()
	f, err := m.Create("segment")
	must(t, err)
	must(t, m.SyncDir("."))
	w, err := Create(f, h)
	must(t, err)
	for _, g := range groups {
		durable := w.End()
		for i := range g {
			w.Add(&g[i])
		}
		must(t, w.Write(Position{Segment: h.Number, Offset: durable}, 42))
		must(t, w.Sync())
	}
	return f, w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// someGroups are the records that most tests here use: three groups, three streams, a copy out of order.
func someGroups() [][]Record {
	record := func(stream, index uint64, kind Kind, flags Flags, payload string) Record {
		return Record{Stream: stream, Index: index, Incarnation: 3, Time: 1_700_000_000_000_000_000 + int64(index), Kind: kind, Flags: flags, Payload: []byte(payload)}
	}
	summarized := record(1, 11, Messages, 0, string(bytes.Repeat([]byte("body "), 400)))
	summarized.Summary = 5
	return [][]Record{
		{record(0, 0, Checkpoint, 0, "catalogue"), record(1, 10, Event, 0, "declared")},
		{summarized, record(2, 0, Messages, 0, ""), record(2, 1, Event, 0, "settled")},
		{record(1, 4, Messages, Copy, "from before"), record(1, 12, Checkpoint, 0, "state of one"), record(300, 0, Event, 0, "x")},
	}
}

// What was written comes back, by scan, by footer and one by one.
func TestRoundTrip(t *testing.T) {
	groups := someGroups()
	m := vfs.NewMemory()
	f, w := build(t, m, testHeader(), groups...)
	must(t, w.Seal(42))

	h, err := ReadHeader(f)
	must(t, err)
	if h != testHeader() {
		t.Errorf("header %+v", h)
	}
	size, _ := f.Size()
	footer, end, err := ReadFooter(f, size, h.Epoch)
	must(t, err)
	scan := ScanFile(f, size, h, Limits{})
	if !scan.Sealed || scan.End != end || end != w.End() || len(scan.Damage) > 0 || scan.Torn.Bytes > 0 {
		t.Errorf("scan %+v, end %d", scan, end)
	}
	if fmt.Sprint(footer) != fmt.Sprint(scan.Entries) {
		t.Errorf("footer %v\nscan   %v", footer, scan.Entries)
	}
	r := NewReader(f, h.Epoch)
	i := 0
	for _, g := range groups {
		for _, want := range g {
			got, err := r.ReadAt(footer[i])
			must(t, err)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("record %d: %v, want %v", i, got, want)
			}
			i++
		}
	}
}

// A header that went bad is told apart from a file of a newer version, which is refused by its name.
func TestHeader(t *testing.T) {
	h := testHeader()
	page := h.page()
	for i := range headerBytes {
		b := bytes.Clone(page)
		b[i] ^= 1
		if _, err := ParseHeader(b); !errors.Is(err, ErrMagic) && !errors.Is(err, ErrChecksum) {
			t.Errorf("byte %d flipped: %v", i, err)
		}
	}
	for n := range headerBytes {
		if _, err := ParseHeader(page[:n]); !errors.Is(err, ErrMagic) {
			t.Errorf("%d bytes of a header: %v", n, err)
		}
	}
	h.Version = Version + 1
	var newer *VersionError
	if _, err := ParseHeader(h.page()); !errors.As(err, &newer) || newer.Found != Version+1 {
		t.Errorf("newer version: %v", err)
	} else if want := "segment format 3 was written by a newer version; this one reads format 2 and older"; err.Error() != want {
		t.Errorf("newer version: %q", err)
	}
}

// A recycled file: what its last use left is never a record, wherever the new use ends.
func TestRecycledFile(t *testing.T) {
	for used := 1; used <= 3; used++ {
		m := vfs.NewMemory()
		f, w := build(t, m, testHeader(), someGroups()...)
		must(t, w.Seal(42))
		h := testHeader()
		h.Epoch, h.Number = testEpoch+1, 8
		w, err := Create(f, h)
		must(t, err)
		for _, g := range someGroups()[:used] {
			for i := range g {
				w.Add(&g[i])
			}
			must(t, w.Write(Position{Segment: 8, Offset: w.End()}, 42))
		}
		size, _ := f.Size()
		if entries, end, err := ReadFooter(f, size, h.Epoch); entries != nil || end != 0 || err != nil {
			t.Errorf("the seal of the last use counts: %v %d %v", entries, end, err)
		}
		scan := ScanFile(f, size, h, Limits{})
		if scan.End != w.End() || len(scan.Entries) != w.Len() || len(scan.Damage) > 0 || scan.Torn.Bytes > 0 {
			t.Errorf("after %d groups: %+v, want the end at %d", used, scan, w.End())
		}
	}
}

// Somebody publishes a segment file as a message, and reads it back: its records are not the segment's.
func TestSegmentInsideOfSegment(t *testing.T) {
	m := vfs.NewMemory()
	f, w := build(t, m, testHeader(), someGroups()[:2]...)
	inner := make([]byte, w.End()-DataStart)
	_, err := f.ReadAt(inner, DataStart)
	must(t, err)
	w.Add(&Record{Stream: 9, Kind: Messages, Payload: inner})
	at := w.End()
	must(t, w.Write(Position{Segment: testNumber, Offset: at}, 42))
	count := w.Len()
	// The header of that record goes bad, so the search goes right through it.
	b := make([]byte, 1)
	_, _ = f.ReadAt(b, at+GroupBytes)
	_, err = f.WriteAt([]byte{b[0] ^ 1}, at+GroupBytes)
	must(t, err)
	scan := ScanFile(f, testSize, testHeader(), Limits{})
	if len(scan.Entries) != count-1 || scan.End != at+GroupBytes {
		t.Errorf("scan %+v", scan)
	}
}

// DESIGN section 6: a fault below the highest stated durable position is damage, above it the torn tail.
func TestDamageOrTorn(t *testing.T) {
	m := vfs.NewMemory()
	f, w := build(t, m, testHeader(), someGroups()...)
	whole := ScanFile(f, testSize, testHeader(), Limits{})
	stated := whole.Stated // where the third group begins
	for offset := int64(DataStart); offset < w.End(); offset++ {
		clone := m.Kill()
		c, _ := clone.Open("segment")
		b := make([]byte, 1)
		_, _ = c.ReadAt(b, offset)
		_, _ = c.WriteAt([]byte{b[0] ^ 0x40}, offset)
		scan := ScanFile(c, testSize, testHeader(), Limits{})
		padding := len(scan.Entries) == len(whole.Entries) && len(scan.Damage) == 0 && scan.End == whole.End
		switch {
		case padding: // bytes behind a payload mean nothing
			if !inPadding(whole, offset) {
				t.Fatalf("flip at %d went unseen", offset)
			}
		case offset < stated:
			if len(scan.Damage) != 1 || scan.Torn.Bytes > 0 || scan.End != whole.End || scan.Damage[0].Offset > offset || scan.Damage[0].End() <= offset {
				t.Fatalf("flip at %d, stated %d: %+v", offset, stated, scan)
			}
			if len(scan.Entries) < len(whole.Entries)-1 {
				t.Fatalf("flip at %d lost more than its record: %+v", offset, scan.Entries)
			}
		default:
			if len(scan.Damage) != 0 || scan.End > offset || scan.End < stated {
				t.Fatalf("flip at %d, stated %d: %+v", offset, stated, scan)
			}
		}
		// Somebody else stated that all of it was durable: then all of it is damage.
		scan = ScanFile(c, testSize, testHeader(), Limits{End: whole.End})
		if !padding && (len(scan.Damage) != 1 || scan.End != whole.End) {
			t.Fatalf("flip at %d, all stated: %+v", offset, scan)
		}
	}
}

func inPadding(s Scan, offset int64) bool {
	for _, e := range s.Entries {
		if end := e.Offset + RecordHeader + int64(e.Bytes); offset >= end && offset < e.End() {
			return true
		}
	}
	return false
}

// A hole of any place and length, zeros or a cut: what is whole outside of it is still there, and the hole is named.
func TestHoles(t *testing.T) {
	m := vfs.NewMemory()
	f, w := build(t, m, testHeader(), someGroups()...)
	must(t, w.Seal(42))
	end := w.End()
	whole := ScanFile(f, testSize, testHeader(), Limits{})
	for from := int64(DataStart); from < end; from += 97 {
		for length := int64(1); from+length <= end; length += 307 {
			clone := m.Kill()
			c, _ := clone.Open("segment")
			_, _ = c.WriteAt(make([]byte, length), from)
			check := func(scan Scan, to int64) {
				t.Helper()
				lost := len(whole.Entries) - len(scan.Entries)
				for _, e := range whole.Entries {
					if e.Offset < to && e.End() > from {
						lost--
					}
				}
				if lost > 0 {
					t.Fatalf("hole %d+%d: %d records outside of it are lost", from, length, lost)
				}
				if len(scan.Entries) == len(whole.Entries) {
					return
				}
				if len(scan.Damage) == 0 || scan.Damage[0].Offset > to || scan.Damage[len(scan.Damage)-1].End() <= from {
					t.Fatalf("hole %d+%d: damage %+v", from, length, scan.Damage)
				}
			}
			check(ScanFile(c, testSize, testHeader(), Limits{}), from+length)
			check(ScanFile(c, testSize, testHeader(), Limits{End: end}), from+length)
		}
		// Cut off here.
		scan := ScanFile(f, from, testHeader(), Limits{End: end})
		if scan.End != end || len(scan.Damage) == 0 || scan.Damage[len(scan.Damage)-1].End() != end {
			t.Fatalf("cut at %d: %+v", from, scan)
		}
		for i, e := range scan.Entries {
			if e != whole.Entries[i] {
				t.Fatalf("cut at %d: entry %v", from, e)
			}
		}
	}
}

// A writer never fills a file beyond its size, footer included.
func TestFits(t *testing.T) {
	h := testHeader()
	h.Size = 16 << 10
	m := vfs.NewMemory()
	f, w := build(t, m, h)
	n := uint64(0)
	r := &Record{Kind: Event, Payload: make([]byte, 100), Summary: 50}
	for w.Fits(r) {
		for range 3 {
			if w.Fits(r) {
				r.Stream, r.Index = n%5, n
				w.Add(r)
				n++
			}
		}
		must(t, w.Write(Position{}, 1))
	}
	must(t, w.Seal(1))
	if size, _ := f.Size(); size != h.Size {
		t.Errorf("file of %d bytes has %d after %d records", h.Size, size, n)
	}
	if n < 45 {
		t.Errorf("only %d records of 100 bytes in %d", n, h.Size)
	}
}

// SizeFor promises a segment that a single record fits.
func TestSizeFor(t *testing.T) {
	for _, n := range []int{0, 1, 100, 70_000} {
		h := testHeader()
		h.Size = SizeFor(2, int64(n))
		_, w := build(t, vfs.NewMemory(), h)
		w.Add(&Record{Kind: Checkpoint})
		if !w.Fits(&Record{Payload: make([]byte, n), Summary: min(n, MaxSummary)}) {
			t.Errorf("%d bytes do not fit SizeFor of them", n)
		}
	}
}

// Names tell number and epoch; other files in the directory are none of ours.
func TestNames(t *testing.T) {
	if n, e, ok := ParseName(Name(7, 1<<63)); n != 7 || e != 1<<63 || !ok {
		t.Errorf("%x %x %v", n, e, ok)
	}
	if e, ok := ParseFreeName(FreeName(9)); e != 9 || !ok {
		t.Errorf("%x %v", e, ok)
	}
	for _, name := range []string{"lock", "current", ".segment", "x.free", "0000000000000007.segment", "000000000000000g-0000000000000001.segment"} {
		if _, _, ok := ParseName(name); ok {
			t.Errorf("%q is a segment", name)
		}
		if _, ok := ParseFreeName(name); ok {
			t.Errorf("%q is free", name)
		}
	}
}
