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
		s.slot.Settings.MaxLength.Set = stored // with a bound, what is refused for want of room goes another way
		s.slot.Settings.MaxLength.Value = 100
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
		if s.q.suspicious || s.slot.poison.Any() {
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
