package protocol

import (
	"encoding/binary"
	"fmt"
	"math"
)

// fixedSize has the octets of every field type that does not carry a length, 0xff where there is no such type. Types
// with a length are 0xfe.
var fixedSize = func() (sizes [256]byte) {
	for i := range sizes {
		sizes[i] = 0xff
	}
	for _, kind := range []byte("SxFA") {
		sizes[kind] = 0xfe
	}
	for kind, size := range map[byte]byte{
		'V': 0, 't': 1, 'b': 1, 'B': 1, 's': 2, 'u': 2, 'I': 4, 'i': 4, 'f': 4, 'D': 5, 'l': 8, 'L': 8, 'd': 8, 'T': 8,
	} {
		sizes[kind] = size
	}
	return sizes
}()

// parseValue reads a type octet and the value behind it.
func parseValue(b []byte, depth int) (v any, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, errTruncated("field value")
	}
	kind, b := b[0], b[1:]
	switch kind {
	case 'S':
		s, rest, ok := cutLongstr(b)
		if !ok {
			return nil, nil, errTruncated("field value")
		}
		return string(s), rest, nil
	case 'x':
		s, rest, ok := cutLongstr(b)
		if !ok {
			return nil, nil, errTruncated("field value")
		}
		return append([]byte{}, s...), rest, nil
	case 'F':
		return asAny(parseTable(b, depth+1))
	case 'A':
		return asAny(parseArray(b, depth+1))
	}
	size := fixedSize[kind]
	if size == 0xff {
		return nil, nil, errFieldType(kind)
	}
	if len(b) < int(size) {
		return nil, nil, errTruncated("field value")
	}
	return fixedValue(kind, b), b[size:], nil
}

// asAny keeps a nil table of a failed parse from becoming a typed nil.
func asAny[T any](v T, rest []byte, err error) (any, []byte, error) {
	if err != nil {
		return nil, nil, err
	}
	return v, rest, nil
}

func fixedValue(kind byte, b []byte) any {
	switch kind {
	case 't':
		return b[0] != 0
	case 'b':
		return int8(b[0])
	case 'B':
		return b[0]
	case 's':
		return int16(binary.BigEndian.Uint16(b))
	case 'u':
		return binary.BigEndian.Uint16(b)
	case 'I':
		return int32(binary.BigEndian.Uint32(b))
	case 'i':
		return binary.BigEndian.Uint32(b)
	case 'f':
		return math.Float32frombits(binary.BigEndian.Uint32(b))
	case 'd':
		return math.Float64frombits(binary.BigEndian.Uint64(b))
	case 'l', 'L': // RabbitMQ reads both as signed: errata, section 3
		return int64(binary.BigEndian.Uint64(b))
	case 'T':
		return Timestamp(binary.BigEndian.Uint64(b))
	case 'D':
		return Decimal{Scale: b[0], Value: binary.BigEndian.Uint32(b[1:])}
	}
	return nil // V
}

func parseArray(b []byte, depth int) ([]any, []byte, error) {
	body, rest, err := container(b, depth)
	if err != nil {
		return nil, nil, err
	}
	values := []any{}
	for len(body) > 0 {
		var v any
		if v, body, err = parseValue(body, depth); err != nil {
			return nil, nil, err
		}
		values = append(values, v)
	}
	return values, rest, nil
}

// scanValue is parseValue without the value.
func scanValue(b []byte, depth int) ([]byte, error) {
	if len(b) == 0 {
		return nil, errTruncated("field value")
	}
	kind, b := b[0], b[1:]
	switch size := fixedSize[kind]; {
	case size == 0xff:
		return nil, errFieldType(kind)
	case size < 0xfe:
		if len(b) < int(size) {
			return nil, errTruncated("field value")
		}
		return b[size:], nil
	case kind == 'F':
		return scanTable(b, depth+1)
	case kind == 'A':
		return scanArray(b, depth+1)
	}
	_, rest, ok := cutLongstr(b)
	if !ok {
		return nil, errTruncated("field value")
	}
	return rest, nil
}

func scanArray(b []byte, depth int) ([]byte, error) {
	body, rest, err := container(b, depth)
	if err != nil {
		return nil, err
	}
	for len(body) > 0 {
		if body, err = scanValue(body, depth); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

func appendValue(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, 'V')
	case bool:
		if v {
			return append(dst, 't', 1)
		}
		return append(dst, 't', 0)
	case string:
		dst = binary.BigEndian.AppendUint32(append(dst, 'S'), uint32(len(v)))
		return append(dst, v...)
	case []byte:
		dst = binary.BigEndian.AppendUint32(append(dst, 'x'), uint32(len(v)))
		return append(dst, v...)
	case int8:
		return append(dst, 'b', byte(v))
	case uint8:
		return append(dst, 'B', v)
	case int16:
		return binary.BigEndian.AppendUint16(append(dst, 's'), uint16(v))
	case uint16:
		return binary.BigEndian.AppendUint16(append(dst, 'u'), v)
	case int32:
		return binary.BigEndian.AppendUint32(append(dst, 'I'), uint32(v))
	case uint32:
		return binary.BigEndian.AppendUint32(append(dst, 'i'), v)
	case int64:
		return binary.BigEndian.AppendUint64(append(dst, 'l'), uint64(v))
	case int:
		return binary.BigEndian.AppendUint64(append(dst, 'l'), uint64(v))
	case float32:
		return binary.BigEndian.AppendUint32(append(dst, 'f'), math.Float32bits(v))
	case float64:
		return binary.BigEndian.AppendUint64(append(dst, 'd'), math.Float64bits(v))
	case Timestamp:
		return binary.BigEndian.AppendUint64(append(dst, 'T'), uint64(v))
	case Decimal:
		return binary.BigEndian.AppendUint32(append(dst, 'D', v.Scale), v.Value)
	case Table:
		return AppendTable(append(dst, 'F'), v)
	case []any:
		dst = append(dst, 'A', 0, 0, 0, 0)
		at := len(dst) - 4
		for _, item := range v {
			dst = appendValue(dst, item)
		}
		return patchSize(dst, at)
	}
	panic(fmt.Sprintf("protocol: %T in a field table", v))
}

func validateValue(v any, depth int) error {
	switch v := v.(type) {
	case nil, bool, string, []byte, int8, uint8, int16, uint16, int32, uint32, int64, int, float32, float64,
		Timestamp, Decimal:
		return nil
	case Table:
		return validateTable(v, depth+1)
	case []any:
		if depth+1 > MaxTableDepth {
			return errDepth()
		}
		for _, item := range v {
			if err := validateValue(item, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return SyntaxError("a field table cannot hold a %T", v)
}

func errFieldType(kind byte) error {
	return SyntaxError("unknown field type %q in a table", kind)
}
