package queue

import (
	"slices"
	"testing"

	"warren/actors/queue/ready"
	"warren/protocol"
)

// DESIGN section 5, poison: guilty is what every turn that died had in common, and only what killed twice.
func TestPoisonFindsTheGuilty(t *testing.T) {
	other := ready.Link{Session: 2, Exchange: 7}
	seqs := func(messages []protocol.Message) (out []uint64) {
		for i := range messages {
			out = append(out, messages[i].Seq)
		}
		return out
	}
	var p Poison
	if p.Any() {
		t.Error("a new one knows of something")
	}
	p.Killed(link, nil)
	p.Killed(link, numbered(5, 4)) // 5 to 8
	p.Killed(other, numbered(5, 4))
	if _, poison := p.Part(link, numbered(1, 10)); len(poison) > 0 {
		t.Errorf("after one death: %v", seqs(poison))
	}
	p.Killed(link, numbered(7, 9)) // sent again with others behind it
	if fine, poison := p.Part(link, numbered(1, 10)); !slices.Equal(seqs(poison), []uint64{7, 8}) || !slices.Equal(seqs(fine), []uint64{1, 2, 3, 4, 5, 6, 9, 10}) {
		t.Errorf("poison %v, fine %v", seqs(poison), seqs(fine))
	}
	if _, poison := p.Part(other, numbered(1, 10)); len(poison) > 0 {
		t.Errorf("another link: %v", seqs(poison))
	}
	p.Survived(other, numbered(5, 4))
	if p.Survived(link, numbered(7, 1)); !p.Any() {
		t.Error("what has survived in part is forgotten")
	}
	if p.Survived(link, numbered(1, 8)); p.Any() {
		t.Error("what has survived is remembered")
	}
	for i := range uint64(3 * suspectsKept) {
		p.Killed(link, numbered(100*i, 1))
	}
	if len(p.suspects) != suspectsKept {
		t.Errorf("%d are remembered", len(p.suspects))
	}
}

// Issue 5, point 2: a batch that kills two incarnations is set aside and its publisher nacked, once and for ever; what came with it
// and behind it is taken.
func TestPoisonedBatchIsSetAside(t *testing.T) {
	for _, stored := range []bool{false, true} {
		s := newStand(t)
		s.slot.Declared.MaxLength.Set = stored // with a bound, what is refused for want of room goes another way
		s.slot.Declared.MaxLength.Value = 100
		s.publish(1, 2)
		bad := &Enqueue{Link: link, Messages: numbered(3, 2)}
		for incarnation := range uint64(2) {
			s.q.Crashed(&Commands{}) // of no concern
			s.q.Crashed(bad)
			s.start(incarnation + 2)
		}
		a := one[*Accepted](t, s.publish(1, 6)) // sent again, with more behind it
		if a.Accepted != 6 || a.Confirmed != 6 || !slices.Equal(a.Refused, []ready.Interval{{First: 3, N: 2}}) || s.slot.Ready.Load() != 4 {
			t.Errorf("accepted %+v, %d ready", a, s.slot.Ready.Load())
		}
		if s.q.suspicious || s.slot.remember().poison.Any() {
			t.Error("it is suspicious for ever")
		}
		s.start(4) // and stays set aside
		if a := one[*Accepted](t, s.publish(3, 5)); a.Accepted != 7 || s.slot.Ready.Load() != 5 {
			t.Errorf("accepted %+v, %d ready", a, s.slot.Ready.Load())
		}
		if b := bodies(s.command(1, &Consume{Consumer: 2}), 2); !slices.Equal(b, []int{1, 2, 5, 6, 7}) {
			t.Errorf("holds %v", b)
		}
	}
}

// Issue 5, point 2: a command that kills its queue twice takes no effect, and its channel hears 541, as often as it asks; those around it are
// carried out.
func TestPoisonedCommandIsSetAside(t *testing.T) {
	s := newStand(t)
	s.publish(1, 3)
	s.command(1, &Consume{Consumer: 2, Tag: "toxic-settle", Prefetch: 3})
	ops := []Op{&Inspect{}, &Settle{Consumer: 2, First: 1, Last: 1, Outcome: ready.Acked}, &Inspect{}}
	first := s.seq[1] + 1
	die := func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
			s.q.Crashed(&Commands{Session: 1})
		}()
		s.q.Poison = "toxic"
		s.tell(&Commands{Session: 1, First: first, Ops: ops})
	}
	die()
	s.start(2)
	die()
	s.start(3)
	s.q.Poison = "toxic"
	for range 2 { // and once more, when the answer was lost
		d := one[*Done](t, s.tell(&Commands{Session: 1, First: first, Ops: ops}))
		refused := slices.DeleteFunc(slices.Clone(d.Replies), func(r Reply) bool { return r.Err == nil })
		if d.Upto != first+2 || len(refused) != 1 || refused[0].Seq != first+1 || refused[0].Err.Code != protocol.ReplyInternalError || refused[0].Err.IsConnection() {
			t.Errorf("done up to %d with %+v", d.Upto, d.Replies)
		}
	}
	if got := s.q.state.Consumer(ready.Key{Session: 1, Consumer: 2}); got == nil || s.q.state.Unacked() != 3 {
		t.Errorf("%d unacked, want all 3", s.q.state.Unacked())
	}
	s.tell(&Commands{Session: 1, First: first + 3, Ops: []Op{&Leave{}}})
	if s.q.suspicious || s.slot.remember().poison.Any() {
		t.Error("it is suspicious for ever")
	}
}
