package settings

import (
	"fmt"
	"slices"
	"strings"

	"warren/protocol"
)

// reason is why a value is refused, printed as Erlang prints the terms of rabbit_amqqueue's validators; empty for none.
type reason string

const (
	maxExpiry      = 315360000000 // ms: ten years
	maxPriority    = 255
	maxSegmentSize = 3_000_000_000 // bytes
)

func term(name string, value any) reason { return reason(fmt.Sprintf("{%s,%v}", name, value)) }

// said is a text, which Erlang prints in quotes.
func said(format string, args ...any) reason { return reason(`"` + fmt.Sprintf(format, args...) + `"`) }

func unacceptable(v any) reason { return term("unacceptable_type", protocol.TypeName(v)) }

func anything(any, protocol.Table) reason { return "" }

func integer(v any, _ protocol.Table) reason {
	if _, ok := protocol.AsInt(v); !ok {
		return said("expected integer, got %s", protocol.TypeName(v))
	}
	return ""
}

// number is a check of an integer by what comes behind that it is one.
func number(then func(n int64) reason) func(any, protocol.Table) reason {
	return func(v any, all protocol.Table) reason {
		if why := integer(v, all); why != "" {
			return why
		}
		n, _ := protocol.AsInt(v)
		return then(n)
	}
}

func negative(n int64) reason {
	if n < 0 {
		return term("value_negative", n)
	}
	return ""
}

func within(n, limit int64, name string) reason {
	if why := negative(n); why != "" {
		return why
	}
	if n > limit {
		return term(name, n)
	}
	return ""
}

var (
	notNegative = number(negative)
	expiry      = number(func(n int64) reason { return within(n, maxExpiry, "value_too_big") })
	priorities  = number(func(n int64) reason { return within(n, maxPriority, "max_value_exceeded") })
	segmentSize = number(func(n int64) reason { return within(n, maxSegmentSize, "value_too_big") })
	expires     = number(func(n int64) reason {
		if n == 0 {
			return term("value_zero", n)
		}
		return within(n, maxExpiry, "value_too_big")
	})
	positive = number(func(n int64) reason {
		if n == 0 {
			return term("value_zero", n)
		}
		return negative(n)
	})
	filterSize = number(func(n int64) reason {
		if n < 16 || n > 255 {
			return term("value_out_of_range", n)
		}
		return ""
	})
	version = number(func(n int64) reason { // version 1 is gone since RabbitMQ 4.0
		if why := negative(n); why != "" {
			return why
		}
		if n != 2 {
			return said("unsupported queue version %d", n)
		}
		return ""
	})
)

func boolean(v any, _ protocol.Table) reason {
	if _, ok := v.(bool); !ok {
		return unacceptable(v)
	}
	return ""
}

func longstr(v any, _ protocol.Table) reason {
	if _, ok := v.(string); !ok {
		return unacceptable(v)
	}
	return ""
}

// oneOf is a check of a text that has a few values.
func oneOf(otherwise string, values ...string) func(any, protocol.Table) reason {
	return func(v any, all protocol.Table) reason {
		if why := longstr(v, all); why != "" {
			return why
		}
		if !slices.Contains(values, v.(string)) {
			return reason(otherwise)
		}
		return ""
	}
}

// overflow knows the modes of every type that has the argument.
//
// Differs: reject-publish-dlx on a quorum queue is refused by another check in RabbitMQ; Warren has no quorum queues yet.
var overflow = oneOf("invalid_overflow", string(DropHead), string(RejectPublish), string(RejectPublishDLX))

func deadLetterKey(v any, all protocol.Table) reason {
	if why := longstr(v, all); why != "" {
		return why
	}
	if _, ok := all["x-dead-letter-exchange"]; !ok {
		return "routing_key_but_no_dlx_defined"
	}
	return ""
}

func queueType(v any, all protocol.Table) reason {
	if why := longstr(v, all); why != "" {
		return why
	}
	if !slices.Contains(everyType, Type(v.(string))) {
		return reason(fmt.Sprintf("unsupported queue type '%s'", v))
	}
	return ""
}

// maxAge is ^[0-9]+[YMDhms]$.
func maxAge(v any, all protocol.Table) reason {
	if why := longstr(v, all); why != "" {
		return why
	}
	digits := strings.TrimRight(v.(string), "YMDhms")
	if len(v.(string)) != len(digits)+1 || digits == "" || strings.Trim(digits, "0123456789") != "" || strings.Trim(digits, "0") == "" {
		return "invalid_max_age"
	}
	return ""
}
