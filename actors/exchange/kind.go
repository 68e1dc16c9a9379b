package exchange

import "warren/protocol"

// Exchange types (AMQP 0-9-1, 3.1.3).
const (
	Direct  = "direct"
	Fanout  = "fanout"
	Topic   = "topic"
	Headers = "headers"
)

// CheckType is contract X-12: it refuses a type that does not exist.
func CheckType(kind string) *protocol.Error {
	switch kind {
	case Direct, Fanout, Topic, Headers:
		return nil
	}
	return protocol.PreconditionFailed("unknown exchange type '%s'", kind)
}

// NewTable returns an empty table of a type that CheckType takes.
func NewTable(kind string) Table {
	switch kind {
	case Direct:
		return newDirectTable()
	case Fanout:
		return fanoutTable{}
	case Topic:
		return topicTable{}
	case Headers:
		return newHeadersTable()
	}
	panic("exchange: table of type " + kind)
}

// CheckBinding refuses what an exchange type cannot route.
func CheckBinding(kind, key string, arguments protocol.Table) *protocol.Error {
	switch kind {
	case Topic:
		return checkTopicKey(key)
	case Headers:
		return checkMatch(arguments)
	}
	return nil
}
