package exchange

import (
	"fmt"
	"testing"

	"warren/protocol"
)

func TestPublishAllocatesByBatch(t *testing.T) {
	// DESIGN 4, cost rules: no allocation per forwarded message. A batch four times as long may cost one growth of a slice
	// more, not four times the allocations.
	headers := withHeaders(protocol.Table{"a": "1"})
	cases := []struct {
		name string
		kind string
		bind []string
		key  func(i int) string
		most float64 // for 256 messages
	}{
		{"one queue", Direct, []string{"A -k-> q"}, func(int) string { return "k" }, 4},
		{"three queues", Direct, []string{"A -k-> q", "A -k-> r", "A -k-> s"}, func(int) string { return "k" }, 6},
		{"two keys by turns", Direct, []string{"A -k0-> q", "A -k1-> r"}, func(i int) string { return fmt.Sprint("k", i%2) }, 30},
		{"nowhere", Direct, nil, func(int) string { return "k" }, 3},
		{"topic", Topic, []string{"A -a.*-> q"}, func(i int) string { return fmt.Sprint("a.", i%8) }, 4},
		{"headers", Headers, []string{"A --> q"}, func(int) string { return "k" }, 4},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := newBooth(t, c.kind, c.bind...)
			cost := func(n int) float64 {
				batch := make([]protocol.Message, n)
				for i := range batch {
					batch[i] = protocol.Message{Seq: uint64(i + 1), RoutingKey: c.key(i), Properties: headers.Properties, Flags: headers.Flags}
				}
				m := &Publish{Session: 1, Incarnation: 1, Messages: batch}
				return testing.AllocsPerRun(20, func() {
					b.x.link(1).last = 0
					b.ctx.message, b.ctx.sent = m, b.ctx.sent[:0]
					b.x.Receive(b.ctx)
				})
			}
			few, many := cost(64), cost(256)
			t.Logf("64 messages: %v allocations, 256 messages: %v", few, many)
			if many > c.most {
				t.Errorf("%v allocations for 256 messages, at most %v are allowed", many, c.most)
			}
		})
	}
}
