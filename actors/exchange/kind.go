package exchange

import "warren/protocol"

// Exchange types (AMQP 0-9-1, 3.1.3), and those that RabbitMQ and its plugins have beside them.
const (
	Direct         = "direct"
	Fanout         = "fanout"
	Topic          = "topic"
	Headers        = "headers"
	Random         = "x-random"
	LocalRandom    = "x-local-random"
	ModulusHash    = "x-modulus-hash"
	ConsistentHash = "x-consistent-hash"
	// Delayed routes as the type does that its argument x-delayed-type names, and holds back what has a header x-delay (contract X-11).
	Delayed = "x-delayed-message"
)

// Kind is the type whose table an exchange has.
func Kind(kind string, arguments protocol.Table) string {
	if kind == Delayed {
		kind, _ = arguments["x-delayed-type"].(string)
	}
	return kind
}

// CheckType is contract X-12: it refuses a type that does not exist.
func CheckType(kind string) *protocol.Error {
	switch kind {
	case Direct, Fanout, Topic, Headers, Random, LocalRandom, ModulusHash, ConsistentHash, RecentHistory, Delayed:
		return nil
	}
	return protocol.PreconditionFailed("unknown exchange type '%s'", kind)
}

// CheckArguments refuses arguments that a new exchange of a type cannot have.
func CheckArguments(kind string, arguments protocol.Table) *protocol.Error {
	switch kind {
	case ConsistentHash:
		return checkHashArguments(arguments)
	case RecentHistory:
		return checkHistoryArguments(arguments)
	case Delayed:
		inner := Kind(kind, arguments)
		if inner == Delayed || inner == RecentHistory || CheckType(inner) != nil {
			return protocol.PreconditionFailed("Invalid argument, 'x-delayed-type' must be an existing exchange type")
		}
		return CheckArguments(inner, arguments)
	}
	return nil
}

// NewTable returns an empty table of a type that CheckType takes, with arguments that CheckArguments takes.
func NewTable(kind string, arguments protocol.Table) Table {
	switch kind = Kind(kind, arguments); kind {
	case Direct:
		return newDirectTable()
	case Fanout:
		return fanoutTable{}
	case Topic:
		return topicTable{}
	case Headers:
		return newHeadersTable()
	case Random, LocalRandom, ModulusHash, ConsistentHash:
		return newPickTable(kind, arguments)
	case RecentHistory:
		return newHistoryTable()
	}
	panic("exchange: table of type " + kind)
}

// CheckBinding refuses what an exchange type cannot route.
func CheckBinding(kind, key string, arguments protocol.Table, toExchange bool) *protocol.Error {
	switch kind {
	case Topic:
		return checkTopicKey(key)
	case Headers:
		return checkMatch(arguments)
	case ConsistentHash:
		return checkWeight(key)
	case LocalRandom: // contract X-07
		switch {
		case key != "":
			return protocol.PreconditionFailed("Non empty binding '%s' key not permitted", key)
		case toExchange:
			return protocol.PreconditionFailed("Destination not found")
		}
	}
	return nil
}
