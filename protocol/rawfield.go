package protocol

import (
	"encoding/binary"
	"math"
)

// RawValue is a field value as it stands in a table: type octet and value. It aliases the table.
type RawValue []byte

// LookupField finds a field of a raw table (length prefix included) without decoding the others. The table must have
// been checked, by ScanTable or ScanProperties. It does not allocate: routing by headers, and the few headers that mean
// something to the broker (CC, BCC, x-delay), are looked up per message.
func LookupField(table []byte, name string) (RawValue, bool) {
	body, _, _ := cutLongstr(table)
	for len(body) > 0 {
		key, value, ok := cutShortstr(body)
		if !ok {
			return nil, false
		}
		rest, err := scanValue(value, 0)
		if err != nil {
			return nil, false
		}
		if string(key) == name {
			end := len(value) - len(rest)
			return RawValue(value[:end:end]), true
		}
		body = rest
	}
	return nil, false
}

// Decode gives the value, with memory of its own.
func (v RawValue) Decode() (any, error) {
	value, _, err := parseValue(v, 0)
	return value, err
}

// Equal is EqualValue, without an allocation for numbers and texts.
func (v RawValue) Equal(want any) bool {
	if len(v) == 0 {
		return false
	}
	kind, b := v[0], v[1:]
	switch kind {
	case 'S':
		want, ok := want.(string)
		return ok && len(b) >= 4 && string(b[4:]) == want
	case 'b', 'B', 's', 'u', 'I', 'i', 'l', 'L':
		want, ok := AsInt(want)
		return ok && len(b) == int(fixedSize[kind]) && rawInt(kind, b) == want
	case 't':
		want, ok := want.(bool)
		return ok && len(b) == 1 && (b[0] != 0) == want
	case 'd':
		want, ok := asFloat(want)
		return ok && len(b) == 8 && equalFloat(math.Float64frombits(binary.BigEndian.Uint64(b)), want)
	}
	got, err := v.Decode()
	return err == nil && EqualValue(got, want)
}

// rawInt reads a value of the integer family.
func rawInt(kind byte, b []byte) int64 {
	switch kind {
	case 'b':
		return int64(int8(b[0]))
	case 'B':
		return int64(b[0])
	case 's':
		return int64(int16(binary.BigEndian.Uint16(b)))
	case 'u':
		return int64(binary.BigEndian.Uint16(b))
	case 'I':
		return int64(int32(binary.BigEndian.Uint32(b)))
	case 'i':
		return int64(binary.BigEndian.Uint32(b))
	}
	return int64(binary.BigEndian.Uint64(b)) // l and L
}
