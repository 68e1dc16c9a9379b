package settings

import (
	"testing"
	"time"

	"warren/protocol"
)

// rabbit_amqqueue_process:args_policy_lookup (contract ): which of argument and policy is in force.
func TestUnder(t *testing.T) {
	type table = protocol.Table
	base := Settings{Type: Classic, Overflow: DropHead}
	with := func(change func(*Settings)) Settings {
		s := base
		change(&s)
		return s
	}
	length := func(n uint64) Settings { return with(func(s *Settings) { s.MaxLength = Option[uint64]{n, true} }) }
	ttl := func(d time.Duration) Settings {
		return with(func(s *Settings) { s.MessageTTL = Option[time.Duration]{d, true} })
	}
	dlx := func(x string) Settings {
		return with(func(s *Settings) { s.DeadLetterExchange = Option[string]{x, true} })
	}
	for _, c := range []struct {
		what                  string
		arguments, definition table
		want                  Settings
	}{
		{"neither", nil, nil, base},
		{"the policy's length", nil, table{"max-length": int64(5)}, length(5)},
		{"the lower length, the policy's", table{"x-max-length": int32(7)}, table{"max-length": int64(5)}, length(5)},
		{"the lower length, the argument's", table{"x-max-length": int32(3)}, table{"max-length": int64(5)}, length(3)},
		{"a length of 0", table{"x-max-length": int32(3)}, table{"max-length": int64(0)}, length(0)},
		{"the lower length in bytes", table{"x-max-length-bytes": int32(9)}, table{"max-length-bytes": int64(8)},
			with(func(s *Settings) { s.MaxLengthBytes = Option[uint64]{8, true} })},
		{"the lower TTL", table{"x-message-ttl": int32(2000)}, table{"message-ttl": int64(1000)}, ttl(time.Second)},
		{"a TTL of 0", nil, table{"message-ttl": int64(0)}, ttl(0)},
		{"a TTL longer than arguments have", nil, table{"message-ttl": int64(1) << 62}, ttl(maxExpiry * time.Millisecond)},
		{"the lower expiry", table{"x-expires": int32(1000)}, table{"expires": int64(2000)},
			with(func(s *Settings) { s.Expires = Option[time.Duration]{time.Second, true} })},
		{"the policy's dead letter exchange", nil, table{"dead-letter-exchange": "p"}, dlx("p")},
		{"the default exchange", nil, table{"dead-letter-exchange": ""}, dlx("")},
		{"the argument's dead letter exchange", table{"x-dead-letter-exchange": "a"}, table{"dead-letter-exchange": "p"}, dlx("a")},
		{"each by itself", table{"x-dead-letter-exchange": "a"}, table{"dead-letter-exchange": "p", "dead-letter-routing-key": "k"},
			with(func(s *Settings) {
				s.DeadLetterExchange, s.DeadLetterRoutingKey = Option[string]{"a", true}, Option[string]{"k", true}
			})},
		{"the policy's overflow", nil, table{"overflow": "reject-publish"}, with(func(s *Settings) { s.Overflow = RejectPublish })},
		{"the argument's overflow", table{"x-overflow": "drop-head"}, table{"overflow": "reject-publish"}, base},
		{"nothing to change", nil, table{"queue-mode": "lazy", "queue-version": int64(2), "alternate-exchange": "x"}, base},
	} {
		if got := Of(c.arguments).Under(c.definition, c.arguments); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.what, got, c.want)
		}
	}
}
