package protocol

import (
	"encoding/binary"
	"hash/maphash"
	"iter"
	"math"
)

// Fields walks over a raw table (length prefix included) that has been checked. Names and values alias it. A name that comes
// twice is yielded twice.
func Fields(table []byte) iter.Seq2[[]byte, RawValue] {
	return func(yield func([]byte, RawValue) bool) {
		body, _, _ := cutLongstr(table)
		for len(body) > 0 {
			name, value, ok := cutShortstr(body)
			if !ok {
				return
			}
			rest, err := scanValue(value, 0)
			if err != nil {
				return
			}
			end := len(value) - len(rest)
			if !yield(name, RawValue(value[:end:end])) {
				return
			}
			body = rest
		}
	}
}

// HashValue is the same for values that EqualValue finds equal, integers of any width for one. Tables and arrays have none.
func HashValue(seed maphash.Seed, v any) (hash uint64, ok bool) {
	if n, ok := AsInt(v); ok {
		return hashNumber(seed, 'l', uint64(n)), true
	}
	if f, ok := asFloat(v); ok {
		return hashNumber(seed, 'd', floatBits(f)), true
	}
	switch v := v.(type) {
	case nil:
		return hashNumber(seed, 'V', 0), true
	case bool:
		if v {
			return hashNumber(seed, 't', 1), true
		}
		return hashNumber(seed, 't', 0), true
	case string:
		return maphash.String(seed, v), true
	case []byte:
		return ^maphash.Bytes(seed, v), true
	case Timestamp:
		return hashNumber(seed, 'T', uint64(v)), true
	case Decimal:
		return hashNumber(seed, 'D', uint64(v.Scale)<<32|uint64(v.Value)), true
	}
	return 0, false
}

// Hash is HashValue of the value, without an allocation.
func (v RawValue) Hash(seed maphash.Seed) (hash uint64, ok bool) {
	if len(v) == 0 {
		return 0, false
	}
	kind, b := v[0], v[1:]
	switch size := fixedSize[kind]; {
	case size == 0xff, size < 0xfe && len(b) != int(size), size == 0xfe && len(b) < 4:
		return 0, false
	}
	switch kind {
	case 'S':
		return maphash.Bytes(seed, b[4:]), true
	case 'x':
		return ^maphash.Bytes(seed, b[4:]), true
	case 'b', 'B', 's', 'u', 'I', 'i', 'l', 'L':
		return hashNumber(seed, 'l', uint64(rawInt(kind, b))), true
	case 't':
		return hashNumber(seed, 't', min(1, uint64(b[0]))), true
	case 'd':
		return hashNumber(seed, 'd', floatBits(math.Float64frombits(binary.BigEndian.Uint64(b)))), true
	case 'f':
		return hashNumber(seed, 'd', floatBits(float64(math.Float32frombits(binary.BigEndian.Uint32(b))))), true
	case 'T':
		return hashNumber(seed, 'T', binary.BigEndian.Uint64(b)), true
	case 'D':
		return hashNumber(seed, 'D', uint64(b[0])<<32|uint64(binary.BigEndian.Uint32(b[1:]))), true
	case 'V':
		return hashNumber(seed, 'V', 0), true
	}
	return 0, false
}

func hashNumber(seed maphash.Seed, kind byte, n uint64) uint64 {
	var b [9]byte
	b[0] = kind
	binary.BigEndian.PutUint64(b[1:], n)
	return maphash.Bytes(seed, b[:])
}

// floatBits has one form for both zeros, and one for whatever is no number: they are equal (equalFloat).
func floatBits(f float64) uint64 {
	switch {
	case f == 0:
		return 0
	case f != f:
		return math.Float64bits(math.NaN())
	}
	return math.Float64bits(f)
}
