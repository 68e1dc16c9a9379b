package segment

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"warren/persistence/vfs"
)

// sharingGroups are someGroups and two more, of records that share a tail: within a group and from one to the next, compressed and
// not, and one that is too small to be worth it.
func sharingGroups() [][]Record {
	record := func(stream uint64, summary string, tail Tail, flags Flags) Record {
		return Record{Stream: stream, Index: 20, Kind: Messages, Flags: flags, Summary: len(summary), Payload: []byte(summary), Tail: tail}
	}
	body, other, small := NewTail(bytes.Repeat([]byte("fanned out "), 20)), NewTail(bytes.Repeat([]byte("as zstd "), 10)), NewTail([]byte("small"))
	return append(someGroups(),
		[]Record{record(1, "one", body, 0), record(2, "two", body, 0), record(300, "", small, 0)},
		[]Record{record(400, "", body, 0), record(500, "5", body, Copy|Zstd), record(301, "", small, 0), record(600, "6", body, Zstd), record(700, "", other, 0)},
	)
}

// asRead is a record as a reader finds it.
func asRead(r Record) Record {
	r.Payload = append(bytes.Clone(r.Payload), r.Tail.Bytes...)
	r.Tail = Tail{}
	return r
}

// Issue 3: a message in N queues is stored once a segment; compressed and uncompressed bytes are never taken for each other.
func TestShared(t *testing.T) {
	f, w := build(t, vfs.NewMemory(), testHeader(), sharingGroups()...)
	groups := sharingGroups()
	var shared []uint64
	r := NewReader(f, testEpoch)
	i := 0
	for _, g := range groups {
		for _, want := range g {
			e := w.entries[i]
			if e.Flags&Shared != 0 {
				shared = append(shared, e.Stream)
				if e.Bytes != uint32(want.Summary)+referenceBytes {
					t.Errorf("record of stream %d takes %d bytes", e.Stream, e.Bytes)
				}
			}
			got, err := r.ReadAt(e)
			must(t, err)
			if fmt.Sprint(got) != fmt.Sprint(asRead(want)) {
				t.Errorf("got %v, want %v", got, want)
			}
			i++
		}
	}
	if fmt.Sprint(shared) != "[2 400 600]" {
		t.Errorf("shared by %v", shared)
	}
}

// Damage to bytes that are shared costs all who refer to them, and is reported for each; damage to the first record's header or
// summary costs that one alone. That records in the newest group refer to what went bad does not end the log.
func TestSharedBytesGoBad(t *testing.T) {
	find := func(w *Writer, stream, index uint64) Entry {
		for _, e := range w.entries {
			if e.Stream == stream && e.Index == index {
				return e
			}
		}
		t.Fatalf("no record %d/%d", stream, index)
		return Entry{}
	}
	for _, c := range []struct {
		what string
		at   int64 // behind the first record's beginning
		want string
	}{
		{"its bytes", RecordHeader + 9, "[1 2 400]"},
		{"its summary", RecordHeader, "[1]"},
		{"its header", 9, "[0]"},
		{"nothing", -1, "[]"},
	} {
		f, w := build(t, vfs.NewMemory(), testHeader(), sharingGroups()...)
		first, last := find(w, 1, 20), find(w, 700, 20)
		if c.at >= 0 {
			b := make([]byte, 1)
			_, err := f.ReadAt(b, first.Offset+c.at)
			must(t, err)
			b[0] ^= 4
			_, err = f.WriteAt(b, first.Offset+c.at)
			must(t, err)
		}
		size, _ := f.Size()
		scan := ScanFile(f, size, testHeader(), Limits{})
		hit := []uint64{}
		for _, d := range scan.Damage {
			if d.Record != nil {
				hit = append(hit, d.Record.Stream)
			} else {
				hit = append(hit, 0)
			}
		}
		if fmt.Sprint(hit) != c.want || scan.End != last.End() || scan.Torn.Bytes > 0 || len(scan.Entries)+len(hit) != len(w.entries) {
			t.Errorf("%s: hit %v, want %s; end %d of %d, torn %v", c.what, hit, c.want, scan.End, last.End(), scan.Torn)
		}
		_, err := NewReader(f, testEpoch).ReadAt(find(w, 400, 20))
		if lost := c.want == "[1 2 400]"; lost != errors.Is(err, ErrChecksum) {
			t.Errorf("%s: reading one that shares: %v", c.what, err)
		}
	}
}

// A writer forgets old tails, and what it forgets is simply written again.
func TestSharesAreBounded(t *testing.T) {
	var s shares
	for i := range uint64(5 * sharesAtOnce) {
		s.put(i+1, place{})
	}
	_, first := s.find(&Record{Tail: Tail{ID: 1}})
	_, last := s.find(&Record{Tail: Tail{ID: 4*sharesAtOnce + 1}})
	if n := len(s.young) + len(s.old); n > 2*sharesAtOnce || first || !last {
		t.Errorf("%d remembered; the first %v, the last ones %v", n, first, last)
	}
}
