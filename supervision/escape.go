package supervision

import (
	"fmt"
	"strings"
)

// emptySegment stands for the empty string; a lone % is nothing else's escape.
const emptySegment = "%"

const hexDigits = "0123456789ABCDEF"

// Escape makes one path segment of any string: a vhost's "/", a queue's "a/b" or "". The result is never empty, has no
// '/' and nothing that would break a line or a column of the tree; Unescape takes it back. Letters of any script stay
// readable.
func Escape(segment string) string {
	if segment == "" {
		return emptySegment
	}
	n := 0
	for i := range len(segment) {
		if escaped(segment[i]) {
			n++
		}
	}
	if n == 0 {
		return segment
	}
	var b strings.Builder
	b.Grow(len(segment) + 2*n)
	for i := range len(segment) {
		c := segment[i]
		if !escaped(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hexDigits[c>>4])
		b.WriteByte(hexDigits[c&15])
	}
	return b.String()
}

func escaped(c byte) bool { return c <= ' ' || c == '/' || c == '%' || c == 0x7f }

// Unescape is the inverse of Escape. It refuses what Escape never writes, so every string has one segment and every
// segment one string.
func Unescape(segment string) (string, error) {
	if segment == emptySegment {
		return "", nil
	}
	var b strings.Builder
	b.Grow(len(segment))
	for i := 0; i < len(segment); i++ {
		c := segment[i]
		if c != '%' {
			if escaped(c) {
				return "", fmt.Errorf("supervision: unescaped %q in path segment %q", c, segment)
			}
			b.WriteByte(c)
			continue
		}
		if i+2 >= len(segment) {
			return "", fmt.Errorf("supervision: torn escape in path segment %q", segment)
		}
		hi, lo := strings.IndexByte(hexDigits, segment[i+1]), strings.IndexByte(hexDigits, segment[i+2])
		if hi < 0 || lo < 0 || !escaped(byte(hi<<4|lo)) {
			return "", fmt.Errorf("supervision: bad escape %q in path segment %q", segment[i:i+3], segment)
		}
		b.WriteByte(byte(hi<<4 | lo))
		i += 2
	}
	if b.Len() == 0 {
		return "", fmt.Errorf("supervision: empty path segment")
	}
	return b.String(), nil
}
