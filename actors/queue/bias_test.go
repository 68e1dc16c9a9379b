package queue

import (
	"testing"
	"time"

	"warren/protocol"
)

func TestBias(t *testing.T) {
	now := int64(1_000_000)
	clock := func() int64 { return now }
	for _, c := range []struct {
		what            string
		messages, bytes int
		rests           bool
	}{
		{"nothing was taken", 0, 0, true},
		{"next to nothing", biasMessages - 1, biasBytes - 1, true},
		{"many small ones", biasMessages, 1, false},
		{"a few large ones", 1, biasBytes, false},
	} {
		t.Run(c.what, func(t *testing.T) {
			p := &bias{}
			if running, begun := p.begin(clock); !running || !begun {
				t.Fatal("no round begins")
			}
			if running, begun := p.begin(clock); !running || begun {
				t.Fatal("a second one begins beside it")
			}
			p.took(c.messages, c.bytes)
			p.end(clock)
			if running, _ := p.begin(clock); running == c.rests {
				t.Fatalf("the next one is %t", running)
			}
			if c.rests {
				now += biasRest.Milliseconds()
				if _, begun := p.begin(clock); !begun {
					t.Error("none begins behind the rest")
				}
			}
		})
	}
	p := &bias{}
	p.end(clock) // a timer of the incarnation before
	if _, begun := p.begin(clock); !begun {
		t.Error("a round that never was keeps others from beginning")
	}
}

// DESIGN section 7: a publisher to a queue with much in front of its consumers is slowed, not stopped, and not at all where nobody takes
// anything.
func TestPublishersAreSlowedWhileConsumersAreBehind(t *testing.T) {
	s := newPagingStand(t)
	s.slot.Stored, s.limit = "", 1000
	s.begin(3)
	s.ctx.system = quiet()
	now := time.Unix(1000, 0)
	s.q.Now = func() time.Time { return now }
	seq := uint64(0)
	publish := func() bool {
		seq++
		m := protocol.Message{Seq: seq, Properties: []byte{0, 0}, Body: make([]byte, 900)}
		return len(only[*Accepted](s.tell(&Enqueue{Link: link, Incarnation: s.slot.Incarnation(), Exchange: "x", Messages: []protocol.Message{m}}))) > 0
	}
	for range 6 {
		if !publish() {
			t.Fatal("slowed without consumers")
		}
	}
	s.command(2, &Consume{Consumer: 2, Prefetch: 1})
	if publish() {
		t.Fatal("not slowed, with so much in front of a consumer")
	}
	// Consumers that take all of it have the publisher told before the round is over.
	got := only[*Accepted](s.command(2, &Purge{}))
	if len(got) != 1 || got[0].Accepted != seq {
		t.Errorf("with an empty queue it hears %+v", got)
	}
	s.tell(overBias)
	for range 6 {
		publish()
	}
	if now = now.Add(biasRest); publish() {
		t.Fatal("not slowed behind the rest")
	}
	got = only[*Accepted](s.tell(overBias))
	if len(got) != 1 || got[0].Accepted != seq {
		t.Errorf("behind a round it hears %+v", got)
	}
	if !publish() {
		t.Error("slowed for a consumer that takes nothing")
	}
}
