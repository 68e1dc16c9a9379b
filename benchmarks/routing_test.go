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

// spread makes a table of n bindings, one queue each, and messages of which each matches one of them; a fanout's match all.
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
	{routing.Fanout,
		func(int) (string, protocol.Table) { return "", nil },
		func(int) protocol.Message { return protocol.Message{} }},
	{routing.Random,
		func(int) (string, protocol.Table) { return "", nil },
		func(int) protocol.Message { return protocol.Message{} }},
	{routing.ConsistentHash,
		func(i int) (string, protocol.Table) { return fmt.Sprint(1 + i%2), nil },
		func(i int) protocol.Message { return protocol.Message{RoutingKey: fmt.Sprint("key.", i)} }},
	{routing.Headers,
		func(i int) (string, protocol.Table) {
			return "", protocol.Table{"x-match": "all", "kind": "order", "n": int32(i)}
		},
		func(i int) protocol.Message {
			p := protocol.Properties{Headers: protocol.Table{"kind": "order", "n": int32(i), "other": "text"}}
			return protocol.Message{Properties: p.Append(nil), Flags: protocol.FlagHeaders}
		}},
}

// bindings are n of a kind.
func bindings(n int, of func(i int) (string, protocol.Table)) []routing.Binding {
	out := make([]routing.Binding, n)
	for i := range out {
		key, arguments := of(i)
		out[i] = routing.Binding{
			To: routing.Destination{Queue: &queue.Slot{ID: uint64(i + 1), Name: queue.Name(fmt.Sprint("q", i))}}, Key: key, Arguments: arguments, Canonical: fmt.Sprint(arguments),
		}
	}
	return out
}

func BenchmarkRoute(b *testing.B) {
	for _, s := range spread {
		for _, n := range []int{1, 100, 10_000} {
			b.Run(fmt.Sprintf("%s/%d", s.kind, n), func(b *testing.B) {
				table := routing.NewTable(s.kind, nil).With(bindings(n, s.binding)...)
				var messages [64]protocol.Message
				for i := range messages {
					messages[i] = s.message(i * 7919 % n)
				}
				reached := 0
				visit := func(routing.Destination) { reached++ }
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if err := table.Route(&messages[i%len(messages)], 0, visit); err != nil {
						b.Fatal(err)
					}
				}
				each := 1
				if s.kind == routing.Fanout {
					each = n
				}
				if reached != b.N*each {
					b.Fatalf("%d reached by %d", reached, b.N)
				}
			})
		}
	}
}

// BenchmarkBind: one binding more in a table of n, and it is taken out again.
func BenchmarkBind(b *testing.B) {
	for _, s := range spread {
		for _, n := range []int{1, 100, 10_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", s.kind, n), func(b *testing.B) {
				all := bindings(n+1, s.binding)
				table, more := routing.NewTable(s.kind, nil).With(all[:n]...), all[n]
				b.ReportAllocs()
				for b.Loop() {
					table = table.With(more).Without(more)
				}
			})
		}
	}
}

// BenchmarkTable: a table of n bindings made in one go, as a recovery does.
func BenchmarkTable(b *testing.B) {
	for _, s := range spread {
		for _, n := range []int{10_000, 100_000} {
			b.Run(fmt.Sprintf("%s/%d", s.kind, n), func(b *testing.B) {
				all := bindings(n, s.binding)
				b.ReportAllocs()
				for b.Loop() {
					routing.NewTable(s.kind, nil).With(all...)
				}
			})
		}
	}
}
