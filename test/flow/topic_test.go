package flow

import (
	"fmt"
	"testing"
)

// pattern, key, whether they match. An empty key has no words (recorded from RabbitMQ 3.10), but a lone dot parts two empty ones.
var topicRows = []struct {
	pattern, key string
	match        bool
}{
	{"a.b", "a.b", true}, {"a.b", "a.b.c", false}, {"a.b", "a", false}, {"a.b", "A.b", false},
	{"*", "a", true}, {"*", "a.b", false}, {"*", "", false}, {"*.*", ".", true}, {"*.*", "a.", true},
	{"a.*", "a.b", true}, {"a.*", "a", false}, {"a.*", "a.b.c", false}, {"a.*", "a.", true}, {"*.b", "a.b", true},
	{"a.*.c", "a.b.c", true}, {"a.*.c", "a.c", false}, {"a.*.c", "a..c", true},
	{"#", "", true}, {"#", "a", true}, {"#", "a.b.c", true}, {"#", "..", true},
	{"a.#", "a", true}, {"a.#", "a.b", true}, {"a.#", "a.b.c", true}, {"a.#", "ab", false}, {"a.#", "", false},
	{"#.c", "c", true}, {"#.c", "a.b.c", true}, {"#.c", "a.c.d", false},
	{"a.#.c", "a.c", true}, {"a.#.c", "a.b.b.c", true}, {"a.#.c", "a.b.c.d", false},
	{"#.#", "", true}, {"#.#", "a", true}, {"#.#", "a.b.c", true},
	{"*.#", "", false}, {"*.#", "a", true}, {"*.#", "a.b", true}, {"#.*", "a.b", true},
	{"#.a.#", "b.a.c", true}, {"#.a.#", "a", true}, {"#.a.#", "b.c", false},
	{"a.b#", "a.b#", true}, {"a.b#", "a.bc", false}, {"a*", "ab", false}, {"", "", true}, {"", "a", false},
	{"a..b", "a..b", true}, {"a..b", "a.b", false}, {"a..b", "a.x.b", false},
	{"ä.*", "ä.ö", true}, {"*.stock.#", "usd.stock.nyse.ibm", true},
}

func TestX05_Topic(t *testing.T) {
	ch := channel(t)
	q := queue(t, ch, "q")
	for _, row := range topicRows {
		t.Run(fmt.Sprintf("X-05 %s <- %s", row.pattern, row.key), func(t *testing.T) {
			x := exchange(t, "topic")
			bind(t, ch, q, row.pattern, x, nil)
			if got := routes(t, ch, x, row.key, nil, q); (got == "a") != row.match {
				t.Errorf("pattern %q, key %q: %q", row.pattern, row.key, got)
			}
		})
	}
}

// many patterns at once: what a trie gets wrong shows between them.
func TestX05_TopicTogether(t *testing.T) {
	ch := channel(t)
	q := queue(t, ch, "q")
	x := exchange(t, "topic")
	reaches := func(key string) bool { return routes(t, ch, x, key, nil, q) == "a" }
	patterns := []string{"a.b.c", "a.*.c", "a.#", "*.b.*", "d.#.e", "#.f"}
	for _, p := range patterns {
		bind(t, ch, q, p, x, nil)
	}
	for i, p := range patterns {
		if got, want := reaches("a.b.c"), i < 4; got != want {
			t.Errorf("without %v: a.b.c reaches the queue: %v", patterns[:i], got)
		}
		if reaches("x.y") || !reaches("x.f") {
			t.Errorf("without %v: x.y or x.f is routed wrongly", patterns[:i])
		}
		must(t, ch.QueueUnbind(q, p, x, nil))
	}
	if reaches("a.b.c") || reaches("x.f") {
		t.Error("routed without a binding")
	}
}

// 4.3.5 refuses patterns that are expensive to match.
func TestX05_TooManyHashes(t *testing.T) {
	modern(t, "any number of # is taken")
	c := connect(t)
	ch := channelOn(t, c)
	q := queue(t, ch, "q")
	err := ch.QueueBind(q, "#.a.#.b.#", "amq.topic", false, nil)
	refused(t, err, 406, "PRECONDITION_FAILED - Topic binding key '#.a.#.b.#' uses 3 '#' wildcards, at most 2 are allowed")
	alive(t, c)
}
