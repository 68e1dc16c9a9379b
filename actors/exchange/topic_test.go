package exchange

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"warren/actors/queue"
	"warren/protocol"
)

func TestTopicMatches(t *testing.T) {
	// Contract X-05: '*' is exactly one word, '#' any number; an empty word is a word, and the empty key has none.
	cases := []struct {
		pattern string
		match   string // keys, separated by spaces; - stands for the empty one
		miss    string
	}{
		{"", "-", "a . a.b"},
		{"a", "a", "- b a. .a a.a A"},
		{"a.b", "a.b", "a a.b.c a..b b.a"},
		{"*", "a abc", "- . a. a.b"},
		{"*.*", "a.b . a. .b", "- a a.b.c .."},
		{"a.*", "a.b a.", "a a.b.c b.a"},
		{"*.a", "b.a .a", "a a.b b.b.a"},
		{"a.*.b", "a.x.b a..b", "a.b a.x.y.b"},
		{"#", "- a a.b . ..", ""},
		{"#.#", "- a a.b .. a.b.c", ""},
		{"#.*", "a a.b . a.b.c", "-"},
		{"*.#", "a a.b . a.b.c", "-"},
		{"#.a", "a b.a .a b.c.a a.a", "- b a.b a."},
		{"a.#", "a a.b a. a.b.c", "- b b.a .a"},
		{"#.a.#", "a b.a a.b b.a.c .a. a.a", "- b b.c"},
		{"a.#.b", "a.b a.x.b a..b a.x.y.b a.b.b", "a b a.x b.a"},
		{"#.*.#", "a a.b .", "-"},
		{"*.#.*", "a.b a.b.c . a..b", "- a"},
		{"..", "..", ". a.. - ..."},
		{"a..b", "a..b", "a.b a.x.b"},
		{"*.", "a. .", "a a.b"},
		{"#.", ". a. a.b.", "- a a.b"},
		{"stock.*.nyse", "stock.usd.nyse", "stock.nyse stock.usd.eur.nyse stock.usd.NYSE"},
		{"stock.#", "stock stock.usd stock.usd.nyse", "stocks stock-usd"},
		{"*a", "*a", "a ba"},
		{"a#", "a#", "a ab"},
		{"##", "##", "a - a.b"},
		{"日.*", "日.本", "日 本.日"},
	}
	pairs := 0
	for _, c := range cases {
		q := &queue.Slot{ID: 1}
		var table Table = topicTable{}
		table = table.With(Binding{To: Destination{Queue: q}, Key: c.pattern})
		check := func(keys string, want bool) {
			for _, key := range strings.Fields(keys) {
				pairs++
				if key == "-" {
					key = ""
				}
				if got := len(routed(t, table, &protocol.Message{RoutingKey: key})) > 0; got != want {
					t.Errorf("pattern %q, key %q: matched is %v", c.pattern, key, got)
				}
			}
		}
		check(c.match, true)
		check(c.miss, false)
	}
	if pairs < 100 {
		t.Errorf("only %d pairs", pairs)
	}
}

// routed are the queues that a table names, each once.
func routed(t *testing.T, table Table, m *protocol.Message) map[*queue.Slot]bool {
	t.Helper()
	out := map[*queue.Slot]bool{}
	if err := table.Route(m, 0, func(d Destination) { out[d.Queue] = true }); err != nil {
		t.Fatal(err)
	}
	return out
}

// topicMatch is the definition, word by word.
func topicMatch(pattern, key []string) bool {
	switch {
	case len(pattern) == 0:
		return len(key) == 0
	case pattern[0] == "#":
		return topicMatch(pattern[1:], key) || len(key) > 0 && topicMatch(pattern, key[1:])
	case len(key) == 0:
		return false
	}
	return (pattern[0] == "*" || pattern[0] == key[0]) && topicMatch(pattern[1:], key[1:])
}

func TestTopicAgainstDefinition(t *testing.T) {
	// Contract X-05, with many patterns in one table: a pattern neither hides nor lends matches to another.
	r := rand.New(rand.NewPCG(5, 5))
	some := func(from ...string) string {
		w := make([]string, r.IntN(5))
		for i := range w {
			w[i] = from[r.IntN(len(from))]
		}
		return strings.Join(w, ".")
	}
	for round := range 60 {
		var table Table = topicTable{}
		patterns := map[*queue.Slot]string{}
		for i := range 40 {
			q := &queue.Slot{ID: uint64(i)}
			patterns[q] = some("a", "b", "", "*", "#")
			table = table.With(Binding{To: Destination{Queue: q}, Key: patterns[q]})
		}
		for q, pattern := range patterns {
			if r.IntN(3) == 0 {
				table = table.Without(Binding{To: Destination{Queue: q}, Key: pattern})
				delete(patterns, q)
			}
		}
		for range 50 {
			key := some("a", "b", "c", "")
			got := routed(t, table, &protocol.Message{RoutingKey: key})
			for q, pattern := range patterns {
				if want := topicMatch(words(pattern), words(key)); got[q] != want {
					t.Fatalf("round %d: pattern %q, key %q: matched is %v", round, pattern, key, got[q])
				}
				delete(got, q)
			}
			if len(got) > 0 {
				t.Fatalf("round %d: key %q reaches what is not bound", round, key)
			}
		}
	}
}

func TestTopicForgetsWhatIsUnbound(t *testing.T) {
	// Promise 2: a table without bindings holds nothing, whatever was in it.
	var table Table = topicTable{}
	q := Destination{Queue: &queue.Slot{ID: 1}}
	for i := range 100 {
		table = table.With(Binding{To: q, Key: fmt.Sprintf("a.*.%d.#", i)})
	}
	for i := range 100 {
		table = table.Without(Binding{To: q, Key: fmt.Sprintf("a.*.%d.#", i)})
	}
	if table.(topicTable).root != nil {
		t.Error("nodes are left")
	}
}

func TestTopicKeyLimits(t *testing.T) {
	// Contract X-05 (4.3.5): more than two '#' in a binding key are refused, with RabbitMQ's text.
	for key, want := range map[string]string{
		"": "", "#": "", "#.#": "", "#.a.#.b": "", "a#.#.#.##": "",
		"#.#.#":       "Topic binding key '#.#.#' uses 3 '#' wildcards, at most 2 are allowed",
		"#.a.#.b.#.#": "Topic binding key '#.a.#.b.#.#' uses 4 '#' wildcards, at most 2 are allowed",
	} {
		err := CheckBinding(Topic, key, nil, false)
		if (err == nil) != (want == "") || err != nil && (err.Code != protocol.ReplyPreconditionFailed || err.Text != want) {
			t.Errorf("%q: %v", key, err)
		}
		if err := CheckBinding(Direct, key, nil, false); err != nil {
			t.Errorf("direct %q: %v", key, err)
		}
	}
}
