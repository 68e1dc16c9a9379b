package protocol

import "testing"

// Promise: it is a slice like another, of the length that was asked for, and nobody else has it.
func TestUncleared(t *testing.T) {
	for _, n := range []int{0, 1, 7, 4096, 256 << 10} {
		a, b := Uncleared(n), Uncleared(n)
		if len(a) != n || cap(a) != n {
			t.Fatalf("%d bytes in %d, want %d", len(a), cap(a), n)
		}
		for i := range a {
			a[i], b[i] = 1, 2
		}
		for i := range a {
			if a[i] != 1 {
				t.Fatalf("byte %d of %d is somebody else's", i, n)
			}
		}
	}
}
