package queue

import (
	"errors"
	"testing"

	"warren/actors/queue/ready"
	"warren/persistence/volatile"
)

// Issue 5, "a replaced stuck actor that wakes up can neither append, confirm nor deliver": whatever it goes on with, it says nothing to anybody
// and shows nothing, and its successor is not disturbed.
func TestStaleQueueDoesNothing(t *testing.T) {
	s := newStand(t)
	s.publish(1, 3)
	s.command(1, &Consume{Consumer: 2, Prefetch: 1})
	old, oldTurn := s.q, s.ctx
	s.start(2)
	s.tell(&Resume{Session: 1, Received: map[uint32]uint64{2: 1}})
	shown := [2]int64{s.slot.Ready.Load(), s.slot.Unacked.Load()}
	resident := s.resident
	for what, m := range map[string]any{
		"enqueue": &Enqueue{Link: link, Incarnation: 1, Messages: numbered(4, 2)},
		"settle":  &Commands{To: s.slot, Session: 1, First: s.seq[1] + 1, Ops: []Op{&Settle{Consumer: 2, First: 1, Last: 1, Outcome: ready.Acked}}},
		"purge":   &Commands{To: s.slot, Session: 1, First: s.seq[1] + 1, Ops: []Op{&Purge{}}},
		"leave":   &Commands{To: s.slot, Session: 1, First: s.seq[1] + 1, Ops: []Op{&Leave{}}},
	} {
		oldTurn.message, oldTurn.sent = m, nil
		func() {
			defer func() {
				if err, _ := recover().(error); !errors.Is(err, volatile.ErrStale) {
					t.Errorf("%s: %v", what, err)
				}
			}()
			old.Receive(oldTurn)
		}()
		if len(oldTurn.sent) > 0 {
			t.Errorf("%s: it sends %v", what, oldTurn.sent)
		}
	}
	func() { // it was stuck behind its event
		defer func() {
			if err, _ := recover().(error); !errors.Is(err, volatile.ErrStale) {
				t.Errorf("counters: %v", err)
			}
		}()
		old.publishStats()
	}()
	if now := [2]int64{s.slot.Ready.Load(), s.slot.Unacked.Load()}; now != shown || s.resident != resident {
		t.Errorf("shows %v and %d bytes, before %v and %d", now, s.resident, shown, resident)
	}
	func() { // nor can it come back
		defer func() { _ = recover() }()
		s.slot.claim(1, s.slot.PID())
		t.Error("an old incarnation has the slot")
	}()
	if a := one[*Accepted](t, s.tell(&Enqueue{Link: link, Incarnation: 2, Messages: numbered(4, 1)})); a.Accepted != 4 {
		t.Errorf("accepted %+v", a)
	}
}
