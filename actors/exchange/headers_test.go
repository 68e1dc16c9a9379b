package exchange

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"

	"warren/actors/queue"
	"warren/protocol"
)

func TestHeadersMatch(t *testing.T) {
	// Contract X-06: the modes of x-match, arguments beginning with "x-", typed comparison, void.
	type table = protocol.Table
	cases := []struct {
		name      string
		arguments table
		headers   table
		want      bool
	}{
		{"all is the default", table{"a": "1", "b": "2"}, table{"a": "1", "b": "2", "c": "3"}, true},
		{"all, one missing", table{"x-match": "all", "a": "1", "b": "2"}, table{"a": "1"}, false},
		{"all, one different", table{"x-match": "all", "a": "1"}, table{"a": "2"}, false},
		{"all of none", table{"x-match": "all"}, table{"a": "2"}, true},
		{"no arguments at all", nil, nil, true},
		{"all, no headers", table{"a": "1"}, nil, false},
		{"any, one of two", table{"x-match": "any", "a": "1", "b": "2"}, table{"b": "2"}, true},
		{"any, none right", table{"x-match": "any", "a": "1", "b": "2"}, table{"a": "2", "b": "1"}, false},
		{"any of none", table{"x-match": "any"}, table{"a": "1"}, false},
		{"any, no headers", table{"x-match": "any", "a": "1"}, nil, false},
		{"all ignores x-", table{"a": "1", "x-b": "2"}, table{"a": "1"}, true},
		{"all of x- alone", table{"x-b": "2"}, table{"x-b": "3"}, true},
		{"any ignores x-", table{"x-match": "any", "x-b": "2"}, table{"x-b": "2"}, false},
		{"all-with-x", table{"x-match": "all-with-x", "a": "1", "x-b": "2"}, table{"a": "1", "x-b": "2"}, true},
		{"all-with-x, missing", table{"x-match": "all-with-x", "a": "1", "x-b": "2"}, table{"a": "1"}, false},
		{"any-with-x", table{"x-match": "any-with-x", "a": "1", "x-b": "2"}, table{"x-b": "2"}, true},
		{"any-with-x, none", table{"x-match": "any-with-x", "x-b": "2"}, table{"x-match": "any-with-x"}, false},
		{"void: there is one", table{"a": nil}, table{"a": "anything"}, true},
		{"void: there is one that is void", table{"a": nil}, table{"a": nil}, true},
		{"void: there is none", table{"a": nil}, table{"b": "anything"}, false},
		{"a value is not void", table{"a": "1"}, table{"a": nil}, false},
		{"number and text", table{"a": int32(1)}, table{"a": "1"}, false},
		{"text and number", table{"a": "1"}, table{"a": int32(1)}, false},
		{"integers of two widths", table{"a": int64(1)}, table{"a": int8(1)}, true},
		{"integer and float", table{"a": int32(1)}, table{"a": float64(1)}, false},
		{"floats of two widths", table{"a": float64(0.5)}, table{"a": float32(0.5)}, true},
		{"booleans", table{"a": true}, table{"a": true}, true},
		{"boolean and integer", table{"a": true}, table{"a": int8(1)}, false},
		{"timestamps", table{"a": protocol.Timestamp(9)}, table{"a": protocol.Timestamp(9)}, true},
		{"timestamp and integer", table{"a": protocol.Timestamp(9)}, table{"a": int64(9)}, false},
		{"decimals", table{"a": protocol.Decimal{Scale: 1, Value: 10}}, table{"a": protocol.Decimal{Scale: 1, Value: 10}}, true},
		{"bytes", table{"a": []byte("x")}, table{"a": []byte("x")}, true},
		{"arrays", table{"a": []any{"x", int32(1)}}, table{"a": []any{"x", int64(1)}}, true},
		{"arrays of another order", table{"a": []any{"x", "y"}}, table{"a": []any{"y", "x"}}, false},
		{"tables", table{"a": table{"b": "c"}}, table{"a": table{"b": "c"}}, true},
		{"names are exact", table{"a": "1"}, table{"A": "1"}, false},
		{"an empty text is a value", table{"a": ""}, table{"a": ""}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			q := &queue.Slot{ID: 1}
			bound := newHeadersTable().With(Binding{To: Destination{Queue: q}, Key: "ignored", Arguments: c.arguments})
			if got := routed(t, bound, withHeaders(c.headers))[q]; got != c.want {
				t.Errorf("matched is %v", got)
			}
		})
	}
}

// withHeaders makes a message as a session would, with the headers of its properties.
func withHeaders(headers protocol.Table) *protocol.Message {
	m := &protocol.Message{RoutingKey: "whatever"}
	if headers != nil {
		p := protocol.Properties{Present: protocol.PropHeaders, Headers: headers}
		m.Properties = p.Append(nil)
		m.Flags = protocol.FlagHeaders
	}
	return m
}

