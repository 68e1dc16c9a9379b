package flow

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"

	"warren/test/broker"
	"warren/test/raw"
)

// field is one entry of a table: name, type and bytes of its value.
func field(name string, kind byte, value raw.Fields) raw.Fields {
	return append(raw.Fields{}.ShortStr(name).Octet(kind), value...)
}

// everyField has every type of the contract, and then all of them nested.
func everyField() (table raw.Fields, kinds map[string]raw.Fields) {
	f := raw.Fields{}
	kinds = map[string]raw.Fields{
		"S longstr": field("S", 'S', f.LongStr("text")), "S not UTF-8": field("S8", 'S', f.LongStr("\xff\x00\xfe")), "I int32": field("I", 'I', f.Long(0xfffffffe)),
		"l int64": field("l", 'l', f.LongLong(1<<63)), "L int64": field("L", 'L', f.LongLong(7)), "T timestamp": field("T", 'T', f.LongLong(1<<40)),
		"D decimal": field("D", 'D', f.Octet(2).Long(31415)), "F table": field("F", 'F', f.LongStr(string(field("in", 't', f.Octet(1))))),
		"F empty": field("F0", 'F', f.Long(0)), "A array": field("A", 'A', f.LongStr("I\x00\x00\x00\x01S\x00\x00\x00\x01a")), "A empty": field("A0", 'A', f.Long(0)),
		"b int8": field("b", 'b', f.Octet(0x80)), "B uint8": field("B", 'B', f.Octet(0xff)), "s int16": field("s", 's', f.Short(0x8000)),
		"u uint16": field("u", 'u', f.Short(0xffff)), "i uint32": field("i", 'i', f.Long(0xffffffff)), "d double": field("d", 'd', f.LongLong(0x7ff8000000000001)),
		"f float": field("f", 'f', f.Long(0x40490fdb)), "t true": field("t1", 't', f.Octet(1)), "t false": field("t0", 't', f.Octet(0)),
		"x bytes": field("x", 'x', f.LongStr("\x00\x01\x02")), "V void": field("V", 'V', nil), "a name of no bytes": field("", 'V', nil),
		"a name twice": append(field("2", 'B', f.Octet(1)), field("2", 'B', f.Octet(2))...),
	}
	for _, name := range sortedKeys(kinds) {
		table = append(table, kinds[name]...)
	}
	for range 5 { // in a table, in an array, in a table ...
		table = append(field("nested", 'F', f.LongStr(string(table))), field("row", 'A', f.LongStr("F"+string(f.LongStr(string(table)))))...)
	}
	return table, kinds
}

func headerFrame(table raw.Fields) []byte {
	const headers = 1 << 13
	return frameOf(raw.FrameHeader, 1, raw.Fields{}.Short(60).Short(0).LongLong(0).Short(headers).LongStr(string(table)))
}

// P-19: headers come back byte for byte as they were published.
func TestP19_EveryFieldType(t *testing.T) {
	b := broker.Shared(t)
	c := raw.Open(t, b.Addr)
	c.OpenChannel(1)
	q := c.DeclareQueue(1, "")
	same := func(t *testing.T, table raw.Fields) {
		t.Helper()
		c := c.With(t)
		sent := headerFrame(table)
		c.Send(raw.MethodFrame(1, raw.BasicPublish, raw.Publish("", q)), sent)
		c.Call(1, raw.BasicGet, raw.Fields{}.Short(0).ShortStr(q).Octet(1), raw.BasicGetOk)
		got, err := c.Read()
		must(t, err)
		if !bytes.Equal(got.Encode(), sent) {
			t.Fatalf("sent % x\ngot  % x", sent, got.Encode())
		}
	}
	all, kinds := everyField()
	for _, kind := range sortedKeys(kinds) {
		t.Run("P-19 "+kind, func(t *testing.T) { same(t, kinds[kind]) })
	}
	t.Run("P-19 all of them, nested", func(t *testing.T) { same(t, all) })
	t.Run("P-19 headers as large as a frame", func(t *testing.T) {
		same(t, field("x", 'S', raw.Fields{}.LongStr(strings.Repeat("x", 131072-8-14-4-7))))
	})
	t.Run("P-19 headers larger than a frame", func(t *testing.T) {
		c := raw.Open(t, b.Addr)
		c.OpenChannel(1)
		c.Send(publishToNowhere, headerFrame(field("x", 'S', raw.Fields{}.LongStr(strings.Repeat("x", 131072)))))
		if got := c.ExpectClose(); got.Code != 501 || got.Channel != 0 || !strings.Contains(got.Text, "frame_too_large") {
			t.Fatalf("got %+v", got)
		}
	})
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
