package protocol

import (
	"strings"
	"unsafe"
)

// Uncleared is make([]byte, n) for whoever writes all that anybody will read of it. The runtime clears what make returns, which is an
// eighth of what a broker does that takes bodies of 10 KiB (benchmarks/results); a strings.Builder is the one way to do without.
func Uncleared(n int) []byte {
	if n == 0 {
		return nil
	}
	var b strings.Builder
	b.Grow(n)
	b.WriteByte(0) // an empty string has no address
	return unsafe.Slice(unsafe.StringData(b.String()), b.Cap())[:n:n]
}
