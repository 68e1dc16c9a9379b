package journal

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"warren/persistence/segment"
)

// An entry is there for every record that is needed and not packed: what it packs it gives back, to the largest values there are.
func TestEntry(t *testing.T) {
	if n := unsafe.Sizeof(entry{}); n != 24 {
		t.Errorf("an entry has %d bytes", n)
	}
	r := rand.New(rand.NewPCG(4, 4))
	f := &file{}
	for i := range 10_000 {
		at := segment.Entry{
			Stream: 9, Index: r.Uint64(), Offset: r.Int64N(segment.MaxFile) &^ 7, Bytes: r.Uint32N(segment.MaxPayload + 1),
			Kind: segment.Event + segment.Kind(r.IntN(3)), Flags: segment.Flags(r.IntN(8)),
		}
		if i == 0 {
			at.Offset, at.Bytes, at.Flags = segment.MaxFile-8, segment.MaxPayload, segment.Copy|segment.Zstd|segment.Shared
		}
		e := placedEntry(f, at)
		if r.IntN(2) == 0 {
			e.release()
		}
		released := e.released()
		if got := e.segment(9); got != at {
			t.Fatalf("%+v, want %+v", got, at)
		}
		at.Offset, at.Flags = r.Int64N(segment.MaxFile)&^7, segment.Flags(r.IntN(8))
		e.put(at)
		if got := e.segment(9); got != at || e.released() != released || e.file != f {
			t.Fatalf("moved: %+v, want %+v; released %v", got, at, released)
		}
	}
}
