// Package settings is what the arguments of queue.declare and basic.consume mean: pure, and the one place that knows them.
package settings

import (
	"time"

	"warren/protocol"
)

// Settings are the arguments of a queue, decoded (contract 3.1), which never change while the queue lives, since a declaration with
// others is refused; or what they come to under the policies that apply to it (Under).
type Settings struct {
	Type Type
	// MessageTTL is how long a message may wait (x-message-ttl, contract Q-08). 0 means: delivered at once or never.
	MessageTTL Option[time.Duration]
	// Expires is how long the queue may be without use (x-expires, contract Q-10).
	Expires Option[time.Duration]
	// DeadLetterExchange and DeadLetterRoutingKey are where messages go that leave the queue unconsumed. The exchange may be the
	// default one, and without a key a message keeps its own.
	DeadLetterExchange   Option[string]
	DeadLetterRoutingKey Option[string]
	// MaxLength and MaxLengthBytes bound what waits (contract Q-15).
	MaxLength      Option[uint64]
	MaxLengthBytes Option[uint64]
	// Overflow is what happens at the bound.
	Overflow Overflow
	// MaxPriority is the highest priority that counts (x-max-priority, contract Q-16); 0 for a queue without priorities.
	MaxPriority uint8
	// Holds is set for a queue that nobody declares: it holds back what an exchange of type x-delayed-message is to route later, and
	// says which exchange that is (contract X-11).
	Holds Option[string]
	// SingleActiveConsumer lets one consumer at a time have messages (x-single-active-consumer).
	SingleActiveConsumer bool
}

// Option is a value that may be absent, as it is when nobody set it.
type Option[T any] struct {
	Value T
	Set   bool
}

// Type is a queue's, as x-queue-type names it.
type Type string

const (
	Classic Type = "classic"
	Quorum  Type = "quorum"
	Stream  Type = "stream"
)

// module is how RabbitMQ's error texts name the type.
func (t Type) module() string { return "rabbit_" + string(t) + "_queue" }

// Overflow is what a queue at its bound does, as x-overflow names it.
type Overflow string

const (
	DropHead         Overflow = "drop-head"
	RejectPublish    Overflow = "reject-publish"
	RejectPublishDLX Overflow = "reject-publish-dlx"
)

// Undeclared is what a queue without arguments has; nobody may change it.
var Undeclared = Of(nil)

// Of decodes the arguments of a queue that was declared with them, which is to say that Check took them then. An argument that
// a later version would not take counts as absent.
func Of(arguments protocol.Table) Settings {
	s := Settings{Type: TypeOf(arguments), Overflow: DropHead}
	s.MessageTTL = milliseconds(arguments, "x-message-ttl")
	s.Expires = milliseconds(arguments, "x-expires")
	s.DeadLetterExchange = text(arguments, "x-dead-letter-exchange")
	s.DeadLetterRoutingKey = text(arguments, "x-dead-letter-routing-key")
	s.MaxLength = count(arguments, "x-max-length")
	s.MaxLengthBytes = count(arguments, "x-max-length-bytes")
	if v := text(arguments, "x-overflow"); v.Set {
		s.Overflow = Overflow(v.Value)
	}
	if n := count(arguments, "x-max-priority"); n.Set {
		s.MaxPriority = uint8(min(n.Value, maxPriority))
	}
	s.SingleActiveConsumer, _ = arguments["x-single-active-consumer"].(bool)
	return s
}

// TypeOf is the type that arguments ask for: classic when they say nothing.
func TypeOf(arguments protocol.Table) Type {
	if t, ok := arguments["x-queue-type"].(string); ok {
		return Type(t)
	}
	return Classic
}

func count(arguments protocol.Table, key string) Option[uint64] {
	n, ok := protocol.AsInt(arguments[key])
	if !ok || n < 0 {
		return Option[uint64]{}
	}
	return Option[uint64]{uint64(n), true}
}

func milliseconds(arguments protocol.Table, key string) Option[time.Duration] {
	n := count(arguments, key)
	if !n.Set || n.Value > maxExpiry {
		return Option[time.Duration]{}
	}
	return Option[time.Duration]{time.Duration(n.Value) * time.Millisecond, true}
}

func text(arguments protocol.Table, key string) Option[string] {
	s, ok := arguments[key].(string)
	return Option[string]{s, ok}
}
