package queue

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"warren/actors/queue/ready"
	"warren/actors/queue/settings"
	"warren/protocol"
)

// govern gives the queue a policy, as its vhost does; none when there is no definition.
func (s *timedStand) govern(definition protocol.Table) []letter {
	s.t.Helper()
	name := "p"
	if definition == nil {
		name = ""
	}
	if !s.slot.Govern(name, "", definition) {
		s.t.Fatalf("%v changes nothing", definition)
	}
	return s.tell(&Govern{To: s.slot})
}

// Contract: a bound holds at once for what waits, whichever bound it is, and no longer than the policy is there.
func TestPolicyBounds(t *testing.T) {
	s := newTimedStand(t, settings.Of(nil))
	for i := range 5 {
		s.put(i, 0, "")
	}
	s.govern(protocol.Table{"max-length": int64(3)})
	if got := s.slot.Ready.Load(); got != 3 {
		t.Errorf("max-length: %d wait", got)
	}
	s.govern(protocol.Table{"max-length-bytes": int64(2)})
	s.put(5, 0, "")
	if got := s.slot.Ready.Load(); got != 2 {
		t.Errorf("max-length-bytes: %d wait", got)
	}
	s.govern(protocol.Table{"max-length": int64(2), "overflow": "reject-publish"})
	if a := one[*Accepted](t, s.put(6, 0, "")); !slices.Equal(a.Refused, []ready.Interval{{First: 7, N: 1}}) {
		t.Errorf("reject-publish: refused %v", a.Refused)
	}
	s.govern(nil)
	s.put(7, 0, "")
	if got := s.left(); !slices.Equal(got, []int{4, 5, 7}) {
		t.Errorf("left are %v", got)
	}
}

// Contract: a time to live holds for what waits. It is measured from the arrival where that is known, and from when it came
// into force elsewhere; a longer one gives more time, and without one nothing expires.
func TestPolicyTTL(t *testing.T) {
	s := newTimedStand(t, settings.Of(nil))
	s.put(1, 0, "")
	s.later(time.Minute)
	s.govern(protocol.Table{"message-ttl": int64(100)})
	s.put(2, 0, "")
	s.later(90 * time.Millisecond)
	if got := s.slot.Ready.Load(); got != 2 {
		t.Errorf("after 90 of 100 ms %d wait", got)
	}
	s.govern(protocol.Table{"message-ttl": int64(150)})
	s.later(50 * time.Millisecond)
	if got := s.slot.Ready.Load(); got != 2 {
		t.Errorf("after 140 of 150 ms %d wait", got)
	}
	s.put(3, 0, "")
	s.later(20 * time.Millisecond)
	if got := s.slot.Ready.Load(); got != 1 {
		t.Errorf("after 160 of 150 ms %d wait", got)
	}
	s.govern(nil)
	s.later(time.Hour)
	s.govern(protocol.Table{"message-ttl": int64(5000)})
	if got := s.left(); len(got) > 0 {
		t.Errorf("%v came before more than five seconds", got)
	}
}

// Contract Q-27: what a policy says outlives the queue's actor, also when it was set while nobody was there to hear it.
func TestPolicyOutlivesTheActor(t *testing.T) {
	s := newTimedStand(t, settings.Of(nil))
	for i := range 3 {
		s.put(i, 0, "")
	}
	s.slot.Govern("p", "", protocol.Table{"max-length": int64(2), "message-ttl": int64(100)})
	s.begin(3)
	if got := s.slot.Ready.Load(); got != 2 {
		t.Errorf("%d wait behind the restart", got)
	}
	s.later(60 * time.Millisecond)
	s.begin(4)
	s.later(60 * time.Millisecond)
	if got := s.slot.Ready.Load(); got != 0 {
		t.Errorf("%d wait longer than they may, for a restart", got)
	}
}

