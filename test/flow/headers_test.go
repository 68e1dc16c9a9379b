package flow

import (
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// binding arguments against message headers.
var headersRows = []struct {
	what    string
	binding amqp.Table
	headers amqp.Table
	match   bool
}{
	{"all by default", amqp.Table{"a": int32(1), "b": "x"}, amqp.Table{"a": int32(1), "b": "x", "c": true}, true},
	{"all, one missing", amqp.Table{"x-match": "all", "a": int32(1), "b": "x"}, amqp.Table{"a": int32(1)}, false},
	{"all, one different", amqp.Table{"x-match": "all", "a": int32(1), "b": "x"}, amqp.Table{"a": int32(1), "b": "y"}, false},
	{"any, one", amqp.Table{"x-match": "any", "a": int32(1), "b": "x"}, amqp.Table{"b": "x"}, true},
	{"any, none", amqp.Table{"x-match": "any", "a": int32(1), "b": "x"}, amqp.Table{"b": "y"}, false},
	{"all of nothing", amqp.Table{"x-match": "all"}, amqp.Table{"a": "b"}, true},
	{"all of nothing, no headers", nil, nil, true},
	{"any of nothing", amqp.Table{"x-match": "any"}, amqp.Table{"a": "b"}, false},
	{"another type", amqp.Table{"a": int32(1)}, amqp.Table{"a": "1"}, false},
	{"void: present", amqp.Table{"a": nil}, amqp.Table{"a": "anything"}, true},
	{"void: absent", amqp.Table{"a": nil}, amqp.Table{"b": "anything"}, false},
	{"void in any", amqp.Table{"x-match": "any", "a": nil, "b": "x"}, amqp.Table{"a": false}, true},
	{"x- is ignored", amqp.Table{"x-match": "all", "x-a": "1", "b": "x"}, amqp.Table{"b": "x"}, true},
	{"x- is ignored by any", amqp.Table{"x-match": "any", "x-a": "1", "b": "x"}, amqp.Table{"x-a": "1"}, false},
	{"all-with-x", amqp.Table{"x-match": "all-with-x", "x-a": "1", "b": "x"}, amqp.Table{"b": "x"}, false},
	{"all-with-x, all", amqp.Table{"x-match": "all-with-x", "x-a": "1", "b": "x"}, amqp.Table{"b": "x", "x-a": "1"}, true},
	{"any-with-x", amqp.Table{"x-match": "any-with-x", "x-a": "1", "b": "x"}, amqp.Table{"x-a": "1"}, true},
	{"booleans", amqp.Table{"a": true}, amqp.Table{"a": true}, true},
	{"integers of two widths", amqp.Table{"a": int32(7)}, amqp.Table{"a": int64(7)}, true},
	{"integer and float", amqp.Table{"a": int32(1)}, amqp.Table{"a": float64(1)}, false},
	{"a void value is no text", amqp.Table{"a": "1"}, amqp.Table{"a": nil}, false},
	{"arrays", amqp.Table{"a": []any{"x", int32(1)}}, amqp.Table{"a": []any{"x", int32(1)}}, true},
	{"tables", amqp.Table{"a": amqp.Table{"b": "c"}}, amqp.Table{"a": amqp.Table{"b": "d"}}, false},
	{"no headers at all", amqp.Table{"a": "1"}, nil, false},
}

func TestX06_Headers(t *testing.T) {
	ch := channel(t)
	q := queue(t, ch, "q")
	for _, row := range headersRows {
		t.Run("X-06 "+row.what, func(t *testing.T) {
			x := exchange(t, "headers")
			bind(t, ch, q, "ignored", x, row.binding)
			if got := routes(t, ch, x, "key", row.headers, q); (got == "a") != row.match {
				t.Errorf("binding %v, headers %v: %q", row.binding, row.headers, got)
			}
		})
	}
}

// x-match has four values, and is a text.
func TestX06_UnknownMatch(t *testing.T) {
	modern(t, "another text")
	c := connect(t)
	q := queue(t, channelOn(t, c), "q")
	for _, row := range []struct {
		what  string
		match any
		text  string
	}{
		{"X-06 another value of x-match", "most", `Invalid x-match field value <<"most">>; expected all, any, all-with-x, or any-with-x`},
		{"X-06 another type of x-match", int32(1), "Invalid x-match field type signedint (value 1); expected longstr"},
	} {
		t.Run(row.what, func(t *testing.T) {
			refused(t, channelOn(t, c).QueueBind(q, "", "amq.headers", false, amqp.Table{"x-match": row.match}), 406, "PRECONDITION_FAILED - "+row.text)
		})
	}
	alive(t, c)
}
