package amqp091

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
	"unsafe"

	"warren/protocol"
)

// The helpers that generated code is made of. Each cuts one argument off the front of b.

// cutShortstr cuts a shortstr, AMQP 0-9-1 section 4.2.5.3. The string aliases b.
func cutShortstr(b []byte) (s string, rest []byte, ok bool) {
	if len(b) == 0 {
		return "", nil, false
	}
	end := 1 + int(b[0])
	if len(b) < end {
		return "", nil, false
	}
	// unsafe.String in place of string(b[1:end]): no allocation per name, see BenchmarkParsePublish.
	return unsafe.String(unsafe.SliceData(b[1:]), end-1), b[end:], true
}

// cutLongstr cuts a longstr. The string aliases b.
func cutLongstr(b []byte) (s string, rest []byte, ok bool) {
	n, ok := sized(b)
	if !ok {
		return "", nil, false
	}
	return unsafe.String(unsafe.SliceData(b[4:]), n-4), b[n:], true
}

// cutTable cuts a table with its length prefix, unread.
func cutTable(b []byte) (raw RawTable, rest []byte, ok bool) {
	n, ok := sized(b)
	if !ok {
		return nil, nil, false
	}
	return RawTable(b[:n:n]), b[n:], true
}

// sized is how many bytes of b a long-uint length and what it counts take.
func sized(b []byte) (n int, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	size := uint64(binary.BigEndian.Uint32(b))
	if size > uint64(len(b)-4) {
		return 0, false
	}
	return 4 + int(size), true
}

func appendShortstr(dst []byte, s string) []byte {
	if len(s) > 255 {
		tooLong(s)
	}
	dst = append(dst, byte(len(s)))
	return append(dst, s...)
}

// tooLong stands alone so that its callers can be inlined.
func tooLong(s string) {
	panic(fmt.Sprintf("amqp091: shortstr of %d bytes", len(s)))
}

func appendLongstr(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s)))
	return append(dst, s...)
}

// checkUTF8 holds names to UTF-8. RabbitMQ looks at the short strings of every method that carries no content, so
// routing keys of publishes may be any bytes.
func checkUTF8(id MethodID, texts ...string) error {
	for _, s := range texts {
		if !utf8.ValidString(s) {
			return protocol.FrameError("Malformed UTF-8 in shortstr").At(id.Class(), id.Method())
		}
	}
	return nil
}

// errTruncated and errTrailing are the two ways in which arguments do not fit their method.
//
// Differs: RabbitMQ says 501 "cannot decode <<0,0,...>>" for both; 502 is the specification's code for it, and the text
// names the method.
func errTruncated(id MethodID) error {
	return protocol.SyntaxError("arguments of %s are cut short", id).At(id.Class(), id.Method())
}

func errTrailing(id MethodID, n int) error {
	return protocol.SyntaxError("%d bytes behind the arguments of %s", n, id).At(id.Class(), id.Method())
}
