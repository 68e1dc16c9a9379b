package benchmarks

import (
	"fmt"
	"testing"

	routing "warren/actors/exchange"
	"warren/actors/queue"
	"warren/protocol"
)

// Run with
//
//	go test -run xxx -bench Route -benchmem ./benchmarks
//
// What a routing table costs by itself: the exchange remembers where a key leads, so that direct and topic pay this once a
// key and change of bindings; headers pay it for every message.

// spread makes a table of n bindings, one queue each, and messages of which each matches one of them.
var spread = []struct {
	kind    string
	binding func(i int) (key string, arguments protocol.Table)
	message func(i int) protocol.Message
}{
	{routing.Direct,
		func(i int) (string, protocol.Table) { return fmt.Sprint("key.", i), nil },
		func(i int) protocol.Message { return protocol.Message{RoutingKey: fmt.Sprint("key.", i)} }},
	{routing.Topic,
		func(i int) (string, protocol.Table) { return fmt.Sprintf("stock.%d.*.%d.#", i/100, i%100), nil },
		func(i int) protocol.Message {
			return protocol.Message{RoutingKey: fmt.Sprintf("stock.%d.usd.%d.nyse", i/100, i%100)}
		}},
	{routing.Headers,
		func(i int) (string, protocol.Table) {
			return "", protocol.Table{"x-match": "all", "kind": "order", "n": int32(i)}
		},
		func(i int) protocol.Message {
			p := protocol.Properties{Headers: protocol.Table{"kind": "order", "n": int32(i), "other": "text"}}
			return protocol.Message{Properties: p.Append(nil), Flags: protocol.FlagHeaders}
		}},
}

func BenchmarkRoute(b *testing.B) {
	for _, s := range spread {
		for _, n := range []int{1, 100, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", s.kind, n), func(b *testing.B) {
				table, err := routing.NewTable(s.kind)
				if err != nil {
					b.Fatal(err)
				}
				for i := range n {
					key, arguments := s.binding(i)
					table = table.With(routing.Binding{
						To: routing.Destination{Queue: &queue.Slot{ID: uint64(i)}}, Key: key, Arguments: arguments, Canonical: fmt.Sprint(arguments),
					})
				}
				var messages [64]protocol.Message
				for i := range messages {
					messages[i] = s.message(i * 7919 % n)
				}
				reached := 0
				visit := func(routing.Destination) { reached++ }
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if err := table.Route(&messages[i%len(messages)], visit); err != nil {
						b.Fatal(err)
					}
				}
				if reached != b.N {
					b.Fatalf("%d reached by %d", reached, b.N)
				}
			})
		}
	}
}

// BenchmarkBind: one binding more in a table of n, and it is taken out again.
func BenchmarkBind(b *testing.B) {
	for _, s := range spread {
		for _, n := range []int{1, 100, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", s.kind, n), func(b *testing.B) {
				table, err := routing.NewTable(s.kind)
				if err != nil {
					b.Fatal(err)
				}
				binding := func(i int) routing.Binding {
					key, arguments := s.binding(i)
					return routing.Binding{
						To: routing.Destination{Queue: &queue.Slot{ID: uint64(i)}}, Key: key, Arguments: arguments, Canonical: fmt.Sprint(arguments),
					}
				}
				for i := range n {
					table = table.With(binding(i))
				}
				more := binding(n)
				b.ReportAllocs()
				for b.Loop() {
					table = table.With(more).Without(more)
				}
			})
		}
	}
}
