package protocol

import (
	"math"
	"testing"
)

// Contract P-19 and P-54: integers are equal across widths, other types only within themselves.
func TestEqualValue(t *testing.T) {
	same := [][]any{
		{int8(5), uint8(5), int16(5), uint16(5), int32(5), uint32(5), int64(5), 5},
		{float32(1.5), 1.5},
		{math.NaN(), float32(math.NaN())},
		{"5"}, {[]byte("5")}, {true}, {nil}, {Timestamp(5)}, {Decimal{0, 5}},
		{Table{"a": int8(1)}, Table{"a": int64(1)}},
		{[]any{int8(1), "x"}, []any{uint32(1), "x"}},
		{[]any{}}, {Table{}}, {[]any{nil}}, {Table{"a": nil}}, {5.0}, {int64(-5)}, {uint32(math.MaxUint32)}, {int32(-1)},
	}
	for i, a := range same {
		for j, b := range same {
			for _, x := range a {
				for _, y := range b {
					if got := EqualValue(x, y); got != (i == j) {
						t.Errorf("EqualValue(%T %v, %T %v) = %v", x, x, y, y, got)
					}
				}
			}
		}
	}
}

// Contract P-54: the texts of an inequivalent redeclaration, with RabbitMQ's type names.
func TestAssertEquivalent(t *testing.T) {
	const q = "queue 'q' in vhost '/'"
	for _, c := range []struct {
		key          string
		got, current Table
		want         string
	}{
		{"x", Table{"x": int8(1)}, Table{"x": int64(1)}, ""},
		{"x", Table{}, Table{}, ""},
		{"x", nil, Table{"y": 1}, ""},
		{"x-message-ttl", Table{}, Table{"x-message-ttl": int64(60000)},
			"inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received none but current is the value '60000' of type 'long'"},
		{"x-max-length", Table{"x-max-length": int32(3)}, nil,
			"inequivalent arg 'x-max-length' for queue 'q' in vhost '/': received the value '3' of type 'signedint' but current is none"},
		{"x-message-ttl", Table{"x-message-ttl": int32(30000)}, Table{"x-message-ttl": int64(60000)},
			"inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': received '30000' but current is '60000'"},
		{"x-overflow", Table{"x-overflow": "drop-head"}, Table{"x-overflow": "reject-publish"},
			"inequivalent arg 'x-overflow' for queue 'q' in vhost '/': received 'drop-head' but current is 'reject-publish'"},
		{"x-queue-type", Table{}, Table{"x-queue-type": "classic"}, ""},
		{"x-queue-type", Table{"x-queue-type": "classic"}, nil, ""},
		{"x-queue-type", Table{"x-queue-type": "quorum"}, nil,
			"inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received the value 'quorum' of type 'longstr' but current is none"},
		{"a", Table{"a": []any{"x", int64(1)}}, Table{"a": Table{"k": int32(3)}},
			`inequivalent arg 'a' for queue 'q' in vhost '/': received '[{longstr,<<"x">>},{long,1}]' but current is '[{<<"k">>,signedint,3}]'`},
		{"f", Table{"f": 1e-5}, Table{"f": 3.0}, "inequivalent arg 'f' for queue 'q' in vhost '/': received '1.0e-5' but current is '3.0'"},
		{"n", Table{"n": nil}, Table{}, "inequivalent arg 'n' for queue 'q' in vhost '/': received the value 'undefined' of type 'void' but current is none"},
	} {
		err := AssertEquivalent(q, c.got, c.current, "other", c.key)
		if c.want == "" {
			if err != nil {
				t.Errorf("%v: %v", c.key, err)
			}
			continue
		}
		if e, ok := err.(*Error); !ok || e.Code != ReplyPreconditionFailed || e.Text != c.want {
			t.Errorf("%v:\ngot  %v\nwant %v", c.key, err, c.want)
		}
	}
	err := AssertEqual("durable", q, false, true)
	if e, ok := err.(*Error); !ok || e.Text != "inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'" {
		t.Error(err)
	}
	if err := AssertEqual("type", "exchange 'x' in vhost '/'", "topic", "topic"); err != nil {
		t.Error(err)
	}
}
