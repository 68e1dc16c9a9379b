package amqp091

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"warren/protocol"
)

// allMethods makes one empty method of every kind, in the order of their ids.
func allMethods(t testing.TB) []Method {
	t.Helper()
	var all []Method
	for class := range 100 {
		for method := range 130 {
			if m, ok := New(MethodID(class<<16 | method)); ok {
				all = append(all, m)
			}
		}
	}
	if len(all) != 66 {
		t.Fatalf("%d methods, want 66 (contract P-30)", len(all))
	}
	return all
}

// fill gives every field a value that tells its place: field 2 is "s2", 12, true, or a table with key k2.
func fill(m Method) Method {
	v := reflect.ValueOf(m).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(fmt.Sprintf("s%d", i))
		case reflect.Bool:
			f.SetBool(i%2 == 0)
		case reflect.Slice:
			f.SetBytes(EncodeTable(protocol.Table{fmt.Sprintf("k%d", i): "v"}))
		default:
			f.SetUint(uint64(10 + i))
		}
	}
	return m
}

// randomFill gives every field any value it can have.
func randomFill(r *rand.Rand, m Method) Method {
	v := reflect.ValueOf(m).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); f.Kind() {
		case reflect.String:
			f.SetString(strings.Repeat(string(rune('a'+r.IntN(1000))), r.IntN(100)))
		case reflect.Bool:
			f.SetBool(r.IntN(2) == 1)
		case reflect.Slice:
			f.SetBytes(EncodeTable(protocol.Table{fmt.Sprint(r.IntN(1000)): int64(r.Uint64()), "n": protocol.Table{"b": r.IntN(2) == 1}}))
		default:
			f.SetUint(r.Uint64() >> (64 - f.Type().Bits()))
		}
	}
	return m
}
