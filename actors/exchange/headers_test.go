package exchange

import (
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
			bound := headersTable{}.With(Binding{To: Destination{Queue: q}, Key: "ignored", Arguments: c.arguments})
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
		if err := CheckBinding(Headers, "", protocol.Table{"x-match": v}); err != nil {
			t.Errorf("%v: %v", v, err)
		}
	}
	if err := CheckBinding(Headers, "", nil); err != nil {
		t.Error(err)
	}
	for _, v := range []any{"some", "", "ALL", int32(1), nil, []any{"all"}} {
		err := CheckBinding(Headers, "", protocol.Table{"x-match": v})
		if err == nil || err.Code != protocol.ReplyPreconditionFailed {
			t.Errorf("%v: %v", v, err)
		}
	}
	for v, want := range map[any]string{
		"some":   `Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x`,
		int32(1): `Invalid x-match field type signedint (value 1); expected longstr`,
	} {
		if err := CheckBinding(Headers, "", protocol.Table{"x-match": v}); err.Text != want {
			t.Errorf("got %q, want %q", err.Text, want)
		}
	}
}