func TestHeadersModes(t *testing.T) {
	// Contract X-06: another x-match is refused, with RabbitMQ's texts (rabbit_exchange_type_headers).
	for _, v := range []any{"all", "any", "all-with-x", "any-with-x"} {
		if err := CheckBinding(Headers, "", protocol.Table{"x-match": v}, false); err != nil {
			t.Errorf("%v: %v", v, err)
		}
	}
	if err := CheckBinding(Headers, "", nil, false); err != nil {
		t.Error(err)
	}
	for _, v := range []any{"some", "", "ALL", int32(1), nil, []any{"all"}} {
		err := CheckBinding(Headers, "", protocol.Table{"x-match": v}, false)
		if err == nil || err.Code != protocol.ReplyPreconditionFailed {
			t.Errorf("%v: %v", v, err)
		}
	}
	for v, want := range map[any]string{
		"some":   `Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x`,
		int32(1): `Invalid x-match field type signedint (value 1); expected longstr`,
	} {
		if err := CheckBinding(Headers, "", protocol.Table{"x-match": v}, false); err.Text != want {
			t.Errorf("got %q, want %q", err.Text, want)
		}
	}
}

func TestHeadersIndexMatchesAsAScanDoes(t *testing.T) {
	// Contract X-06: the index finds what a comparison with every binding finds, whatever came and went in between.
	r := rand.New(rand.NewPCG(7, 8))
	names := []string{"a", "b", "c", "x-a", "x-b", "x-match"}
	values := []any{
		nil, "", "1", "2", int8(1), int32(1), int64(1), uint16(2), float32(0.5), float64(0.5), float64(1), math.Copysign(0, -1), 0.0, math.NaN(),
		true, false, protocol.Timestamp(1), protocol.Decimal{Scale: 1, Value: 1}, []byte("1"), []any{"1", int32(1)}, protocol.Table{"t": "1"},
	}
	some := func(most int) protocol.Table {
		t := protocol.Table{}
		for range r.IntN(most + 1) {
			t[names[r.IntN(len(names)-1)]] = values[r.IntN(len(values))]
		}
		return t
	}
	var table Table = newHeadersTable()
	there := map[*queue.Slot]Binding{}
	hits := 0
	for i := range 4000 {
		if len(there) < 200 || r.IntN(2) == 0 {
			arguments := some(3)
			if mode := r.IntN(5); mode < 4 {
				arguments["x-match"] = []string{"all", "any", "all-with-x", "any-with-x"}[mode]
			}
			q := &queue.Slot{ID: uint64(i + 1)}
			there[q] = Binding{To: Destination{Queue: q}, Arguments: arguments, Canonical: string(protocol.AppendTable(nil, arguments))}
			table = table.With(there[q])
		} else {
			for q, b := range there {
				table = table.Without(b)
				delete(there, q)
				break
			}
		}
		m := withHeaders(some(4))
		if r.IntN(20) == 0 {
			m = withHeaders(nil)
		}
		if r.IntN(4) == 0 && m.Flags.Has(protocol.FlagHeaders) { // a name that comes twice counts once
			m.Properties = twice(m.Properties, "a", "2")
		}
		headers, err := headersOf(m)
		if err != nil {
			t.Fatal(err)
		}
		got := routed(t, table, m)
		for q, b := range there {
			want := newRule(b.Arguments).matches(headers)
			if got[q] != want {
				t.Fatalf("arguments %v, headers %x: %v by the index, %v by comparison", b.Arguments, headers, got[q], want)
			}
			if want {
				hits++
			}
			delete(got, q)
		}
		if len(got) > 0 {
			t.Fatalf("%d queues that are not bound", len(got))
		}
	}
	if hits < 10_000 {
		t.Fatalf("%d hits: the test compares nothing", hits)
	}
}

// twice puts one more text field behind the headers of raw properties that hold nothing else.
func twice(properties []byte, name, value string) []byte {
	field := protocol.AppendTable(nil, protocol.Table{name: value})[4:]
	out := append(bytes.Clone(properties), field...)
	binary.BigEndian.PutUint32(out[2:], uint32(len(out)-6))
	return out
}

func TestHeadersIndexSpreads(t *testing.T) {
	// DESIGN 8, 10 000 bindings: what every binding wants does not become the place where all of them are looked for.
	table := newHeadersTable()
	for i := range 1000 {
		arguments := protocol.Table{"kind": "order", "n": int32(i), "x-match": "all"}
		table = table.With(Binding{To: Destination{Queue: &queue.Slot{ID: uint64(i + 1)}}, Arguments: arguments}).(headersTable)
	}
	most := 0
	table.values.Root().Walk(func(_ []byte, s set) bool { most = max(most, s.len()); return false })
	if most > 2 {
		t.Errorf("%d bindings in one place", most)
	}
}
