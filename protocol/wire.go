package protocol

import (
	"encoding/binary"
	"fmt"
)

// cutShortstr cuts a string with a one-octet length off b, AMQP 0-9-1 section 4.2.5.3.
func cutShortstr(b []byte) (s, rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, nil, false
	}
	end := 1 + int(b[0])
	if len(b) < end {
		return nil, nil, false
	}
	return b[1:end:end], b[end:], true
}

// cutLongstr cuts a string with a four-octet length off b. Tables and arrays have the same shape.
func cutLongstr(b []byte) (s, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	size := uint64(binary.BigEndian.Uint32(b))
	if uint64(len(b)-4) < size {
		return nil, nil, false
	}
	end := 4 + int(size)
	return b[4:end:end], b[end:], true
}

func appendShortstr(dst []byte, s string) []byte {
	if len(s) > 255 {
		panic(fmt.Sprintf("protocol: shortstr of %d bytes", len(s)))
	}
	dst = append(dst, byte(len(s)))
	return append(dst, s...)
}
