package protocol

import (
	"hash/maphash"
	"math"
	"testing"
)

func TestHashValueGoesWithEqualValue(t *testing.T) {
	// Routing by headers looks values up by their hash (contract X-06): what is equal has one, raw or decoded.
	values := []any{
		nil, "", "1", "2", int8(1), int16(1), int32(1), int64(1), uint8(1), uint16(1), uint32(1), int64(-1), int8(-1), float32(0.5), 0.5, 1.0,
		0.0, math.Copysign(0, -1), math.NaN(), float32(math.NaN()), true, false, Timestamp(1), Decimal{1, 1}, []byte("1"), []byte{},
	}
	seed := maphash.MakeSeed()
	hashes := map[uint64]any{}
	for _, a := range values {
		want, ok := HashValue(seed, a)
		if !ok {
			t.Errorf("%#v has no hash", a)
		}
		raw := RawValue(appendValue(nil, a))
		if got, ok := raw.Hash(seed); !ok || got != want {
			t.Errorf("%#v: %x raw, %x decoded", a, got, want)
		}
		if b, taken := hashes[want]; taken && !EqualValue(a, b) {
			t.Errorf("%#v and %#v have one hash", a, b)
		}
		hashes[want] = a
		for _, b := range values {
			if h, _ := HashValue(seed, b); EqualValue(a, b) && h != want {
				t.Errorf("%#v and %#v are equal, their hashes are not", a, b)
			}
		}
	}
	for _, v := range []any{Table{}, []any{}} {
		_, decoded := HashValue(seed, v)
		_, raw := RawValue(appendValue(nil, v)).Hash(seed)
		if decoded || raw {
			t.Errorf("%#v has a hash", v)
		}
	}
}

func TestFields(t *testing.T) {
	// AMQP 0-9-1, 4.2.5.5: every field of a table, in its order, with its value.
	raw := AppendTable(nil, Table{"a": "1", "b": int32(2), "c": Table{"d": true}})
	names := ""
	for name, value := range Fields(raw) {
		names += string(name)
		if want, _ := LookupField(raw, string(name)); string(want) != string(value) {
			t.Errorf("%s: %x, want %x", name, value, want)
		}
	}
	if names != "abc" {
		t.Errorf("names %q", names)
	}
	for range Fields(raw) {
		break
	}
	for range Fields(nil) {
		t.Error("a field of no table")
	}
}
