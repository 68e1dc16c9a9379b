package protocol

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// Any bytes: no panic; parser and scanner agree; what was read is written so that it reads the same.
func FuzzTable(f *testing.F) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 20 {
		f.Add(AppendTable(nil, randomTable(r, 3)))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		table, rest, err := ParseTable(raw)
		scanRest, scanErr := ScanTable(raw)
		if (err == nil) != (scanErr == nil) {
			t.Fatalf("parse %v, scan %v", err, scanErr)
		}
		if err != nil {
			return
		}
		if len(rest) != len(scanRest) {
			t.Fatalf("parse leaves %d bytes, scan %d", len(rest), len(scanRest))
		}
		if err := table.Validate(); err != nil {
			t.Fatalf("read what may not be written: %v", err)
		}
		if !EqualTable(table, table) {
			t.Fatalf("not equal to itself: %#v", table)
		}
		for name, want := range table {
			if v, ok := LookupField(raw, name); !ok || !v.Equal(want) {
				t.Fatalf("field %q: %x, want %#v", name, []byte(v), want)
			}
		}
		written := AppendTable(nil, table)
		again, rest, err := ParseTable(written)
		if err != nil || len(rest) != 0 || !EqualTable(again, table) || !bytes.Equal(AppendTable(nil, again), written) {
			t.Fatalf("%#v became %#v, %v", table, again, err)
		}
	})
}

// The same for properties.
func FuzzProperties(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 20 {
		p := randomProperties(r)
		f.Add(p.Append(nil))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := ParseProperties(raw)
		if _, scanErr := ScanProperties(raw); (err == nil) != (scanErr == nil) {
			t.Fatalf("parse %v, scan %v", err, scanErr)
		}
		if err != nil {
			return
		}
		checkScan(t, raw, p)
		written := p.Append(nil)
		again, err := ParseProperties(written)
		if err != nil {
			t.Fatal(err)
		}
		checkScan(t, written, p)
		if !bytes.Equal(again.Append(nil), written) {
			t.Fatalf("%+v became %+v", p, again)
		}
	})
}

// The other direction: any value, made from the fuzzer's numbers, comes back equal.
func FuzzEncode(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		r := rand.New(rand.NewPCG(a, b))
		table := randomTable(r, 6)
		got, rest, err := ParseTable(AppendTable([]byte("before"), table)[6:])
		if err != nil || len(rest) != 0 || !EqualTable(got, table) {
			t.Fatalf("%#v became %#v, %v", table, got, err)
		}
		want := randomProperties(r)
		raw := want.Append([]byte("before"))[6:]
		checkScan(t, raw, want)
		p, err := ParseProperties(raw)
		if err != nil || !bytes.Equal(p.Append(nil), raw) || !EqualTable(p.Headers, want.Headers) {
			t.Fatalf("%+v became %+v, %v", want, p, err)
		}
	})
}
