package protocol

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"warren/protocol/internal/erl"
)

// AssertEquivalent compares the named arguments of a declaration with those of the entity that exists, and says 406 for
// the first that differs (contract P-54). resource is the entity as texts name it: queue 'q' in vhost '/'. A queue
// without x-queue-type is a classic one.
func AssertEquivalent(resource string, received, current Table, keys ...string) error {
	for _, key := range keys {
		got, hasGot := received[key]
		want, hasWant := current[key]
		if hasGot == hasWant && EqualValue(got, want) {
			continue
		}
		if key == "x-queue-type" && hasGot != hasWant && (got == "classic" || want == "classic") {
			continue
		}
		// As RabbitMQ has it: the types are named only where one side has no value.
		gotText, wantText := plainValue(got), plainValue(want)
		switch {
		case !hasGot:
			gotText, wantText = "none", typedValue(want)
		case !hasWant:
			gotText, wantText = typedValue(got), "none"
		}
		return Inequivalent(key, resource, gotText, wantText)
	}
	return nil
}

// Inequivalent is the 406 for a property or an argument that differs from what exists. received and current are texts as
// RabbitMQ renders them: 'true', none.
func Inequivalent(key, resource, received, current string) *Error {
	return PreconditionFailed("inequivalent arg '%s' for %s: received %s but current is %s", key, resource, received, current)
}

// AssertEqual is AssertEquivalent for a declaration's own properties: durable, auto_delete, exclusive, type.
func AssertEqual[T comparable](key, resource string, received, current T) error {
	if received == current {
		return nil
	}
	return Inequivalent(key, resource, fmt.Sprintf("'%v'", received), fmt.Sprintf("'%v'", current))
}

// Binary prints a text as Erlang prints a binary, which is how RabbitMQ's texts quote what a client sent.
func Binary(text string) string { return erl.Binary([]byte(text)) }

func plainValue(v any) string {
	return "'" + term(v, true) + "'"
}

func typedValue(v any) string {
	return "the value '" + term(v, true) + "' of type '" + TypeName(v) + "'"
}

// term prints a value as Erlang prints RabbitMQ's form of it. Strings are bare at the top and binaries within.
func term(v any, top bool) string {
	switch v := v.(type) {
	case nil:
		return "undefined"
	case string:
		if top {
			return v
		}
		return erl.Binary([]byte(v))
	case []byte:
		if top {
			return string(v)
		}
		return erl.Binary(v)
	case Decimal:
		return fmt.Sprintf("{%d,%d}", v.Scale, v.Value)
	case float32:
		return float(float64(v))
	case float64:
		return float(v)
	case []any:
		items := make([]string, len(v))
		for i, item := range v {
			items[i] = "{" + TypeName(item) + "," + term(item, false) + "}"
		}
		return "[" + strings.Join(items, ",") + "]"
	case Table:
		items := make([]string, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			items = append(items, "{"+erl.Binary([]byte(key))+","+TypeName(v[key])+","+term(v[key], false)+"}")
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	return fmt.Sprint(v)
}

// float prints 1 as 1.0: an Erlang float always has a point.
func float(v float64) string {
	s := strconv.FormatFloat(v, 'g', -1, 64)
	mantissa, exponent, _ := strings.Cut(s, "e")
	if !strings.ContainsAny(mantissa, ".IN") {
		mantissa += ".0"
	}
	if exponent == "" {
		return mantissa
	}
	power, _ := strconv.Atoi(exponent)
	return mantissa + "e" + strconv.Itoa(power)
}
