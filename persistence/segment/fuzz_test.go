package segment

import (
	"bytes"
	"testing"
)

// The record parser: whatever the bytes are, it takes them or leaves them, and what it takes is what would be written.
func FuzzRecord(f *testing.F) {
	sum := newChecksum(testEpoch)
	for _, g := range someGroups() {
		for i := range g {
			f.Add(int64(DataStart), sum.append(nil, DataStart, &g[i]))
		}
	}
	f.Add(int64(DataStart), make([]byte, RecordHeader))
	refers := Record{Stream: 1, Kind: Messages, Flags: Shared, Summary: 1, Payload: reference{DataStart, 5, 6}.append([]byte{1})}
	f.Add(int64(2*DataStart), sum.append(nil, 2*DataStart, &refers))
	f.Fuzz(func(t *testing.T, offset int64, b []byte) {
		r, n, err := Parse(testEpoch, offset, b)
		if err != nil {
			return
		}
		again := newChecksum(testEpoch).append(nil, offset, &r)
		if int64(len(again)) != n || !bytes.HasPrefix(again, b[:min(len(b), RecordHeader+len(r.Payload))]) {
			t.Errorf("parsed %+v, which is written differently", r)
		}
	})
}

// The footer: no bytes make it panic, loop or claim more memory than it is long, and what it takes it writes again.
func FuzzFooter(f *testing.F) {
	var entries []Entry
	offset := int64(DataStart)
	for _, g := range someGroups() {
		for _, r := range g {
			e := Entry{Stream: r.Stream, Index: r.Index, Offset: offset, Bytes: uint32(len(r.Payload)), Kind: r.Kind, Flags: r.Flags}
			entries = append(entries, e)
			offset = e.End()
		}
	}
	f.Add(appendFooter(nil, entries))
	f.Add(appendFooter(nil, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseFooter(b)
		if err != nil {
			return
		}
		if len(got) > len(b) {
			t.Errorf("%d entries in %d bytes", len(got), len(b))
		}
		again, err := ParseFooter(appendFooter(nil, got))
		if err != nil || len(again) != len(got) {
			t.Errorf("%v: %d of %d entries come back", err, len(again), len(got))
		}
	})
}

// The scan of a file that somebody else wrote: it ends, and what it reports lies in the file.
func FuzzScan(f *testing.F) {
	sum := newChecksum(testEpoch)
	b := make([]byte, DataStart)
	for _, g := range someGroups() {
		for i := range g {
			b = sum.append(b, int64(len(b)), &g[i])
		}
	}
	f.Add(b[DataStart:], int64(0), int64(0))
	shared := reference{DataStart + RecordHeader, 9, payloadSum([]byte("catalogue"))} // the first payload there is
	for _, r := range []reference{shared, {shared.offset, 9, 1}, {shared.offset, 1 << 29, 1}, {0, 8, 1}} {
		b = sum.append(b, int64(len(b)), &Record{Stream: 9, Kind: Messages, Flags: Shared, Payload: r.append(nil)})
	}
	f.Add(b[DataStart:], int64(len(b)), int64(4200))
	f.Fuzz(func(t *testing.T, data []byte, end, stated int64) {
		file := append(make([]byte, DataStart), data...)
		end, stated = max(0, min(end, 1<<20)), max(0, min(stated, 1<<20))
		if end > 0 {
			end = max(end, DataStart)
		}
		scan := ScanFile(bytes.NewReader(file), int64(len(file)), testHeader(), Limits{End: end, Stated: stated})
		last := int64(DataStart)
		for _, e := range scan.Entries {
			if e.Offset < last || e.End() > max(scan.End, last) {
				t.Fatalf("entry %+v in %+v", e, scan)
			}
			last = e.End()
		}
		for _, d := range scan.Damage {
			if d.Bytes <= 0 || d.Offset < DataStart {
				t.Fatalf("damage %+v", d)
			}
		}
	})
}
