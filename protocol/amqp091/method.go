package amqp091

import (
	"encoding/binary"

	"warren/protocol"
)

// MethodID is class id << 16 | method id, as the two stand at the head of a method frame's payload.
type MethodID uint32

// Class is the class id.
func (id MethodID) Class() uint16 { return uint16(id >> 16) }

// Method is the method id within its class.
func (id MethodID) Method() uint16 { return uint16(id) }

// Method is one method of the protocol with its arguments.
type Method interface {
	ID() MethodID
	// Parse reads the arguments, what follows class and method id in the payload. Strings and tables alias args. After
	// an error the fields mean nothing.
	Parse(args []byte) error
	// Append writes class id, method id and arguments: a method frame's whole payload.
	Append(dst []byte) []byte
}

// SplitMethod cuts a method frame's payload into id and arguments.
func SplitMethod(payload []byte) (id MethodID, args []byte, err error) {
	if len(payload) < 4 {
		return 0, nil, protocol.FrameError("method frame of %d bytes", len(payload))
	}
	return MethodID(binary.BigEndian.Uint32(payload)), payload[4:], nil
}

// ParseMethod is for where methods are few: it makes the method that the payload names. The message path switches on
// SplitMethod's id and parses into structs of its own.
//
// Differs: RabbitMQ drops the connection without a word on a method id it does not know; we say 540.
func ParseMethod(payload []byte) (Method, error) {
	id, args, err := SplitMethod(payload)
	if err != nil {
		return nil, err
	}
	m, ok := New(id)
	if !ok {
		return nil, protocol.NotImplemented("unknown method %d.%d", id.Class(), id.Method()).At(id.Class(), id.Method())
	}
	if err := m.Parse(args); err != nil {
		return nil, err
	}
	return m, nil
}
