package exchange

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/protocol"
)

// picked routes one message and returns the one queue it goes to.
func picked(t testing.TB, table Table, m *protocol.Message, chance uint64) *queue.Slot {
	t.Helper()
	var got []*queue.Slot
	if err := table.Route(m, chance, func(d Destination) { got = append(got, d.Queue) }); err != nil || len(got) != 1 {
		t.Fatalf("%q reaches %d queues, %v", m.RoutingKey, len(got), err)
	}
	return got[0]
}

// bound is a table of queues with their keys.
func bound(kind string, queues []*queue.Slot, key func(i int) string) Table {
	table := NewTable(kind, nil)
	for i, q := range queues {
		table = table.With(Binding{To: Destination{Queue: q}, Key: key(i)})
	}
	return table
}

// chiSquare is how far counts are from shares of their sum.
func chiSquare(counts []int, shares []float64) (sum float64) {
	n, total := 0, 0.0
	for i := range counts {
		n, total = n+counts[i], total+shares[i]
	}
	for i, c := range counts {
		want := float64(n) * shares[i] / total
		sum += (float64(c) - want) * (float64(c) - want) / want
	}
	return sum
}

func TestPicksSpread(t *testing.T) {
	// Contract: every queue gets its share. 27.9 is the chi square that one in a thousand exceeds with ten queues.
	queues := someQueues(10)
	for _, c := range []struct {
		kind   string
		weight func(i int) int
	}{
		{Random, func(int) int { return 1 }},
		{LocalRandom, func(int) int { return 1 }},
		{ModulusHash, func(int) int { return 1 }},
		{ConsistentHash, func(int) int { return 1 }},
		{ConsistentHash, func(i int) int { return 1 + i%3*10 }},
	} {
		t.Run(fmt.Sprint(c.kind, c.weight(1)), func(t *testing.T) {
			table := bound(c.kind, queues, func(i int) string { return fmt.Sprint(c.weight(i)) })
			r := rand.New(rand.NewPCG(1, 1))
			counts, shares := make([]int, len(queues)), make([]float64, len(queues))
			for i := range shares {
				shares[i] = float64(c.weight(i))
			}
			for i := range 100_000 {
				counts[picked(t, table, &protocol.Message{RoutingKey: fmt.Sprint("key.", i)}, r.Uint64()).ID-1]++
			}
			if x := chiSquare(counts, shares); x > 27.9 {
				t.Errorf("chi square %.1f: %v", x, counts)
			}
		})
	}
}

