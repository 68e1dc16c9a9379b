package vhost

import (
	"encoding/binary"
	"fmt"

	"warren/protocol"
)

// Locked refuses another connection's exclusive queue (contract P-55).
func Locked(queueName, vhost string) *protocol.Error {
	return protocol.ResourceLocked("cannot obtain exclusive access to locked queue '%s' in vhost '%s'. It could be originally declared on "+
		"another connection or the exclusive property value does not match that of the original declaration.", queueName, vhost)
}

// firstError is the first difference between a declaration and what is there.
func firstError(errs ...error) *protocol.Error {
	for _, err := range errs {
		if err != nil {
			return err.(*protocol.Error)
		}
	}
	return nil
}

// encode gives arguments as an event keeps them: the table without its length.
func encode(t protocol.Table) []byte { return protocol.AppendTable(nil, t)[4:] }

// decode reads what encode made.
func decode(arguments []byte) protocol.Table {
	if len(arguments) == 0 {
		return nil
	}
	t, _, err := protocol.ParseTable(append(binary.BigEndian.AppendUint32(nil, uint32(len(arguments))), arguments...))
	if err != nil {
		panic(fmt.Sprintf("vhost: arguments in an event: %v", err))
	}
	return t
}
