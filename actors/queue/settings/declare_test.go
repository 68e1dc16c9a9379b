package settings

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"warren/protocol"
)

const resource = "queue 'q' in vhost '/'"

func text406(name, why string) string {
	return fmt.Sprintf("406 invalid arg '%s' for %s: %s", name, resource, why)
}

func other(name, module string) string {
	return fmt.Sprintf("406 invalid arg '%s' for %s of queue type rabbit_%s_queue", name, resource, module)
}

func TestCheck(t *testing.T) {
	// Contract 3.1: the validity of an argument is the type's, and its texts are those of rabbit_amqqueue.
	type table = protocol.Table
	noQuorum := text406("x-queue-type", "queue type 'quorum' is not supported yet")
	noStream := text406("x-queue-type", "queue type 'stream' is not supported yet")
	for _, row := range []struct {
		args table
		want string
	}{
		{nil, ""},
		{table{"x-something": "else"}, ""},
		{table{"x-queue-type": "classic"}, ""},
		{table{"x-queue-type": "foo"}, text406("x-queue-type", "unsupported queue type 'foo'")},
		{table{"x-queue-type": int32(1)}, text406("x-queue-type", "{unacceptable_type,signedint}")},
		{table{"x-queue-type": "quorum"}, noQuorum},
		{table{"x-queue-type": "stream"}, noStream},

		{table{"x-message-ttl": int32(0)}, ""},
		{table{"x-message-ttl": int64(315360000000)}, ""},
		{table{"x-message-ttl": int64(315360000001)}, text406("x-message-ttl", "{value_too_big,315360000001}")},
		{table{"x-message-ttl": int8(-1)}, text406("x-message-ttl", "{value_negative,-1}")},
		{table{"x-message-ttl": "60000"}, text406("x-message-ttl", `"expected integer, got longstr"`)},
		{table{"x-message-ttl": 1.5}, text406("x-message-ttl", `"expected integer, got double"`)},
		{table{"x-message-ttl": int32(1), "x-queue-type": "stream"}, other("x-message-ttl", "stream")},
		{table{"x-expires": int32(0)}, text406("x-expires", "{value_zero,0}")},
		{table{"x-expires": int32(-5)}, text406("x-expires", "{value_negative,-5}")},
		{table{"x-expires": int32(1)}, ""},
		{table{"x-expires": int32(1), "x-queue-type": "stream"}, other("x-expires", "stream")},

		{table{"x-dead-letter-exchange": "dlx", "x-dead-letter-routing-key": "k"}, ""},
		{table{"x-dead-letter-exchange": int32(1)}, "406 invalid type 'signedint' for arg 'x-dead-letter-exchange' in " + resource},
		{table{"x-dead-letter-routing-key": "k"}, text406("x-dead-letter-routing-key", "routing_key_but_no_dlx_defined")},
		{table{"x-dead-letter-routing-key": true, "x-dead-letter-exchange": ""}, text406("x-dead-letter-routing-key", "{unacceptable_type,bool}")},
		{table{"x-dead-letter-exchange": "", "x-queue-type": "stream"}, other("x-dead-letter-exchange", "stream")},
		{table{"x-dead-letter-strategy": "at-least-once"}, other("x-dead-letter-strategy", "classic")},
		{table{"x-dead-letter-strategy": "never", "x-queue-type": "quorum"}, text406("x-dead-letter-strategy", "invalid_dlx_strategy")},
		{table{"x-dead-letter-strategy": "at-most-once", "x-queue-type": "quorum"}, noQuorum},

		{table{"x-max-length": int32(0)}, ""},
		{table{"x-max-length": int32(-1)}, text406("x-max-length", "{value_negative,-1}")},
		{table{"x-max-length": int32(1), "x-queue-type": "stream"}, other("x-max-length", "stream")},
		{table{"x-max-length-bytes": int32(-1)}, text406("x-max-length-bytes", "{value_negative,-1}")},
		{table{"x-max-length-bytes": int64(1), "x-queue-type": "stream"}, noStream},
		{table{"x-max-in-memory-length": int32(1)}, other("x-max-in-memory-length", "classic")},
		{table{"x-max-in-memory-bytes": int32(1), "x-queue-type": "quorum"}, noQuorum},
		{table{"x-overflow": "reject-publish-dlx"}, ""},
		{table{"x-overflow": "drop-tail"}, text406("x-overflow", "invalid_overflow")},
		{table{"x-overflow": int32(1)}, text406("x-overflow", "{unacceptable_type,signedint}")},
		{table{"x-max-priority": int32(255)}, ""},
		{table{"x-max-priority": int32(256)}, text406("x-max-priority", "{max_value_exceeded,256}")},
		{table{"x-max-priority": int32(-1)}, text406("x-max-priority", "{value_negative,-1}")},
		{table{"x-max-priority": int32(5), "x-queue-type": "quorum"}, other("x-max-priority", "quorum")},
		{table{"x-single-active-consumer": true}, ""},
		{table{"x-single-active-consumer": "true"}, text406("x-single-active-consumer", "{unacceptable_type,longstr}")},
		{table{"x-single-active-consumer": true, "x-queue-type": "stream"}, other("x-single-active-consumer", "stream")},

		{table{"x-queue-mode": "lazy"}, ""},
		{table{"x-queue-mode": int32(1)}, ""},
		{table{"x-queue-mode": "lazy", "x-queue-type": "quorum"}, other("x-queue-mode", "quorum")},
		{table{"x-queue-version": int32(2)}, ""},
		{table{"x-queue-version": int32(1)}, text406("x-queue-version", `"unsupported queue version 1"`)},
		{table{"x-queue-version": int32(-1)}, text406("x-queue-version", "{value_negative,-1}")},
		{table{"x-queue-version": int32(2), "x-queue-type": "stream"}, other("x-queue-version", "stream")},
		{table{"x-queue-leader-locator": "client-local"}, ""},
		{table{"x-queue-leader-locator": "balanced"}, ""},
		{table{"x-queue-leader-locator": "here"}, text406("x-queue-leader-locator", "invalid_queue_locator_arg")},
		{table{"x-quorum-initial-group-size": int32(0), "x-queue-type": "quorum"}, text406("x-quorum-initial-group-size", "{value_zero,0}")},
		{table{"x-quorum-initial-group-size": int32(3)}, other("x-quorum-initial-group-size", "classic")},
		{table{"x-delivery-limit": int32(-1), "x-queue-type": "quorum"}, noQuorum},
		{table{"x-delivery-limit": int32(3)}, other("x-delivery-limit", "classic")},
		{table{"x-consumer-timeout": int32(3)}, other("x-consumer-timeout", "classic")},
		{table{"x-delayed-retry-type": "some", "x-queue-type": "quorum"}, text406("x-delayed-retry-type", "invalid_delayed_retry_type")},
		{table{"x-member-placement-tag": "a"}, other("x-member-placement-tag", "classic")},
		{table{"x-max-age": "7D"}, other("x-max-age", "classic")},
		{table{"x-max-age": "7D", "x-queue-type": "stream"}, noStream},
		{table{"x-max-age": "7W", "x-queue-type": "stream"}, text406("x-max-age", "invalid_max_age")},
		{table{"x-max-age": "7DD", "x-queue-type": "stream"}, text406("x-max-age", "invalid_max_age")},
		{table{"x-max-age": "s", "x-queue-type": "stream"}, text406("x-max-age", "invalid_max_age")},
		{table{"x-max-age": "0s", "x-queue-type": "stream"}, text406("x-max-age", "invalid_max_age")},
		{table{"x-stream-max-segment-size-bytes": int64(3_000_000_001), "x-queue-type": "stream"}, text406("x-stream-max-segment-size-bytes", "{value_too_big,3000000001}")},
		{table{"x-stream-filter-size-bytes": int32(15), "x-queue-type": "stream"}, text406("x-stream-filter-size-bytes", "{value_out_of_range,15}")},
		{table{"x-initial-cluster-size": int32(3)}, other("x-initial-cluster-size", "classic")},
	} {
		got := ""
		if err := Check(resource, row.args); err != nil {
			got = fmt.Sprint(err.Code, " ", err.Text)
		}
		if got != row.want {
			t.Errorf("%v:\n got %s\nwant %s", row.args, got, row.want)
		}
	}
	err := Check(resource, table{"x-queue-master-locator": "min-masters"})
	if err == nil || err.Code != 541 || !strings.HasPrefix(err.Text, "Feature `queue_master_locator` is deprecated.\n") {
		t.Errorf("x-queue-master-locator: %v", err)
	}
}

