package protocol

import (
	"math/rand/v2"
	"testing"
)

// A field of a raw table is what the decoded table says, for every type; most cost no allocation.
func TestLookupField(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 2000 {
		table := randomTable(r, 3)
		raw := AppendTable(nil, table)
		other := randomValue(r, 2)
		for name, want := range table {
			v, ok := LookupField(raw, name)
			got, err := v.Decode()
			if !ok || err != nil || !EqualValue(got, want) || !v.Equal(want) {
				t.Fatalf("%q: %#v, want %#v, %v", name, got, want, err)
			}
			if v.Equal(other) != EqualValue(want, other) {
				t.Fatalf("raw %#v equals %#v: %v", want, other, v.Equal(other))
			}
			n := testing.AllocsPerRun(1, func() { v, ok = LookupField(raw, name) })
			switch want.(type) {
			case string, bool, int8, uint8, int16, uint16, int32, uint32, int64, float64:
				n += testing.AllocsPerRun(1, func() { v.Equal(want) })
			}
			if n != 0 {
				t.Fatalf("%#v: %v allocations", want, n)
			}
		}
		if _, ok := table["none"]; !ok {
			if v, ok := LookupField(raw, "none"); ok || v != nil {
				t.Fatal("found what is not there")
			}
		}
	}
	if _, ok := LookupField(nil, "k"); ok {
		t.Error("found in nothing")
	}
}

// The first of two equal keys counts, here as in ParseTable.
func TestLookupFieldTwice(t *testing.T) {
	v, _ := LookupField(unhex(t, "00000008 016b 6201 016b 6202"), "k")
	if !v.Equal(1) {
		t.Errorf("%x", []byte(v))
	}
}
