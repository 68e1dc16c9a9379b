package protocol

import (
	"bytes"
	"maps"
	"slices"
)

// AsInt gives the value of the integer family (b B s u I i l L): wherever an argument takes a number, any width will do.
func AsInt(v any) (int64, bool) {
	switch v := v.(type) {
	case int8:
		return int64(v), true
	case uint8:
		return int64(v), true
	case int16:
		return int64(v), true
	case uint16:
		return int64(v), true
	case int32:
		return int64(v), true
	case uint32:
		return int64(v), true
	case int64:
		return v, true
	case int:
		return int64(v), true
	}
	return 0, false
}

func asFloat(v any) (float64, bool) {
	switch v := v.(type) {
	case float32:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// EqualValue compares two field values as arguments are compared: integers across widths, floats across widths, and
// everything else within its own type (rabbit_misc:assert_args_equivalence, contract P-54). A NaN equals a NaN, so that
// every value equals itself.
func EqualValue(a, b any) bool {
	if x, ok := AsInt(a); ok {
		y, ok := AsInt(b)
		return ok && x == y
	}
	if x, ok := asFloat(a); ok {
		y, ok := asFloat(b)
		return ok && equalFloat(x, y)
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case string:
		b, ok := b.(string)
		return ok && a == b
	case []byte:
		b, ok := b.([]byte)
		return ok && bytes.Equal(a, b)
	case Timestamp:
		b, ok := b.(Timestamp)
		return ok && a == b
	case Decimal:
		b, ok := b.(Decimal)
		return ok && a == b
	case Table:
		b, ok := b.(Table)
		return ok && EqualTable(a, b)
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, EqualValue)
	}
	return false
}

func equalFloat(x, y float64) bool {
	return x == y || x != x && y != y
}

// EqualTable compares two tables key by key.
func EqualTable(a, b Table) bool {
	return maps.EqualFunc(a, b, EqualValue)
}

// TypeName is the name that RabbitMQ gives a value's type in its texts and its definition files.
func TypeName(v any) string {
	switch v.(type) {
	case string:
		return "longstr"
	case int32:
		return "signedint"
	case int64, int:
		return "long"
	case bool:
		return "bool"
	case Decimal:
		return "decimal"
	case Timestamp:
		return "timestamp"
	case Table:
		return "table"
	case []any:
		return "array"
	case int8:
		return "byte"
	case uint8:
		return "unsignedbyte"
	case int16:
		return "short"
	case uint16:
		return "unsignedshort"
	case uint32:
		return "unsignedint"
	case float64:
		return "double"
	case float32:
		return "float"
	case []byte:
		return "binary"
	}
	return "void"
}
