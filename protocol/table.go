package protocol

import (
	"encoding/binary"
	"maps"
	"slices"
)

// MaxTableDepth is how deep tables and arrays may nest. RabbitMQ has no limit of its own; without one a single frame of
// brackets would decide the size of our stack.
const MaxTableDepth = 64

// Table is a field table, AMQP 0-9-1 section 4.2.5.5. The Go type of a value names its type on the wire, so that a
// value leaves as it came:
//
//	S string   I int32    l int64 (and L)   s int16   b int8    t bool   D Decimal     F Table   V nil
//	x []byte   i uint32   d float64         u uint16  B uint8   f float32   T Timestamp   A []any
//
// AppendTable also takes int, as l. A key that comes twice counts once, the first time, as RabbitMQ's lookups have it.
type Table map[string]any

// Decimal is a D field: Value / 10^Scale. Both are kept as they came.
type Decimal struct {
	Scale uint8
	Value uint32
}

// Timestamp is a T field or the timestamp property: seconds since 1970, unsigned.
type Timestamp uint64

// ParseTable reads a table with its length prefix and returns what follows it. The table owns its memory.
//
//	long-uint size | size bytes: { shortstr name | octet type | value }*
func ParseTable(b []byte) (Table, []byte, error) {
	return parseTable(b, 0)
}

func parseTable(b []byte, depth int) (Table, []byte, error) {
	body, rest, err := container(b, depth)
	if err != nil {
		return nil, nil, err
	}
	t := make(Table)
	for len(body) > 0 {
		key, after, ok := cutShortstr(body)
		if !ok {
			return nil, nil, errTruncated("field name")
		}
		var v any
		v, body, err = parseValue(after, depth)
		if err != nil {
			return nil, nil, err
		}
		if _, twice := t[string(key)]; !twice {
			t[string(key)] = v
		}
	}
	return t, rest, nil
}

// ScanTable checks a table with its length prefix, all the way down, and returns what follows it. It does not allocate.
func ScanTable(b []byte) ([]byte, error) {
	return scanTable(b, 0)
}

func scanTable(b []byte, depth int) ([]byte, error) {
	body, rest, err := container(b, depth)
	if err != nil {
		return nil, err
	}
	for len(body) > 0 {
		_, after, ok := cutShortstr(body)
		if !ok {
			return nil, errTruncated("field name")
		}
		if body, err = scanValue(after, depth); err != nil {
			return nil, err
		}
	}
	return rest, nil
}

// AppendTable writes a table with its length prefix, keys in order, so that equal tables are equal bytes. A table that
// Validate refuses is a broken invariant and panics.
func AppendTable(dst []byte, t Table) []byte {
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for _, key := range slices.Sorted(maps.Keys(t)) {
		dst = appendShortstr(dst, key)
		dst = appendValue(dst, t[key])
	}
	return patchSize(dst, at)
}

// Validate tells whether AppendTable can write the table: keys of at most 255 bytes, values of the types that Table
// lists, nesting below MaxTableDepth. Tables that come from elsewhere than the wire (HTTP, definition files) need it.
func (t Table) Validate() error {
	return validateTable(t, 0)
}

func validateTable(t Table, depth int) error {
	if depth > MaxTableDepth {
		return errDepth()
	}
	for key, v := range t {
		if len(key) > 255 {
			return SyntaxError("field name of %d bytes in a table, at most 255 are allowed", len(key))
		}
		if err := validateValue(v, depth); err != nil {
			return err
		}
	}
	return nil
}

// container cuts the body of a table or an array off b.
func container(b []byte, depth int) (body, rest []byte, err error) {
	if depth > MaxTableDepth {
		return nil, nil, errDepth()
	}
	body, rest, ok := cutLongstr(b)
	if !ok {
		return nil, nil, errTruncated("table")
	}
	return body, rest, nil
}

// patchSize writes the length prefix that stands at dst[at:].
func patchSize(dst []byte, at int) []byte {
	binary.BigEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
	return dst
}

func errTruncated(what string) error {
	return SyntaxError("%s is shorter than its size says", what)
}

func errDepth() error {
	return SyntaxError("tables and arrays nest deeper than %d", MaxTableDepth)
}
