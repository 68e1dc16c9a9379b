package amqp091

import (
	"encoding/binary"
	"fmt"

	"warren/protocol"
	"warren/protocol/internal/erl"
)

// Frame types, and the octet that ends every frame: AMQP 0-9-1 section 4.2.3.
const (
	FrameMethod    byte = 1
	FrameHeader    byte = 2
	FrameBody      byte = 3
	FrameHeartbeat byte = 8
	FrameEnd       byte = 0xCE
)

const (
	// FrameHeaderSize is type, channel and size.
	FrameHeaderSize = 7
	// FrameOverhead is what a frame takes beside its payload: frame_max - FrameOverhead is the largest payload.
	FrameOverhead = FrameHeaderSize + 1
)

// FrameSlack is by how much a payload may exceed its limit: clients get it wrong by 1 or by FrameOverhead, and RabbitMQ
// lets them.
const FrameSlack = FrameOverhead

// The least payload of a frame that we can make something of.
const (
	minMethodPayload = 4
	minHeaderPayload = 12
)

// Frame is one frame, in place.
//
//	0      1         3      7                size+7
//	+------+---------+------+----------------+-----------+
//	| type | channel | size | payload (size) | frame end |
//	+------+---------+------+----------------+-----------+
type Frame struct {
	Type    byte
	Channel uint16
	Payload []byte // aliases what was parsed
}

// ParseFrame reads the frame at the front of b and how many bytes it took. More bytes are needed when n is 0 and err is
// nil. maxPayload is frame_max - FrameOverhead, 0 for no limit; a frame beyond it is refused by its header alone, before
// anybody has to keep it. After an error nothing that follows can be trusted: the stream is out of step.
func ParseFrame(b []byte, maxPayload int) (f Frame, n int, err error) {
	if len(b) < FrameHeaderSize {
		return Frame{}, 0, nil
	}
	size := uint64(binary.BigEndian.Uint32(b[3:]))
	if maxPayload > 0 && size > uint64(maxPayload)+FrameSlack {
		return Frame{}, 0, frameError(b[0], nil, fmt.Sprintf("{frame_too_large,%d,%d}", size, maxPayload))
	}
	if uint64(len(b)) < size+FrameOverhead {
		return Frame{}, 0, nil
	}
	end := FrameHeaderSize + int(size)
	f = Frame{Type: b[0], Channel: binary.BigEndian.Uint16(b[1:]), Payload: b[FrameHeaderSize:end:end]}
	if b[end] != FrameEnd {
		return Frame{}, 0, frameError(f.Type, f.Payload, fmt.Sprintf("{invalid_frame_end_marker,%d}", b[end]))
	}
	if err := checkFrame(f); err != nil {
		return Frame{}, 0, err
	}
	return f, end + 1, nil
}

// EndError is ParseFrame's for a body frame that does not end with FrameEnd, for whoever reads one by himself.
func EndError(payload []byte, end byte) *protocol.Error {
	return protocol.AsError(frameError(FrameBody, payload, fmt.Sprintf("{invalid_frame_end_marker,%d}", end)))
}

// checkFrame refuses frames of an unknown type, and those that cannot be what their type says (RabbitMQ's
// rabbit_command_assembler:analyze_frame). A heartbeat belongs to channel 0 and carries nothing, section 4.2.7.
func checkFrame(f Frame) error {
	switch f.Type {
	case FrameMethod:
		if len(f.Payload) >= minMethodPayload {
			return nil
		}
	case FrameHeader:
		if len(f.Payload) >= minHeaderPayload {
			return nil
		}
	case FrameBody:
		return nil
	case FrameHeartbeat:
		if len(f.Payload) != 0 {
			break
		}
		if f.Channel != 0 {
			return protocol.UnexpectedFrame("type %d, %s", f.Type, snippet(f.Payload))
		}
		return nil
	}
	return frameError(f.Type, f.Payload, "unknown_frame")
}

// frameError has RabbitMQ's words: type T, first 16 octets = <<...>>: reason.
func frameError(kind byte, payload []byte, reason string) error {
	return protocol.FrameError("type %d, %s: %s", kind, snippet(payload), reason)
}

func snippet(payload []byte) string {
	if len(payload) <= 16 {
		return "all octets = " + erl.Binary(payload)
	}
	return "first 16 octets = " + erl.Binary(payload[:16])
}

// AppendFrameHeader writes type, channel and size. Payload and FrameEnd are the caller's.
func AppendFrameHeader(dst []byte, kind byte, channel uint16, size int) []byte {
	return append(dst, kind, byte(channel>>8), byte(channel), byte(size>>24), byte(size>>16), byte(size>>8), byte(size))
}

// AppendMethod writes a method frame.
func AppendMethod(dst []byte, channel uint16, m Method) []byte {
	at := len(dst)
	dst = m.Append(AppendFrameHeader(dst, FrameMethod, channel, 0))
	binary.BigEndian.PutUint32(dst[at+3:], uint32(len(dst)-at-FrameHeaderSize))
	return append(dst, FrameEnd)
}

// AppendHeartbeat writes a heartbeat frame.
func AppendHeartbeat(dst []byte) []byte {
	return append(dst, FrameHeartbeat, 0, 0, 0, 0, 0, 0, FrameEnd)
}

// ProtocolHeader opens a connection, AMQP 0-9-1 section 4.2.2.
const ProtocolHeader = "AMQP\x00\x00\x09\x01"

// AppendProtocolHeader writes the protocol header: a client's first bytes, and a server's answer to a version that it
// does not speak.
func AppendProtocolHeader(dst []byte) []byte {
	return append(dst, ProtocolHeader...)
}