func TestConsistentHashMovesWhatItMust(t *testing.T) {
	// Contract X-09: a queue that comes takes its share, one that goes leaves it, and nothing else moves; in whatever order
	// they were bound.
	const n, keys = 10, 20_000
	queues := someQueues(n + 1)
	one := func(int) string { return "2" }
	before, after := bound(ConsistentHash, queues[:n], one), bound(ConsistentHash, queues, one)
	shuffled := slices.Clone(queues)
	rand.New(rand.NewPCG(2, 2)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	other := bound(ConsistentHash, shuffled, one)
	moved := 0
	for i := range keys {
		m := &protocol.Message{RoutingKey: fmt.Sprint("key.", i)}
		was, is := picked(t, before, m, 0), picked(t, after, m, 0)
		if was != is {
			moved++
			if is != queues[n] {
				t.Fatalf("%s went from %s to %s, which was there", m.RoutingKey, was.Name, is.Name)
			}
		}
		if picked(t, other, m, 0) != is {
			t.Fatalf("%s goes elsewhere by another order of binding", m.RoutingKey)
		}
	}
	if share := float64(moved) / keys; share < 0.08 || share > 0.102 {
		t.Errorf("%.3f of the keys moved, 1/11 had to", share)
	}
	// And a queue's weight grows at the cost of all others.
	heavier := before.Without(Binding{To: Destination{Queue: queues[0]}, Key: "2"}).With(Binding{To: Destination{Queue: queues[0]}, Key: "4"})
	for i := range keys {
		m := &protocol.Message{RoutingKey: fmt.Sprint("key.", i)}
		if was, is := picked(t, before, m, 0), picked(t, heavier, m, 0); was != is && is != queues[0] {
			t.Fatalf("%s went from %s to %s, which has the weight it had", m.RoutingKey, was.Name, is.Name)
		}
	}
}

func TestConsistentHashCountsOneBindingOfAQueue(t *testing.T) {
	// Contract X-09: one binding of a queue changes the ring, whatever the order in which they came, and also when the other goes.
	queues := someQueues(3)
	table := bound(ConsistentHash, queues, func(int) string { return "1" })
	more := Binding{To: Destination{Queue: queues[0]}, Key: "50"}
	with := table.With(more)
	for i := range 1000 {
		m := &protocol.Message{RoutingKey: fmt.Sprint(i)}
		if picked(t, with, m, 0) != picked(t, table, m, 0) {
			t.Fatal("a second binding changed the ring")
		}
	}
	if n := len(bindings(with)); n != 4 {
		t.Errorf("%d bindings", n)
	}
	only := with.Without(Binding{To: Destination{Queue: queues[0]}, Key: "1"})
	hits := 0
	for i := range 1000 {
		if picked(t, only, &protocol.Message{RoutingKey: fmt.Sprint(i)}, 0) == queues[0] {
			hits++
		}
	}
	if hits < 900 {
		t.Errorf("%d of 1000 with a weight of 50 to 1 and 1", hits)
	}
}

func TestConsistentHashOn(t *testing.T) {
	// Contract X-09: what is hashed, by the exchange's arguments.
	queues := someQueues(50)
	message := func(p protocol.Properties, key string) *protocol.Message {
		m := &protocol.Message{RoutingKey: key, Properties: p.Append(nil)}
		if p.Headers != nil {
			m.Flags |= protocol.FlagHeaders
		}
		return m
	}
	type props = protocol.Properties
	for _, c := range []struct {
		what      string
		arguments protocol.Table
		by        By
		make      func(v int, other string) *protocol.Message
	}{
		{"routing key", nil, ByKey, func(v int, other string) *protocol.Message { return message(props{MessageID: other}, fmt.Sprint(v)) }},
		{"header", protocol.Table{"hash-header": "h"}, ByMessage, func(v int, other string) *protocol.Message {
			return message(props{Headers: protocol.Table{"h": int32(v), "g": other}}, other)
		}},
		{"message_id", protocol.Table{"hash-property": "message_id"}, ByMessage, func(v int, other string) *protocol.Message {
			return message(props{MessageID: fmt.Sprint(v), Headers: protocol.Table{"h": other}, CorrelationID: other}, other)
		}},
		{"correlation_id", protocol.Table{"hash-property": "correlation_id"}, ByMessage, func(v int, other string) *protocol.Message {
			return message(props{CorrelationID: fmt.Sprint(v), MessageID: other, ContentType: other}, other)
		}},
		{"timestamp", protocol.Table{"hash-property": "timestamp"}, ByMessage, func(v int, other string) *protocol.Message {
			return message(props{Timestamp: protocol.Timestamp(v + 1), MessageID: other, DeliveryMode: 2}, other)
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			table := NewTable(ConsistentHash, c.arguments)
			for _, q := range queues {
				table = table.With(Binding{To: Destination{Queue: q}, Key: "1"})
			}
			if table.By() != c.by {
				t.Errorf("by %v", table.By())
			}
			reached := map[*queue.Slot]bool{}
			for v := range 300 {
				q := picked(t, table, c.make(v, "a"), 0)
				if picked(t, table, c.make(v, "b"), 0) != q {
					t.Fatal("something else decided")
				}
				reached[q] = true
			}
			if len(reached) < 45 {
				t.Errorf("%d of 50 queues reached by 300 values", len(reached))
			}
			none := picked(t, table, &protocol.Message{Properties: (&props{}).Append(nil)}, 0) // contract: hashed as one value
			if c.by == ByMessage && picked(t, table, &protocol.Message{RoutingKey: "x", Properties: (&props{}).Append(nil)}, 0) != none {
				t.Error("messages without it go to several queues")
			}
		})
	}
}

func TestConsistentHashErrors(t *testing.T) {
	// Contract X-09: the plugin's texts.
	for _, c := range []struct {
		arguments protocol.Table
		want      string
	}{
		{protocol.Table{"hash-header": "h"}, ""},
		{protocol.Table{"hash-property": "timestamp"}, ""},
		{protocol.Table{"hash-header": "h", "hash-property": "message_id"}, "hash-header and hash-property are mutually exclusive"},
		{protocol.Table{"hash-property": "priority"}, "Unsupported property: priority"},
		{protocol.Table{"hash-header": int32(1)}, "invalid arg 'hash-header': a name is expected, not a signedint"},
	} {
		err := CheckArguments(ConsistentHash, c.arguments)
		if (err == nil) != (c.want == "") || err != nil && (err.Text != c.want || err.Code != protocol.ReplyPreconditionFailed) {
			t.Errorf("%v: %v", c.arguments, err)
		}
	}
	for key, want := range map[string]string{
		"1": "", "+7": "", "007": "", "99999999999999999999999999": "",
		"0": "The binding key must be greater than 0", "-1": "The binding key must be greater than 0",
		"": "The binding key must be an integer: <<>>", "x": `The binding key must be an integer: <<"x">>`,
		"1.5": `The binding key must be an integer: <<"1.5">>`, "1e3": `The binding key must be an integer: <<"1e3">>`,
		"--1": `The binding key must be an integer: <<"--1">>`, " 1": `The binding key must be an integer: <<" 1">>`,
	} {
		err := CheckBinding(ConsistentHash, key, nil, false)
		if (err == nil) != (want == "") || err != nil && err.Text != want {
			t.Errorf("%q: %v", key, err)
		}
	}
}

func TestModulusHashGoesByName(t *testing.T) {
	// Contract X-08: which queue a key goes to is the same after a restart, where the queues have other ids.
	a, b := someQueues(7), someQueues(7)
	for i := range b {
		b[i].ID = uint64(100 - i)
	}
	slices.Reverse(b)
	was, is := bound(ModulusHash, a, func(int) string { return "" }), bound(ModulusHash, b, func(i int) string { return fmt.Sprint(i) })
	for i := range 500 {
		m := &protocol.Message{RoutingKey: fmt.Sprint(i)}
		if x, y := picked(t, was, m, 0), picked(t, is, m, 0); x.Name != y.Name {
			t.Fatalf("%d: %s and %s", i, x.Name, y.Name)
		}
	}
}

func TestLocalRandomPassesByTheDead(t *testing.T) {
	// Contract X-07: a queue that crashed is not there to take a message.
	queues := someQueues(3)
	table := bound(LocalRandom, queues, func(int) string { return "" })
	queues[1].GiveUp(func(*actor.PID, any) {})
	r := rand.New(rand.NewPCG(3, 3))
	for range 100 {
		if picked(t, table, &protocol.Message{}, r.Uint64()) == queues[1] {
			t.Fatal("picked")
		}
	}
	for _, q := range queues {
		q.Bury(func(*actor.PID, any) {})
	}
	if got := routed(t, table, &protocol.Message{}); len(got) != 0 {
		t.Errorf("picked %v", got)
	}
}

func TestLocalRandomBindings(t *testing.T) {
	// Contract X-07: an empty key, and queues only.
	for _, c := range []struct {
		key        string
		toExchange bool
		want       string
	}{
		{"", false, ""}, {"k", false, "Non empty binding 'k' key not permitted"}, {"", true, "Destination not found"},
	} {
		if err := CheckBinding(LocalRandom, c.key, nil, c.toExchange); (err == nil) != (c.want == "") || err != nil && err.Text != c.want {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestChanceIsKeptByAMessage(t *testing.T) {
	// Promise 1: a session that restarts has its messages routed anew. By chance they would go to another queue, and be there
	// twice; so chance is a number that belongs to the message.
	for _, kind := range []string{Random, LocalRandom} {
		b := newBooth(t, kind)
		b.slot.Seed = 7
		for i := range 8 {
			b.slot.Publish(b.slot.Table().With(Binding{To: Destination{Queue: b.queue(fmt.Sprint("q", i))}}))
		}
		said := func(session uint64) (out string) {
			b.tell(&Resume{Session: session, Incarnation: 1})
			got := b.tell(&Publish{Session: session, Incarnation: 1, Messages: messages(1, make([]string, 40)...)})
			for _, r := range only[*Routed](got)[0].Routes {
				out += fmt.Sprintf("%d:%s;", r.Last, reached(r.Route))
			}
			return out
		}
		first := said(1)
		if again := said(1); again != first {
			t.Errorf("%s: %s and then %s", kind, first, again)
		}
		if other := said(2); other == first {
			t.Errorf("%s: two sessions go one way: %s", kind, other)
		}
		b.slot.Seed++
		if other := said(1); other == first {
			t.Errorf("%s: two exchanges go one way: %s", kind, other)
		}
	}
}

func TestRouterCachesWhatTheKeyDecides(t *testing.T) {
	// DESIGN 4: the cache is for keys that alone decide, all along the way.
	for _, kind := range kinds {
		w := newTown(t)
		a, x := w.exchange("A", Direct), w.exchange("X", kind)
		x.Publish(x.Table().With(Binding{To: Destination{Queue: w.queue("q")}, Key: "1"}))
		a.Publish(a.Table().With(Binding{To: Destination{Exchange: x}, Key: "1"}))
		for _, from := range []*Slot{a, x} {
			r := newRouter(from, w)
			if got := reached(r.route(&protocol.Message{RoutingKey: "1"})); got != "q" {
				t.Errorf("%s reaches %q", kind, got)
			}
			if cached, want := len(r.keys) == 1, kind != Random && kind != LocalRandom && kind != Headers; cached != want {
				t.Errorf("%s: cached is %v", kind, cached)
			}
		}
	}
}