func TestOf(t *testing.T) {
	// Contract 3.1: what the arguments say, in every width of integer.
	got := Of(protocol.Table{
		"x-message-ttl": int8(5), "x-expires": int64(315360000000), "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "k",
		"x-max-length": uint8(0), "x-max-length-bytes": int16(7), "x-overflow": "reject-publish", "x-max-priority": int32(10), "x-single-active-consumer": true,
	})
	want := Settings{
		Type: Classic, MessageTTL: Option[time.Duration]{5 * time.Millisecond, true}, Expires: Option[time.Duration]{3650 * 24 * time.Hour, true},
		DeadLetterExchange: Option[string]{"", true}, DeadLetterRoutingKey: Option[string]{"k", true},
		MaxLength: Option[uint64]{0, true}, MaxLengthBytes: Option[uint64]{7, true}, Overflow: RejectPublish, MaxPriority: 10, SingleActiveConsumer: true,
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got, want := Of(nil), (Settings{Type: Classic, Overflow: DropHead}); got != want {
		t.Errorf("of nothing: %+v", got)
	}
}

func TestCompared(t *testing.T) {
	// Contract P-54: a type compares what it declares, and each has the type itself.
	if got := Compared(Classic); slices.Contains(got, "x-delivery-limit") || !slices.Contains(got, "x-message-ttl") || !slices.Contains(got, "x-queue-type") {
		t.Errorf("classic: %v", got)
	}
	if got := Compared(Quorum); !slices.Contains(got, "x-delivery-limit") || slices.Contains(got, "x-max-priority") {
		t.Errorf("quorum: %v", got)
	}
}

func TestConsumer(t *testing.T) {
	// Contract P-45 and 3.1: the arguments of a consumer.
	for _, row := range []struct {
		args     protocol.Table
		priority int64
		want     string
	}{
		{nil, 0, ""},
		{protocol.Table{"x-priority": int16(-7), "x-other": true}, -7, ""},
		{protocol.Table{"x-priority": "10"}, 0, text406("x-priority", `"expected integer, got longstr"`)},
		{protocol.Table{"x-cancel-on-ha-failover": true}, 0, ""},
		{protocol.Table{"x-cancel-on-ha-failover": "yes"}, 0, text406("x-cancel-on-ha-failover", "{unacceptable_type,longstr}")},
		{protocol.Table{"x-stream-offset": "first"}, 0, other("x-stream-offset", "classic")},
		{protocol.Table{"x-stream-filter": "f"}, 0, other("x-stream-filter", "classic")},
		{protocol.Table{"x-stream-match-unfiltered": true}, 0, other("x-stream-match-unfiltered", "classic")},
	} {
		priority, err := Consumer(resource, row.args)
		got := ""
		if err != nil {
			got = fmt.Sprint(err.Code, " ", err.Text)
		}
		if got != row.want || priority != row.priority {
			t.Errorf("%v: %d %s", row.args, priority, got)
		}
	}
}

// FuzzCheck: whatever a client sends is refused or understood, and a refusal names an argument that it sent.
func FuzzCheck(f *testing.F) {
	for _, seed := range []protocol.Table{
		{"x-message-ttl": int64(-1)}, {"x-queue-type": "quorum", "x-max-age": "1h"}, {"x-max-priority": uint8(9), "x-overflow": "drop-head"},
		{"x-priority": 1.5}, {"x-expires": protocol.Timestamp(1 << 63)},
	} {
		f.Add(protocol.AppendTable(nil, seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		arguments, _, err := protocol.ParseTable(b)
		if err != nil {
			return
		}
		if err := Check(resource, arguments); err != nil && err.Code != 541 {
			named := false
			for name := range arguments {
				named = named || strings.Contains(err.Text, "'"+name+"'")
			}
			if !named {
				t.Errorf("%v: %s", arguments, err.Text)
			}
		}
		s := Of(arguments)
		if s.MessageTTL.Value < 0 || s.Expires.Value < 0 {
			t.Errorf("%v: %+v", arguments, s)
		}
		_, _ = Consumer(resource, arguments)
	})
}
