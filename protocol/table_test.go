package protocol

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Contract P-19: every field type keeps its type, its value and its bytes. The bytes are RabbitMQ 3.10.8's
// (rabbit_binary_generator:generate_table).
func TestTableFieldTypes(t *testing.T) {
	for _, c := range []struct {
		bytes string
		value any
	}{
		{"53 00000003 616263", "abc"},
		{"53 00000000", ""},
		{"49 fffffffe", int32(-2)},
		{"6c fffffffffffffffe", int64(-2)},
		{"54 000000006553f100", Timestamp(1700000000)},
		{"44 02 000004d2", Decimal{Scale: 2, Value: 1234}},
		{"46 00000004 016b 74 01", Table{"k": true}},
		{"41 00000007 6200 5300000000", []any{int8(0), ""}},
		{"62 80", int8(-128)},
		{"42 ff", uint8(255)},
		{"73 8000", int16(-32768)},
		{"75 ffff", uint16(65535)},
		{"69 ffffffff", uint32(math.MaxUint32)},
		{"64 3ff8000000000000", 1.5},
		{"66 3fc00000", float32(1.5)},
		{"74 01", true},
		{"74 00", false},
		{"78 00000002 00ff", []byte{0, 255}},
		{"56", nil},
	} {
		field := append([]byte{1, 'k'}, unhex(t, c.bytes)...)
		raw := append([]byte{0, 0, 0, byte(len(field))}, field...)
		got, rest, err := ParseTable(append(raw, 9))
		if err != nil || !bytes.Equal(rest, []byte{9}) || !reflect.DeepEqual(got, Table{"k": c.value}) {
			t.Errorf("%s: got %#v, rest %x, %v", c.bytes, got, rest, err)
			continue
		}
		if again := AppendTable(nil, got); !bytes.Equal(again, raw) {
			t.Errorf("%s: written as %x", c.bytes, again)
		}
		if rest, err := ScanTable(raw); err != nil || len(rest) != 0 {
			t.Errorf("%s: scan: rest %x, %v", c.bytes, rest, err)
		}
	}
}

// Errata section 3: L is read as signed, and leaves as l. Any octet but 0 is true. A key that comes twice counts once.
func TestTableLenience(t *testing.T) {
	for _, c := range []struct {
		bytes string
		want  Table
	}{
		{"0000000b 016b 4c ffffffffffffffff", Table{"k": int64(-1)}},
		{"00000004 016b 74 07", Table{"k": true}},
		{"00000008 016b 6201 016b 6202", Table{"k": int8(1)}},
		{"00000003 00 6205", Table{"": int8(5)}},
		{"00000000", Table{}},
	} {
		got, _, err := ParseTable(unhex(t, c.bytes))
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %#v, %v", c.bytes, got, err)
		}
	}
}

// Whatever does not fit is 502, from the parser and from the scanner alike.
func TestTableRefused(t *testing.T) {
	for name, s := range map[string]string{
		"no size":              "000000",
		"size beyond the end":  "00000001",
		"huge size":            "ffffffff 00",
		"name beyond the end":  "00000002 0261",
		"no type":              "00000002 0161",
		"unknown type":         "00000003 0161 5a",
		"short longstr":        "00000008 0161 53 00000002 61",
		"huge longstr":         "00000007 0161 53 ffffffff",
		"short int":            "00000006 0161 49 000000",
		"short array":          "00000009 0161 41 00000002 49",
		"array beyond table":   "00000007 0161 41 00000004",
		"unknown in an array":  "00000008 0161 41 00000001 5a",
		"short table in table": "00000009 0161 46 00000002 0161",
	} {
		raw := unhex(t, s)
		_, _, err := ParseTable(raw)
		_, scanErr := ScanTable(raw)
		var e *Error
		if !errors.As(err, &e) || e.Code != ReplySyntaxError || scanErr == nil || scanErr.Error() != err.Error() {
			t.Errorf("%s: parse %v, scan %v", name, err, scanErr)
		}
	}
}

// MaxTableDepth bounds the stack that one frame of brackets can ask for.
func TestTableDepth(t *testing.T) {
	nest := func(depth int) Table {
		inner := any(Table{})
		for i := range depth - 1 {
			if i%2 == 0 {
				inner = []any{inner}
			} else {
				inner = Table{"t": inner}
			}
		}
		return Table{"t": inner}
	}
	fits := nest(MaxTableDepth)
	if err := fits.Validate(); err != nil {
		t.Fatal(err)
	}
	got, _, err := ParseTable(AppendTable(nil, fits))
	if err != nil || !EqualTable(got, fits) {
		t.Fatal(err)
	}
	deep := nest(MaxTableDepth + 1)
	raw := AppendTable(nil, deep)
	_, _, err = ParseTable(raw)
	_, scanErr := ScanTable(raw)
	if err == nil || scanErr == nil || deep.Validate() == nil {
		t.Fatalf("parse %v, scan %v, validate %v", err, scanErr, deep.Validate())
	}
}

// Tables from HTTP and definition files are validated before they are written.
func TestTableValidate(t *testing.T) {
	for _, bad := range []Table{
		{strings.Repeat("k", 256): 1},
		{"k": struct{}{}},
		{"k": []any{Table{"k": uint64(1)}}},
	} {
		if bad.Validate() == nil {
			t.Errorf("%v accepted", bad)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v written", bad)
				}
			}()
			AppendTable(nil, bad)
		}()
	}
	if err := (Table{"n": 5, "a": []any{nil, 1.5}}).Validate(); err != nil {
		t.Error(err)
	}
	if got, _, _ := ParseTable(AppendTable(nil, Table{"n": 5})); got["n"] != int64(5) {
		t.Errorf("int became %#v", got["n"])
	}
}

// Equal tables are equal bytes, and the scanner costs nothing.
func TestTableRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		want := randomTable(r, 4)
		if err := want.Validate(); err != nil {
			t.Fatal(err)
		}
		raw := AppendTable(nil, want)
		got, rest, err := ParseTable(raw)
		if err != nil || len(rest) != 0 || !reflect.DeepEqual(got, want) || !EqualTable(got, want) {
			t.Fatalf("%#v became %#v, %v", want, got, err)
		}
		if again := AppendTable(nil, got); !bytes.Equal(again, raw) {
			t.Fatalf("%x became %x", raw, again)
		}
		if n := testing.AllocsPerRun(1, func() { _, err = ScanTable(raw) }); n != 0 || err != nil {
			t.Fatalf("scan: %v allocations, %v", n, err)
		}
	}
}

// What ParseTable returns owns its memory: the slab is used again.
func TestTableOwnsItsMemory(t *testing.T) {
	want := Table{"key": "text", "bytes": []byte("bytes"), "list": []any{"item"}}
	raw := AppendTable(nil, want)
	got, _, err := ParseTable(raw)
	clear(raw)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%#v, %v", got, err)
	}
}
