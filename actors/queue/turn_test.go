package queue

import (
	"slices"
	"testing"

	"warren/actors/queue/ready"
	"warren/actors/queue/settings"
)

func TestConsumerPriority(t *testing.T) {
	// Contract P-45: the highest priority has everything while it has room, then the next; equal ones share.
	s := newStand(t)
	s.command(1, &Consume{Consumer: 2, Prefetch: 2})
	s.command(2, &Consume{Consumer: 2, Prefetch: 3, Priority: 10})
	s.command(3, &Consume{Consumer: 2, Prefetch: 3, Priority: 10})
	sent := s.publish(1, 10)
	if a, b, c := to(s, sent, 2), to(s, sent, 3), to(s, sent, 1); len(a) != 3 || len(b) != 3 || !slices.Equal(c, []int{7, 8}) {
		t.Errorf("priority 10: %v and %v, 0: %v", a, b, c)
	}
	sent = s.command(3, &Settle{Consumer: 2, First: 1, Last: 1})
	if a := to(s, sent, 3); !slices.Equal(a, []int{9}) {
		t.Errorf("then %v", a)
	}
}

func TestSingleActiveConsumer(t *testing.T) {
	// Contract 3.1, x-single-active-consumer: one has everything, whatever its room; the next takes over with what was not settled in
	// front, and a restart changes nothing of it.
	s := newStand(t)
	*s.slot.Declared = settings.Settings{SingleActiveConsumer: true}
	s.command(1, &Consume{Consumer: 2, Tag: "first", Prefetch: 2})
	s.command(2, &Consume{Consumer: 2, Tag: "second"})
	s.command(3, &Consume{Consumer: 2, Tag: "third"})
	sent := s.publish(1, 4)
	if a, b := to(s, sent, 1), to(s, sent, 2); !slices.Equal(a, []int{1, 2}) || len(b) != 0 {
		t.Errorf("the active one got %v, the next %v", a, b)
	}
	s.start(2)
	for session := range uint64(3) {
		sent := s.tell(&Resume{Session: session + 1, Received: map[uint32]uint64{2: map[uint64]uint64{0: 2}[session]}})
		if len(to(s, sent, session+1)) > 0 {
			t.Errorf("session %d got more: %v", session+1, sent)
		}
	}
	if got := statuses(s); !slices.Equal(got, []string{"first single_active", "second waiting", "third waiting"}) {
		t.Errorf("consumers %v", got)
	}
	sent = s.tell(&Commands{Session: 1, First: s.q.state.LastCommand(1) + 1, Ops: []Op{&Leave{}}})
	if a, b := to(s, sent, 2), to(s, sent, 3); !slices.Equal(a, []int{-1, -2, 3, 4}) || len(b) != 0 {
		t.Errorf("who took over got %v, the next %v", a, b)
	}
	if got := statuses(s); !slices.Equal(got, []string{"second single_active", "third waiting"}) {
		t.Errorf("consumers %v", got)
	}
	reply := s.command(4, &Consume{Consumer: 2, Exclusive: true})
	if done := replies(reply); len(done) != 1 || done[0].Err == nil || done[0].Err.Code != 403 {
		t.Errorf("an exclusive consumer: %+v", done)
	}
}

// to are the bodies that went to a session.
func to(s *stand, sent []letter, session uint64) []int {
	var mine []letter
	for _, l := range sent {
		if l.to == s.sessions[session] {
			mine = append(mine, l)
		}
	}
	return bodies(mine, 2)
}

func replies(sent []letter) (out []Reply) {
	for _, l := range sent {
		if done, ok := l.message.(*Done); ok {
			out = append(out, done.Replies...)
		}
	}
	return out
}

func statuses(s *stand) (out []string) {
	for _, c := range s.slot.Consumers() {
		out = append(out, c.Tag+" "+c.ActivityStatus())
	}
	return out
}

func BenchmarkPump(b *testing.B) {
	// What a turn costs with some equal consumers: a message in, out to one of them, and settled.
	for _, consumers := range []int{1, 8} {
		b.Run(map[int]string{1: "one", 8: "eight"}[consumers], func(b *testing.B) {
			s := newStand(b)
			for i := range consumers {
				s.command(1, &Consume{Consumer: FirstConsumer + uint32(i), NoAck: true})
			}
			seq := uint64(0)
			for b.Loop() {
				seq++
				s.publish(seq, 1)
				c := s.q.state.Consumers()[0]
				if consumers > 1 {
					c = s.q.state.Consumers()[consumers-1]
				}
				s.tell(&Credit{Key: ready.Key{Session: 1, Consumer: c.Key.Consumer}, Written: c.Sent})
			}
		})
	}
}
