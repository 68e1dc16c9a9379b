package columns

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"
)

func TestColumnsBytes(t *testing.T) {
	// DESIGN section 7, paging of the index: what goes on evenly takes a few bytes, however long it is.
	for _, c := range []struct {
		what  string
		of    func(i int64) int64
		bytes int // of 512 values
	}{
		{"the same", func(int64) int64 { return 1024 }, 7},
		{"an even step", func(i int64) int64 { return 1<<40*8 + 3*i }, 13},
		{"one exception", func(i int64) int64 { return i + i/300 }, 16},
		{"small steps of all kinds", func(i int64) int64 { return i + i*i%7 }, 520},
	} {
		values := make([]int64, 512)
		for i := range values {
			values[i] = c.of(int64(i))
		}
		if got := len(Append(nil, values)); got > c.bytes {
			t.Errorf("%s: %d bytes, want %d at most", c.what, got, c.bytes)
		}
	}
}

func FuzzColumns(f *testing.F) {
	// What is read is what was packed, columns behind each other included.
	f.Add([]byte{1})
	f.Add([]byte("aaaaaaaaabcdaaaaaaaa"))
	long := []byte{}
	for _, v := range []int64{0, math.MaxInt64, math.MinInt64, -1, 1, 1, 1, 2, 3, 4, 300, 300} {
		long = binary.LittleEndian.AppendUint64(long, uint64(v))
	}
	f.Add(long)
	f.Fuzz(func(t *testing.T, b []byte) {
		narrow, wide := make([]int64, len(b)), make([]int64, len(b)/8)
		for i := range b {
			narrow[i] = int64(b[i])
		}
		for i := range wide {
			wide[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
		}
		table := slices.DeleteFunc([][]int64{narrow, wide, narrow}, func(c []int64) bool { return len(c) == 0 })
		var packed []byte
		for _, values := range table {
			packed = Append(packed, values)
		}
		rest := string(packed)
		for _, values := range table {
			var c Column
			c, rest = Take(rest)
			for i, want := range values {
				if got := c.Next(); got != want {
					t.Fatalf("value %d of %v: %d", i, values, got)
				}
			}
		}
		if rest != "" {
			t.Fatalf("%d bytes are left", len(rest))
		}
	})
}
