package amqp091

import (
	"encoding/binary"

	"warren/protocol"
)

// ContentHeader is the payload of a header frame, AMQP 0-9-1 section 4.2.6.1.
//
//	0       2        4           12                     14
//	+-------+--------+-----------+----------------------+---------------+
//	| class | weight | body size | property flags       | property list |
//	+-------+--------+-----------+----------------------+---------------+
type ContentHeader struct {
	Class      uint16
	BodySize   uint64
	Properties []byte // flags and list, unread; aliases the payload. See protocol.ScanProperties.
}

const contentHeaderSize = 12 // without properties

// ParseContentHeader reads a header frame's payload. The properties are left alone.
func ParseContentHeader(payload []byte) (ContentHeader, error) {
	if len(payload) < contentHeaderSize {
		return ContentHeader{}, protocol.FrameError("content header of %d bytes", len(payload))
	}
	if weight := binary.BigEndian.Uint16(payload[2:]); weight != 0 {
		return ContentHeader{}, protocol.UnexpectedFrame("content header with weight %d", weight)
	}
	return ContentHeader{
		Class:      binary.BigEndian.Uint16(payload),
		BodySize:   binary.BigEndian.Uint64(payload[4:]),
		Properties: payload[contentHeaderSize:len(payload):len(payload)],
	}, nil
}

// AppendContentHeader writes a header frame with raw properties as they came, without the broker's marks in them. A header frame
// cannot be split: when it exceeds the receiver's frame_max, the message cannot be sent to it (contract P-19).
func AppendContentHeader(dst []byte, channel, class uint16, bodySize uint64, properties []byte) []byte {
	dst = AppendFrameHeader(dst, FrameHeader, channel, contentHeaderSize+len(properties))
	dst = append(dst, byte(class>>8), byte(class), 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, bodySize)
	at := len(dst)
	dst = append(dst, properties...)
	protocol.ClearMarks(dst[at:])
	return append(dst, FrameEnd)
}
