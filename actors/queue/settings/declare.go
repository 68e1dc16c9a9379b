package settings

import (
	"fmt"
	"slices"

	"warren/protocol"
)

// argument is one that some type of queue declares.
type argument struct {
	name  string
	check func(v any, all protocol.Table) reason
	types []Type // that declare it
}

var (
	everyType        = []Type{Classic, Quorum, Stream}
	classicOnly      = []Type{Classic}
	quorumOnly       = []Type{Quorum}
	streamOnly       = []Type{Stream}
	classicAndQuorum = []Type{Classic, Quorum}
	clustered        = []Type{Quorum, Stream}
)

// declared are the arguments of queue.declare, in the order in which RabbitMQ compares them (contract 3.1).
var declared = []argument{
	{"x-expires", expires, classicAndQuorum},
	{"x-message-ttl", expiry, classicAndQuorum},
	{"x-dead-letter-exchange", longstr, classicAndQuorum},
	{"x-dead-letter-routing-key", deadLetterKey, classicAndQuorum},
	{"x-dead-letter-strategy", oneOf("invalid_dlx_strategy", "at-most-once", "at-least-once"), quorumOnly},
	{"x-max-length", notNegative, classicAndQuorum},
	{"x-max-length-bytes", notNegative, everyType},
	{"x-max-in-memory-length", notNegative, quorumOnly},
	{"x-max-in-memory-bytes", notNegative, quorumOnly},
	{"x-max-priority", priorities, classicOnly},
	{"x-overflow", overflow, classicAndQuorum},
	{"x-queue-mode", anything, classicOnly}, // every queue of Warren's keeps its memory bounded, as a lazy one did
	{"x-queue-version", version, classicOnly},
	{"x-single-active-consumer", boolean, classicAndQuorum},
	{"x-queue-type", queueType, everyType},
	{"x-quorum-initial-group-size", positive, quorumOnly},
	{"x-delivery-limit", integer, quorumOnly},
	{"x-consumer-timeout", notNegative, quorumOnly},
	{"x-consumer-disconnected-timeout", notNegative, quorumOnly},
	{"x-delayed-retry-type", oneOf("invalid_delayed_retry_type", "disabled", "all", "failed", "returned"), quorumOnly},
	{"x-delayed-retry-min", notNegative, quorumOnly},
	{"x-delayed-retry-max", notNegative, quorumOnly},
	{"x-member-placement-tag", longstr, quorumOnly},
	{"x-max-age", maxAge, streamOnly},
	{"x-stream-max-segment-size-bytes", segmentSize, streamOnly},
	{"x-stream-filter-size-bytes", filterSize, streamOnly},
	{"x-initial-cluster-size", positive, clustered},
	// One node has one place for a queue, so that every locator means the same.
	{"x-queue-leader-locator", oneOf("invalid_queue_locator_arg", "client-local", "balanced", "random", "least-leaders"), everyType},
}

// Check refuses arguments that a new queue cannot have: with a value that is none, of another type of queue, or of what is not
// there yet (contract 3.1). resource is the queue as texts name it: queue 'q' in vhost '/'.
func Check(resource string, arguments protocol.Table) *protocol.Error {
	if v, ok := arguments["x-queue-type"]; ok {
		if why := queueType(v, arguments); why != "" {
			return invalid("x-queue-type", resource, string(why))
		}
	}
	if v, ok := arguments["x-dead-letter-exchange"]; ok { // RabbitMQ looks at this one before it looks at the rest
		if _, isText := v.(string); !isText {
			return protocol.PreconditionFailed("invalid type '%s' for arg 'x-dead-letter-exchange' in %s", protocol.TypeName(v), resource)
		}
	}
	if _, ok := arguments["x-queue-master-locator"]; ok {
		return protocol.InternalError(deniedFeature, "queue_master_locator", "queue_master_locator")
	}
	t := TypeOf(arguments)
	for i := range declared {
		a := &declared[i]
		if v, ok := arguments[a.name]; ok && slices.Contains(a.types, t) {
			if why := a.check(v, arguments); why != "" {
				return invalid(a.name, resource, string(why))
			}
		}
	}
	for i := range declared {
		a := &declared[i]
		if _, ok := arguments[a.name]; ok && !slices.Contains(a.types, t) {
			return protocol.PreconditionFailed("invalid arg '%s' for %s of queue type %s", a.name, resource, t.module())
		}
	}
	if t != Classic {
		return invalid("x-queue-type", resource, fmt.Sprintf("queue type '%s' is not supported yet", t))
	}
	return nil
}

// deniedFeature is the start of what RabbitMQ says of a deprecated feature that it denies by default (rabbit_deprecated_features).
const deniedFeature = "Feature `%s` is deprecated.\nBy default, this feature is not permitted anymore.\nThe feature will be removed " +
	"from a future major RabbitMQ version, regardless of the configuration; actual version to be determined.\nTo continue using " +
	"this feature when it is not permitted by default, set the following parameter in your configuration:\n    " +
	"\"deprecated_features.permit.%s = true\""

// Compared are the arguments that must be the same when a queue of that type is declared again (contract P-54).
func Compared(t Type) []string { return compared[t] }

var compared = func() map[Type][]string {
	out := map[Type][]string{}
	for _, t := range everyType {
		for i := range declared {
			if slices.Contains(declared[i].types, t) {
				out[t] = append(out[t], declared[i].name)
			}
		}
	}
	return out
}()

func invalid(name, resource, why string) *protocol.Error {
	return protocol.PreconditionFailed("invalid arg '%s' for %s: %s", name, resource, why)
}
