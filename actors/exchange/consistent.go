package exchange

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"warren/protocol"
)

// A consistent hash (contract X-09) gives every destination a number for each message, of the hashes of both, and takes the
// smallest: rendezvous hashing, where a weight divides the number. Each gets its share exactly; a queue that comes takes its
// share from the others, and one that goes leaves it to them, and nothing else moves. It does not depend on the order of
// bindings, so it is the same after a restart.
//
// Differs: RabbitMQ has a ring of buckets, where a queue that goes moves keys between those that stay.
//
// It costs about 3 ns a destination and message where the exchange does not remember the key.

// weigh returns which of the ends the hash of a message goes to.
func weigh(ends []end, hash uint64) int {
	best, at := math.Inf(1), 0
	for i := range ends {
		e := &ends[i]
		u := (float64(mix(hash^e.hash)>>11) + 1) / (1 << 53) // above 0, up to 1
		if 1-u >= best*e.weight {
			continue // -ln u is at least 1-u: most are out without the logarithm
		}
		if score := -math.Log(u) / e.weight; score < best {
			best, at = score, i
		}
	}
	return at
}

// hashOn is what a consistent hash hashes: a header or a property, or the routing key where both are empty.
type hashOn struct{ header, property string }

func newHashOn(arguments protocol.Table) (on hashOn) {
	on.header, _ = arguments["hash-header"].(string)
	on.property, _ = arguments["hash-property"].(string)
	return on
}

// absent is the hash of a header or a property that a message does not have: such messages go one way.
const absent = 0

func (on hashOn) hash(m *protocol.Message) (uint64, error) {
	switch {
	case on.header != "":
		headers, err := headersOf(m)
		if err != nil {
			return 0, err
		}
		if v, ok := protocol.LookupField(headers, on.header); ok {
			return hashText([]byte(v)), nil
		}
		return absent, nil
	case on.property != "":
		v, err := protocol.LookupProperty(m.Properties, hashProperties[on.property])
		if err != nil || v == nil {
			return absent, err
		}
		return hashText(v), nil
	}
	return hashText(m.RoutingKey), nil
}

var hashProperties = map[string]protocol.PropertyFlags{
	"correlation_id": protocol.PropCorrelationID,
	"message_id":     protocol.PropMessageID,
	"timestamp":      protocol.PropTimestamp,
}

func checkHashArguments(arguments protocol.Table) *protocol.Error {
	for _, name := range []string{"hash-header", "hash-property"} {
		if v, ok := arguments[name]; ok {
			if text, isText := v.(string); !isText || text == "" {
				return protocol.PreconditionFailed("invalid arg '%s': a name is expected, not a %s", name, protocol.TypeName(v))
			}
		}
	}
	switch on := newHashOn(arguments); {
	case on.header != "" && on.property != "":
		return protocol.PreconditionFailed("hash-header and hash-property are mutually exclusive")
	case on.property != "" && hashProperties[on.property] == 0:
		return protocol.PreconditionFailed("Unsupported property: %s", on.property)
	}
	return nil
}

// checkWeight holds the key of a binding to a whole number from 1.
func checkWeight(key string) *protocol.Error {
	digits := strings.TrimLeft(key, "+-")
	if len(key)-len(digits) > 1 || digits == "" || slices.ContainsFunc([]byte(digits), func(c byte) bool { return c < '0' || c > '9' }) {
		return protocol.PreconditionFailed("The binding key must be an integer: %s", protocol.Binary(key))
	}
	if weightOf(key) < 1 {
		return protocol.PreconditionFailed("The binding key must be greater than 0")
	}
	return nil
}

// weightOf is a key as a number. Any number of digits will do.
func weightOf(key string) float64 {
	w, _ := strconv.ParseFloat(key, 64)
	return min(w, math.MaxFloat64)
}
