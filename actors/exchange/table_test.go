package exchange

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"warren/actors/queue"
	"warren/protocol"
)

var kinds = []string{Direct, Fanout, Topic, Headers, Random, LocalRandom, ModulusHash, ConsistentHash}

// bindings of a table, as text and in one order.
func bindings(table Table) (out []string) {
	table.Each(func(b Binding) { out = append(out, text(b)) })
	slices.Sort(out)
	return out
}

func text(b Binding) string { return fmt.Sprintf("%v %q %q", b.To, b.Key, b.Canonical) }

func someBinding(r *rand.Rand, queues []*queue.Slot) Binding {
	b := Binding{
		To:  Destination{Queue: queues[r.IntN(len(queues))]},
		Key: []string{"", "a", "a.b", "a.*", "#", "a.#"}[r.IntN(6)],
	}
	if n := r.IntN(3); n > 0 { // contract X-19: other arguments, another binding
		b.Arguments = protocol.Table{"n": int32(n)}
		b.Canonical = string(protocol.AppendTable(nil, b.Arguments))
	}
	return b
}

func someQueues(n int) []*queue.Slot {
	out := make([]*queue.Slot, n)
	for i := range out {
		out[i] = &queue.Slot{ID: uint64(i + 1), Name: queue.Name(fmt.Sprint("q", i))}
	}
	return out
}

func TestTablesHoldBindings(t *testing.T) {
	// Contract X-19: a binding is there once, however often it was made, and Without takes out that one and no other.
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			queues := someQueues(4)
			table, want := NewTable(kind, nil), map[string]bool{}
			for range 2000 {
				b := someBinding(r, queues)
				if r.IntN(2) == 0 {
					table, want[text(b)] = table.With(b), true
				} else {
					table = table.Without(b)
					delete(want, text(b))
				}
				var list []string
				for b := range want {
					list = append(list, b)
				}
				slices.Sort(list)
				if got := bindings(table); !slices.Equal(got, list) {
					t.Fatalf("got %q, want %q", got, list)
				}
			}
		})
	}
}

func TestTablesAreImmutable(t *testing.T) {
	// STYLE: state that others read is an immutable value. A table that somebody routes by never changes, whatever is made
	// of it, and two tables made of one do not see each other.
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			queues := someQueues(6)
			type version struct {
				table Table
				was   []string
			}
			versions := []version{{NewTable(kind, nil), nil}}
			for range 400 {
				from := versions[r.IntN(len(versions))].table
				b := someBinding(r, queues)
				to := from.Without(b)
				if r.IntN(3) > 0 {
					to = from.With(b)
				}
				versions = append(versions, version{to, bindings(to)})
			}
			for i, v := range versions {
				if got := bindings(v.table); !slices.Equal(got, v.was) {
					t.Fatalf("table %d was %q and is %q", i, v.was, got)
				}
			}
		})
	}
}

func TestDirectAndFanoutRoute(t *testing.T) {
	// Contract: the key itself, byte by byte; and no key at all.
	queues := someQueues(3)
	direct, fanout := NewTable(Direct, nil), NewTable(Fanout, nil)
	for i, key := range []string{"a", "a.*", ""} {
		b := Binding{To: Destination{Queue: queues[i]}, Key: key, Arguments: protocol.Table{"a": "b"}}
		direct, fanout = direct.With(b), fanout.With(b)
	}
	for key, want := range map[string]int{"a": 0, "a.*": 1, "": 2, "a.b": -1, "A": -1, "#": -1, "a\x00": -1} {
		got := routed(t, direct, &protocol.Message{RoutingKey: key})
		if want < 0 && len(got) > 0 || want >= 0 && (len(got) != 1 || !got[queues[want]]) {
			t.Errorf("direct, key %q: %v", key, got)
		}
		if got := routed(t, fanout, &protocol.Message{RoutingKey: key}); len(got) != 3 {
			t.Errorf("fanout, key %q: %v", key, got)
		}
	}
}

func TestUnknownType(t *testing.T) {
	// Contract X-12: an unknown exchange type is a channel error, with this text.
	for _, kind := range []string{"", "x-none", "Direct"} {
		err := CheckType(kind)
		if err == nil || err.Code != protocol.ReplyPreconditionFailed || err.Text != "unknown exchange type '"+kind+"'" {
			t.Errorf("%q: %v", kind, err)
		}
	}
}

func TestManyBindingsInOneGo(t *testing.T) {
	// DESIGN 8, 10 000 bindings: a recovery makes a table of all bindings at once, and gets what one by one would have made.
	for _, kind := range kinds {
		t.Run(kind, func(t *testing.T) {
			r := rand.New(rand.NewPCG(5, 6))
			queues := someQueues(300)
			one, all := NewTable(kind, nil), []Binding{}
			for range 2000 {
				b := someBinding(r, queues)
				one, all = one.With(b), append(all, b)
			}
			whole := NewTable(kind, nil).With(all...)
			if got, want := bindings(whole), bindings(one); !slices.Equal(got, want) {
				t.Fatalf("%d bindings in one go, %d one by one", len(got), len(want))
			}
			half := whole.Without(all[:1000]...)
			for _, b := range all[:1000] {
				one = one.Without(b)
			}
			if got, want := bindings(half), bindings(one); !slices.Equal(got, want) {
				t.Fatalf("%d bindings left in one go, %d one by one", len(got), len(want))
			}
			if got := bindings(half.Without(all...)); len(got) != 0 {
				t.Fatalf("%d bindings left of none", len(got))
			}
		})
	}
}

func TestRouteAllocatesNothing(t *testing.T) {
	// DESIGN 4, cost rules: no allocation for a message, whatever the number of bindings.
	queues := someQueues(1000)
	for _, kind := range kinds {
		table := NewTable(kind, nil)
		for i, q := range queues {
			table = table.With(
				Binding{To: Destination{Queue: q}, Key: "a.b"},
				Binding{To: Destination{Queue: q}, Key: fmt.Sprint("k.", i), Arguments: protocol.Table{"a": "1", "n": int32(i)}, Canonical: "n"},
			)
		}
		m := withHeaders(protocol.Table{"a": "1", "n": int64(7), "other": true})
		m.RoutingKey = "a.b"
		visit := func(Destination) {}
		if n := testing.AllocsPerRun(20, func() { _ = table.Route(m, 0, visit) }); n != 0 {
			t.Errorf("%s: %v allocations", kind, n)
		}
	}
}
