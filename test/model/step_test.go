package model

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// The names a program plays with: few, so that steps meet.
const (
	conns    = 2
	channels = 2 // of each connection, from 1
)

var (
	queueNames    = []string{"q0", "q1", "q2"}
	exchangeNames = []string{"x0", "x1", "x2"}
	bindingKeys   = []string{"a", "a.b", "a.*", "#"}
	messageKeys   = []string{"a", "a.b", "b"}
	tags          = []string{"t0", "t1"}
)

// step is one thing that a client does on a channel. Where its channel or connection is closed, it is opened first.
type step struct {
	conn, ch int
	op       string
	queue    string
	exchange string // of a binding: the source
	to       string // exchange that is bound
	kind     string // of an exchange
	key      string
	tag      string // of a consumer
	n        int    // how many messages; the prefetch; which of the outstanding deliveries is settled
	flags    string // letters, see flag
}

// flag tells whether a letter is set: d(urable), a(uto-delete), e(xclusive), p(assive), i(nternal), u(nused), y (empty), m(andatory or
// multiple), n(o ack), r(equeue), s(tale: a tag that may be unknown), z (tag 0).
func (s step) flag(letter string) bool { return strings.Contains(s.flags, letter) }

func (s step) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "c%d.%d %s", s.conn, s.ch, s.op)
	for _, field := range []struct{ name, value string }{
		{"queue", s.queue}, {"exchange", s.exchange}, {"to", s.to}, {"type", s.kind}, {"key", s.key}, {"tag", s.tag},
	} {
		if field.value != "" {
			fmt.Fprintf(&b, " %s=%s", field.name, field.value)
		}
	}
	if s.n != 0 {
		fmt.Fprintf(&b, " n=%d", s.n)
	}
	for _, f := range s.flags {
		fmt.Fprintf(&b, " %s", map[rune]string{'d': "durable", 'a': "auto-delete", 'e': "exclusive", 'p': "passive", 'i': "internal",
			'u': "if-unused", 'y': "if-empty", 'm': "mandatory/multiple", 'n': "no-ack", 'r': "requeue", 's': "literal-tag", 'z': "tag-0"}[f])
	}
	return b.String()
}

// weights say how often an operation comes up.
var weights = []struct {
	op     string
	weight int
}{
	{"declare-queue", 12}, {"delete-queue", 2}, {"purge", 2},
	{"declare-exchange", 6}, {"delete-exchange", 1}, {"bind", 8}, {"unbind", 3}, {"bind-exchange", 3}, {"unbind-exchange", 1},
	{"publish", 30}, {"consume", 9}, {"cancel", 5}, {"qos", 3}, {"get", 12},
	{"ack", 14}, {"nack", 8}, {"reject", 8}, {"recover", 2},
	{"confirm-select", 2}, {"tx-select", 2}, {"tx-commit", 5}, {"tx-rollback", 2},
	{"close-channel", 2}, {"close-connection", 1},
}

// program makes one of n steps.
func program(r *rand.Rand, n int) []step {
	steps := make([]step, n)
	for i := range steps {
		steps[i] = randomStep(r)
	}
	return steps
}

func randomStep(r *rand.Rand) step {
	pick := func(from []string) string { return from[r.IntN(len(from))] }
	// maybe is the letter, once in so many times.
	maybe := func(letter string, once int) string {
		if r.IntN(once) == 0 {
			return letter
		}
		return ""
	}
	s := step{conn: r.IntN(conns), ch: 1 + r.IntN(channels)}
	total := 0
	for _, w := range weights {
		total += w.weight
	}
	left := r.IntN(total)
	for _, w := range weights {
		if left -= w.weight; left < 0 {
			s.op = w.op
			break
		}
	}
	switch s.op {
	case "declare-queue":
		s.queue = pick(queueNames)
		s.flags = maybe("p", 6)
		// Mostly what the name stands for, so that most declarations agree.
		s.flags += map[string]string{"q0": "", "q1": "a", "q2": maybe("e", 2)}[s.queue] + maybe("d", 12)
	case "delete-queue":
		s.queue, s.flags = pick(queueNames), maybe("u", 2)+maybe("y", 2)
	case "purge":
		s.queue = pick(queueNames)
	case "declare-exchange":
		s.exchange = pick(exchangeNames)
		s.kind = map[string]string{"x0": "direct", "x1": "fanout", "x2": "topic"}[s.exchange]
		s.flags = maybe("p", 6) + map[string]string{"x0": "", "x1": "a", "x2": ""}[s.exchange] + maybe("i", 15)
		if r.IntN(20) == 0 {
			s.kind = "direct"
		}
	case "delete-exchange":
		s.exchange, s.flags = pick(exchangeNames), maybe("u", 2)
	case "bind", "unbind":
		s.queue, s.exchange, s.key = pick(queueNames), pick(exchangeNames), pick(bindingKeys)
	case "bind-exchange", "unbind-exchange":
		s.to, s.exchange, s.key = pick(exchangeNames), pick(exchangeNames), pick(bindingKeys)
	case "publish":
		s.n, s.flags = 1+r.IntN(3), maybe("m", 3)
		if r.IntN(2) == 0 {
			s.key = pick(queueNames)
		} else {
			s.exchange, s.key = pick(exchangeNames), pick(messageKeys)
		}
	case "consume":
		s.queue, s.tag, s.flags = pick(queueNames), pick(tags), maybe("n", 3)+maybe("e", 8)
	case "cancel":
		s.tag = pick(tags)
	case "qos":
		s.n = r.IntN(4)
	case "get":
		s.queue, s.flags = pick(queueNames), maybe("n", 3)
	case "ack", "nack":
		s.n, s.flags = r.IntN(4), maybe("m", 3)+maybe("r", 2)+maybe("s", 30)
		if s.flag("m") {
			s.flags += maybe("z", 4)
		}
		if s.op == "ack" {
			s.flags = strings.ReplaceAll(s.flags, "r", "")
		}
	case "reject":
		s.n, s.flags = r.IntN(4), maybe("r", 2)+maybe("s", 30)
	}
	return s
}
