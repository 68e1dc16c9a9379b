// Package raw speaks AMQP 0-9-1 frame by frame, rightly or wrongly as a test asks: it shares no code with the broker.
package raw

import (
	"encoding/binary"
	"fmt"
	"io"
)

const (
	FrameMethod    = 1
	FrameHeader    = 2
	FrameBody      = 3
	FrameHeartbeat = 8
	FrameEnd       = 0xCE
)

// Frame is one frame as it was on the wire.
type Frame struct {
	Type    byte
	Channel uint16
	Payload []byte
}

// Encode is the frame with a right size and end.
func (f Frame) Encode() []byte {
	b := []byte{f.Type}
	b = binary.BigEndian.AppendUint16(b, f.Channel)
	b = binary.BigEndian.AppendUint32(b, uint32(len(f.Payload)))
	b = append(b, f.Payload...)
	return append(b, FrameEnd)
}

// ReadFrame takes one frame off the wire.
func ReadFrame(r io.Reader) (Frame, error) {
	var head [7]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Frame{}, err
	}
	rest := make([]byte, binary.BigEndian.Uint32(head[3:])+1)
	if _, err := io.ReadFull(r, rest); err != nil {
		return Frame{}, fmt.Errorf("half a frame: %w", err)
	}
	if end := rest[len(rest)-1]; end != FrameEnd {
		return Frame{}, fmt.Errorf("frame end %#x", end)
	}
	return Frame{Type: head[0], Channel: binary.BigEndian.Uint16(head[1:]), Payload: rest[:len(rest)-1]}, nil
}

// Method tells class and method id of a method frame.
func (f Frame) Method() ID {
	if f.Type != FrameMethod || len(f.Payload) < 4 {
		return ID{}
	}
	return ID{binary.BigEndian.Uint16(f.Payload), binary.BigEndian.Uint16(f.Payload[2:])}
}

func (f Frame) String() string {
	if f.Type == FrameMethod {
		return fmt.Sprintf("method %v on channel %d, % .64x", f.Method(), f.Channel, f.Payload[4:])
	}
	return fmt.Sprintf("frame of type %d on channel %d, %d bytes", f.Type, f.Channel, len(f.Payload))
}

// Close is what connection.close and channel.close say.
type Close struct {
	Channel uint16 // 0: the connection
	Code    uint16
	Text    string
	Failing ID
}

// ReadClose reads a frame that must be one of the two closes.
func (f Frame) ReadClose() (Close, bool) {
	if m := f.Method(); m != ConnectionClose && m != ChannelClose {
		return Close{}, false
	}
	d := Decoder{f.Payload[4:]}
	c := Close{Channel: f.Channel, Code: d.Short(), Text: d.ShortStr()}
	c.Failing = ID{d.Short(), d.Short()}
	return c, true
}

// ID names a method.
type ID struct{ Class, Method uint16 }

func (id ID) String() string { return fmt.Sprintf("%d.%d", id.Class, id.Method) }

var (
	ConnectionStart     = ID{10, 10}
	ConnectionStartOk   = ID{10, 11}
	ConnectionTune      = ID{10, 30}
	ConnectionTuneOk    = ID{10, 31}
	ConnectionOpen      = ID{10, 40}
	ConnectionOpenOk    = ID{10, 41}
	ConnectionClose     = ID{10, 50}
	ConnectionCloseOk   = ID{10, 51}
	ConnectionBlocked   = ID{10, 60}
	ConnectionUnblocked = ID{10, 61}
	ChannelOpen         = ID{20, 10}
	ChannelOpenOk       = ID{20, 11}
	ChannelFlow         = ID{20, 20}
	ChannelFlowOk       = ID{20, 21}
	ChannelClose        = ID{20, 40}
	ChannelCloseOk      = ID{20, 41}
	ExchangeDeclare     = ID{40, 10}
	ExchangeDeclareOk   = ID{40, 11}
	QueueDeclare        = ID{50, 10}
	QueueDeclareOk      = ID{50, 11}
	QueueBind           = ID{50, 20}
	QueueBindOk         = ID{50, 21}
	QueueDelete         = ID{50, 40}
	QueueDeleteOk       = ID{50, 41}
	BasicConsume        = ID{60, 20}
	BasicConsumeOk      = ID{60, 21}
	BasicCancel         = ID{60, 30}
	BasicPublish        = ID{60, 40}
	BasicDeliver        = ID{60, 60}
	BasicGet            = ID{60, 70}
	BasicGetOk          = ID{60, 71}
	BasicGetEmpty       = ID{60, 72}
	BasicAck            = ID{60, 80}
	ConfirmSelect       = ID{85, 10}
	ConfirmSelectOk     = ID{85, 11}
)
