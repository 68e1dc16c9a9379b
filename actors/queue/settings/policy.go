package settings

import (
	"cmp"
	"time"

	"warren/protocol"
)

// Under is what is in force for a queue with these arguments under the definition of its policies: of numbers the lower one, otherwise
// what the arguments say (RabbitMQ, policies; rabbit_amqqueue_process:args_policy_lookup; contract ).
//
// queue-mode and queue-version have nothing to change, as their arguments have not. What a definition says of other types of queues is
// nothing to a classic one.
func (s Settings) Under(definition protocol.Table, arguments protocol.Table) Settings {
	s.MessageTTL = lower(s.MessageTTL, policyTime(definition, "message-ttl"))
	s.Expires = lower(s.Expires, policyTime(definition, "expires"))
	s.MaxLength = lower(s.MaxLength, count(definition, "max-length"))
	s.MaxLengthBytes = lower(s.MaxLengthBytes, count(definition, "max-length-bytes"))
	s.DeadLetterExchange = s.DeadLetterExchange.or(text(definition, "dead-letter-exchange"))
	s.DeadLetterRoutingKey = s.DeadLetterRoutingKey.or(text(definition, "dead-letter-routing-key"))
	if mode := text(definition, "overflow"); mode.Set && !text(arguments, "x-overflow").Set {
		s.Overflow = Overflow(mode.Value)
	}
	return s
}

func lower[T cmp.Ordered](a, b Option[T]) Option[T] {
	if a.Set && b.Set {
		return Option[T]{min(a.Value, b.Value), true}
	}
	return a.or(b)
}

func (o Option[T]) or(other Option[T]) Option[T] {
	if o.Set {
		return o
	}
	return other
}

// policyTime is a time in milliseconds. A policy's may be longer than an argument's, which has a bound of ten years.
func policyTime(definition protocol.Table, key string) Option[time.Duration] {
	n := count(definition, key)
	return Option[time.Duration]{time.Duration(min(n.Value, maxExpiry)) * time.Millisecond, n.Set}
}
