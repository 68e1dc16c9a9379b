package ready

import (
	"fmt"
	"strings"
	"testing"
)

// turns is a queue whose consumers are named by letters: "b5" subscribes b with priority 5, "-b" ends it, "b!" delivers a message
// to it.
type turns struct {
	*State
	single bool
	index  uint64
}

func (s *turns) do(step string) {
	name := strings.Trim(step, "-!0123456789")
	k := Key{Session: 1, Consumer: uint32(name[0])}
	switch {
	case step[0] == '-':
		s.Apply(&Unsubscribed{Key: k})
	case strings.HasSuffix(step, "!"):
		s.Apply(&Enqueued{Link: Link{1, 1}, Content: Content{Messages: batch(s.index+1, int(s.index))}})
		in, again := s.Next(1)
		s.Apply(&Delivered{Key: k, Interval: in, Redelivered: again})
		s.index++
	default:
		priority := int64(0)
		_, _ = fmt.Sscanf(step[len(name):], "%d", &priority)
		s.Apply(&Subscribed{Consumer: Consumer{Key: k, NoAck: true, Priority: priority, Single: s.single}})
	}
}

func (s *turns) String() string {
	var b strings.Builder
	for _, c := range s.Consumers() {
		fmt.Fprintf(&b, "%c", c.Key.Consumer)
		if c.Single && s.Active(c) {
			b.WriteByte('*')
		}
	}
	return b.String()
}

func TestTurn(t *testing.T) {
	for _, row := range []struct {
		what   string
		single bool
		steps  string
		want   string
	}{
		{"P-52 each delivery is followed by the turn of the next", false, "a b c a!", "bca"},
		{"P-52 also when it was not its turn", false, "a b c b!", "acb"},
		{"P-45 higher priorities are in front", false, "a b5 c", "bac"},
		{"P-45 equal ones take turns", false, "a b5 c5 d9 b!", "dcba"},
		{"P-45 a turn ends behind the equal ones", false, "a b5 c5 d b! a!", "cbda"},
		{"single active consumer: the first, and it stays", true, "a b c a! a!", "a*bc"},
		{"single active consumer: the next in order of subscription", true, "a b c a! -a", "b*c"},
		{"single active consumer: one that waited may go", true, "a b c -b -a", "c*"},
		{"single active consumer: a higher priority is next, and waits for that", true, "a b c7 d7", "a*cdb"},
		{"single active consumer: a higher priority is next", true, "a b c7 d7 -a", "c*db"},
		{"single active consumer: who comes back is last", true, "a b -a a", "b*a"},
	} {
		s := &turns{State: New(), single: row.single}
		for _, step := range strings.Fields(row.steps) {
			s.do(step)
			candidates := len(s.Candidates())
			if all := len(s.Consumers()); row.single && candidates != min(1, all) || !row.single && candidates != all {
				t.Errorf("%s: %d candidates of %v", row.what, candidates, s)
			}
		}
		if got := s.String(); got != row.want {
			t.Errorf("%s: %s, want %s", row.what, got, row.want)
		}
		if got := (&turns{State: s.Clone()}).String(); got != row.want {
			t.Errorf("%s: a copy says %s", row.what, got)
		}
	}
}
