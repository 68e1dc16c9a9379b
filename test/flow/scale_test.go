package flow

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// DESIGN 8: many bindings on one exchange. A table that is copied for each of them, or searched for each message, makes this a test that
// does not end.
func TestManyBindings(t *testing.T) {
	const n = 4000
	for _, row := range []struct {
		what, kind string
		binding    func(i int) (string, amqp.Table)
		key        string
		headers    amqp.Table
		all        bool // every binding matches
	}{
		{"X-03 direct, one of many", "direct", func(i int) (string, amqp.Table) { return fmt.Sprint("k", i), nil }, "k77", nil, false},
		{"X-03 direct, many on one key", "direct", func(i int) (string, amqp.Table) { return "k", amqp.Table{"i": int32(i)} }, "k", nil, true},
		{"X-04 fanout", "fanout", func(i int) (string, amqp.Table) { return fmt.Sprint(i), nil }, "k", nil, true},
		{"X-05 topic, one of many", "topic", func(i int) (string, amqp.Table) { return fmt.Sprintf("a.*.%d.#", i), nil }, "a.b.77", nil, false},
		{"X-05 topic, many on one pattern", "topic", func(i int) (string, amqp.Table) { return "a.#", amqp.Table{"i": int32(i)} }, "a.b", nil, true},
		{"X-06 headers, one of many", "headers", func(i int) (string, amqp.Table) { return "", amqp.Table{"kind": "order", "n": int32(i)} }, "k",
			amqp.Table{"kind": "order", "n": int64(77)}, false},
		{"X-06 headers, many by any", "headers", func(i int) (string, amqp.Table) {
			return "", amqp.Table{"x-match": "any", "kind": "order", "n": int32(i)}
		}, "k", amqp.Table{"kind": "order"}, true},
	} {
		t.Run(row.what, func(t *testing.T) {
			ch := channel(t)
			x, a, b := exchange(t, row.kind), queue(t, ch, "a"), queue(t, ch, "b")
			for i := range n { // by turns, so that one of many leads to b
				key, args := row.binding(i)
				must(t, ch.QueueBind([]string{a, b}[i%2], key, x, true, args))
			}
			want := "b"
			if row.all {
				want = "ab"
			}
			if got := routes(t, ch, x, row.key, row.headers, a, b); got != want {
				t.Errorf("went to %q, not %q", got, want)
			}
			if _, err := ch.QueueDelete(b, false, false, false); err != nil { // half of them in one go
				t.Fatal(err)
			}
			if got, want := routes(t, ch, x, row.key, row.headers, a), want[:len(want)-1]; got != want {
				t.Errorf("without b it went to %q, not %q", got, want)
			}
		})
	}
}
