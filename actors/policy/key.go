package policy

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"warren/protocol"
)

// key is one that a definition may have (rabbit_policies; contract O-15).
type key struct {
	name  string
	valid func(v any) bool
	// what the value would be, for RabbitMQ's text: <<"x">> is not a valid message TTL.
	what string
	// merge decides between a policy and an operator policy that both have it; nil where operator policies cannot.
	merge func(policy, operator any) any
	// without are the kinds of queues that do not have it. A policy that speaks of it does not apply to those at all.
	without []Kind
}

var (
	quorumOnly = []Kind{ClassicQueue, Stream}
	streamOnly = []Kind{ClassicQueue, QuorumQueue}
	clustered  = []Kind{ClassicQueue}
	notStream  = []Kind{Stream}
)

// known are RabbitMQ's, but for those of its plugins: ha-mode and its like are gone with mirrored queues, federation-upstream and its
// like are there when the plugin is.
var known = []key{
	{"alternate-exchange", text, "alternate exchange name", nil, nil},
	{"consumer-disconnected-timeout", atLeast(0), "consumer disconnected timeout", nil, nil},
	{"consumer-timeout", atLeast(0), "consumer timeout", nil, nil},
	{"dead-letter-exchange", text, "dead letter exchange name", nil, notStream},
	{"dead-letter-routing-key", text, "dead letter routing key", nil, notStream},
	{"dead-letter-strategy", oneOf("at-most-once", "at-least-once"), "dead letter strategy", nil, quorumOnly},
	{"delivery-limit", whole, "delivery limit", least, quorumOnly},
	{"expires", atLeast(1), "queue expiry", least, notStream},
	{"initial-cluster-size", atLeast(0), "cluster size", nil, clustered},
	{"max-age", age, "max age", nil, streamOnly},
	{"max-in-memory-bytes", atLeast(0), "maximum memory in bytes", least, quorumOnly},
	{"max-in-memory-length", atLeast(0), "maximum memory in bytes", least, quorumOnly},
	{"max-length", atLeast(0), "maximum length", least, notStream},
	{"max-length-bytes", atLeast(0), "maximum length in bytes", least, nil},
	{"message-ttl", atLeast(0), "message TTL", least, notStream},
	{"overflow", oneOf("drop-head", "reject-publish", "reject-publish-dlx"), "overflow value", operators, notStream},
	{"queue-leader-locator", oneOf("client-local", "balanced", "random", "least-leaders"), "queue leader locator value", nil, nil},
	{"queue-mode", oneOf("default", "lazy"), "queue-mode value", nil, nil},
	{"queue-version", oneOf(int64(1), int64(2)), "queue version", operators, nil},
	{"stream-filter-size-bytes", within(16, 255), "filter size. Valid range is 16-255", nil, streamOnly},
	{"stream-max-segment-size-bytes", within(0, 3_000_000_000), "segment size", nil, streamOnly},
	{"target-group-size", atLeast(1), "target group size", least, quorumOnly},
}

func find(name string) *key {
	for i := range known {
		if known[i].name == name {
			return &known[i]
		}
	}
	return nil
}

// checkKeys refuses keys that there are not, and values that are none.
func checkKeys(definition protocol.Table, operator bool) error {
	if len(definition) == 0 {
		return errors.New("no policy provided")
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(definition)) {
		k, v := find(name), definition[name]
		switch {
		case k == nil || operator && k.merge == nil:
			unknown = append(unknown, "{"+term(name)+","+term(v)+"}")
		case !k.valid(v):
			return fmt.Errorf("%s is not a valid %s", term(v), k.what)
		}
	}
	if len(unknown) > 0 {
		return fmt.Errorf("[%s] are not recognised policy settings", strings.Join(unknown, ","))
	}
	return nil
}

// foreign says whether a definition speaks of what a kind of queue does not have (rabbit_queue_type:is_policy_applicable).
func foreign(k Kind, definition protocol.Table) bool {
	for name := range definition {
		if known := find(name); known != nil && slices.Contains(known.without, k) {
			return true
		}
	}
	return false
}

func text(v any) bool { _, is := v.(string); return is }

func whole(v any) bool { _, is := v.(int64); return is }

func atLeast(least int64) func(any) bool {
	return func(v any) bool { n, is := v.(int64); return is && n >= least }
}

func within(least, most int64) func(any) bool {
	return func(v any) bool { n, is := v.(int64); return is && n >= least && n <= most }
}

func oneOf(values ...any) func(any) bool {
	return func(v any) bool {
		return slices.ContainsFunc(values, func(value any) bool { return protocol.EqualValue(v, value) })
	}
}

var ages = regexp.MustCompile("^[0-9]+[YMDhms]$")

func age(v any) bool {
	s, is := v.(string)
	return is && ages.MatchString(s)
}

// least is what is stricter.
func least(policy, operator any) any {
	p, _ := protocol.AsInt(policy)
	o, _ := protocol.AsInt(operator)
	return min(p, o)
}

func operators(_, operator any) any { return operator }