// Contract: what dies goes where the policy that was in force then said, also when nobody has taken it when that is gone.
func TestPolicyDeadLetters(t *testing.T) {
	s := newTimedStand(t, settings.Of(nil))
	s.put(1, 0, "10")
	s.later(20 * time.Millisecond)
	if got := s.slot.Dying.Load(); got != 0 {
		t.Errorf("%d are dead letters without anywhere to go", got)
	}
	s.govern(protocol.Table{"dead-letter-exchange": "x", "dead-letter-routing-key": "k"})
	s.put(2, 0, "10")
	if sent := s.later(20 * time.Millisecond); len(only[*DeadLettering](sent)) != 1 {
		t.Error("nobody hears of the dead letter")
	}
	s.govern(nil)
	if x, key := s.slot.DeadLetters(); x != ms("x") || key != ms("k") || s.slot.Dying.Load() != 1 {
		t.Errorf("%d dead letters for %v with %v", s.slot.Dying.Load(), x, key)
	}
	s.put(3, 0, "10")
	s.later(20 * time.Millisecond)
	if got := s.slot.Dying.Load(); got != 1 {
		t.Errorf("%d dead letters: the policy is gone", got)
	}
}

// Contract: a queue has its time without use from when the policy came, and as much of it as the newest says.
func TestPolicyExpires(t *testing.T) {
	s := newTimedStand(t, settings.Of(nil))
	rounds := []uint64{s.q.expiryRound}
	gone := func() string {
		var out []bool
		for _, r := range rounds {
			out = append(out, len(only[*Unused](s.tell(&expireQueue{s.q.incarnation, r}))) > 0)
		}
		return fmt.Sprint(out)
	}
	set := func(definition protocol.Table) {
		s.govern(definition)
		rounds = append(rounds, s.q.expiryRound)
	}
	s.at = s.at.Add(time.Hour)
	set(protocol.Table{"expires": int64(60_000)})
	s.at = s.at.Add(50 * time.Second)
	if got := gone(); got != "[false false]" {
		t.Errorf("after 50 of 60 s: %s", got)
	}
	set(protocol.Table{"expires": int64(1000)})
	s.at = s.at.Add(time.Second)
	if got := gone(); got != "[false false true]" {
		t.Errorf("after 1 of 1 s, and 51: %s", got)
	}
	s.govern(nil)
	s.at = s.at.Add(time.Hour)
	if got := gone(); got != "[false false false]" {
		t.Errorf("without a policy: %s", got)
	}
}

// Arguments never change, whatever policies say (contract Q-27).
func TestPolicyLeavesTheArguments(t *testing.T) {
	slot := &Slot{Arguments: protocol.Table{"x-max-length": int32(5)}, Declared: &settings.Settings{MaxLength: ms(uint64(5))}}
	slot.Govern("p", "o", protocol.Table{"max-length": int64(3)})
	if slot.Settings().MaxLength != ms(uint64(5)) || slot.InForce().MaxLength != ms(uint64(3)) || len(slot.Arguments) != 1 {
		t.Errorf("%+v", slot.Settings())
	}
	if g := slot.Governed(); g.Policy != "p" || g.OperatorPolicy != "o" {
		t.Errorf("%+v", g)
	}
	if slot.Govern("p", "o", protocol.Table{"max-length": int64(3)}) {
		t.Error("the same again is a change")
	}
}

// Contract: a time to live by policy is for what is on disk alone, too, also for what came when nothing expired. What is at the
// head is read for it once, and not in every turn while memory is short.
func TestPolicyTTLOnDisk(t *testing.T) {
	s := newPagingStand(t)
	at := time.UnixMilli(1_000_000)
	s.q.Short = func() bool { return true }
	s.q.Pressed, s.q.Now = s.q.Short, func() time.Time { return at }
	s.fill(20)
	s.tell(&LetGo{})
	if s.q.state.OnDisk() != 40 {
		t.Fatalf("%d of 40 are on disk alone", s.q.state.OnDisk())
	}
	s.slot.Govern("p", "", protocol.Table{"message-ttl": int64(100)})
	s.ctx.system = quiet()
	s.tell(&Govern{To: s.slot})
	s.answer()
	for range 5 {
		s.tell(&LetGo{})
		s.command(3, &Inspect{})
	}
	if n := len(s.fetches); n > 0 {
		t.Errorf("it reads %d times what it knows", n)
	}
	at = at.Add(100 * time.Millisecond)
	s.tell(&expireHead{s.q.armed})
	s.answer()
	if n := s.q.state.Ready(); n != 0 {
		t.Errorf("%d wait longer than they may", n)
	}
}
