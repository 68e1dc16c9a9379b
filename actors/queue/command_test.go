package queue

import (
	"slices"
	"testing"

	"warren/actors/queue/ready"
)

func TestCommandsHappenOnce(t *testing.T) {
	// DESIGN 5: a session sends again what it does not know to have arrived; the queue does it once and answers twice.
	s := newStand(t)
	s.publish(1, 3)
	s.command(1, &Consume{Consumer: 2, Tag: "t", Prefetch: 2})
	settle := &Commands{Session: 1, First: 2, Ops: []Op{&Settle{Consumer: 2, First: 1, Last: 1}, &Inspect{}}}
	for range 3 {
		done := one[*Done](t, s.tell(settle))
		if done.Upto != 3 || len(done.Replies) != 1 || done.Replies[0].Seq != 3 || done.Replies[0].ConsumerCount != 1 {
			t.Errorf("done %+v", done)
		}
	}
	if s.q.state.Unacked() != 2 {
		t.Errorf("%d unacked", s.q.state.Unacked())
	}
	again := one[*Done](t, s.tell(&Commands{Session: 1, First: 1, Ops: []Op{&Consume{Consumer: 2, Tag: "t", Prefetch: 2}}}))
	if again.Upto != 3 || again.Replies[0].Err != nil || len(s.q.state.Consumers()) != 1 {
		t.Errorf("consumed again: %+v", again)
	}
}

func TestCommandsBehindAGap(t *testing.T) {
	// DESIGN 5: no command before the one in front of it; the session is told that something is missing.
	s := newStand(t)
	got := s.tell(&Commands{Session: 1, First: 2, Ops: []Op{&Inspect{}}})
	if up := one[*Up](t, got); len(got) != 1 || got[0].to != s.sessions[1] || up.Incarnation != 1 {
		t.Errorf("answered %v", got)
	}
	if s.q.state.LastCommand(1) != 0 {
		t.Error("it was done")
	}
	if got := s.tell(&Commands{Session: 99, First: 1, Ops: []Op{&Inspect{}}}); len(got) != 0 {
		t.Errorf("a session that is over: %v", got)
	}
}

func TestConsumeExclusively(t *testing.T) {
	// Contract P-42: exclusive taken, 403 with this text, for both who come to an exclusive consumer and who want to be one.
	const text = "queue 'q' in vhost '/' in exclusive use"
	s := newStand(t)
	reply := func(session uint64, op Op) string {
		r := one[*Done](t, s.command(session, op)).Replies[0]
		if r.Err == nil {
			return ""
		}
		if r.Err.Code != 403 {
			t.Errorf("code %d", r.Err.Code)
		}
		return r.Err.Text
	}
	if reply(1, &Consume{Consumer: 2}) != "" || reply(2, &Consume{Consumer: 2, Exclusive: true}) != text {
		t.Error("with another one there")
	}
	s.command(1, &Cancel{Consumer: 2})
	if reply(2, &Consume{Consumer: 3, Exclusive: true}) != "" || reply(1, &Consume{Consumer: 3}) != text || reply(2, &Consume{Consumer: 4}) != text {
		t.Error("with an exclusive one there")
	}
	s.command(2, &Cancel{Consumer: 3})
	if reply(1, &Consume{Consumer: 4}) != "" {
		t.Error("after it")
	}
}

func TestGet(t *testing.T) {
	// Contract P-47: one message, with what is left; P-50: one that comes back goes out again at its place, redelivered.
	s := newStand(t)
	if r := one[*Done](t, s.command(1, &Get{})).Replies[0]; !r.Empty {
		t.Errorf("of an empty queue: %+v", r)
	}
	s.publish(1, 3)
	got := s.command(1, &Get{})
	if d := one[*Deliveries](t, got); d.Ready != 2 || d.Consumer != GetConsumer || d.Parts[0].Seq != 1 || d.Parts[0].Exchange != "x" {
		t.Errorf("got %+v", d)
	}
	if b := bodies(s.command(1, &Get{NoAck: true}), GetConsumerNoAck); !slices.Equal(b, []int{2}) {
		t.Errorf("second %v", b)
	}
	s.command(1, &Settle{Consumer: GetConsumer, First: 1, Last: 1, Outcome: ready.Requeued})
	got = s.command(1, &Get{})
	if d := one[*Deliveries](t, got); !slices.Equal(bodies(got, GetConsumer), []int{-1}) || d.Parts[0].Seq != 2 || d.Ready != 1 {
		t.Errorf("requeued: %+v", d)
	}
	s.tell(&Credit{Key: ready.Key{Session: 1, Consumer: GetConsumerNoAck}, Written: 1})
	if s.q.state.Unacked() != 1 || s.q.state.Bytes() == 0 {
		t.Errorf("%d unacked", s.q.state.Unacked())
	}
}

func TestGetSentAgain(t *testing.T) {
	// Promise 1: a get whose answer was lost brings the same message, and takes no second one.
	s := newStand(t)
	s.publish(1, 2)
	s.command(1, &Get{})
	s.start(2)
	got := s.tell(&Resume{Session: 1})
	if b := bodies(got, GetConsumer); !slices.Equal(b, []int{1}) {
		t.Errorf("resumed with %v", b)
	}
	got = s.tell(&Commands{Session: 1, First: 1, Ops: []Op{&Get{}}})
	if d := one[*Done](t, got); d.Upto != 1 || len(d.Replies) != 0 || len(got) != 1 {
		t.Errorf("sent again: %v", got)
	}
	if s.q.state.Ready() != 1 {
		t.Errorf("%d ready", s.q.state.Ready())
	}
}

func TestPurge(t *testing.T) {
	// Contract P-59: what is ready goes, what is unacknowledged stays.
	s := newStand(t)
	s.publish(1, 5)
	s.command(1, &Consume{Consumer: 2, Prefetch: 2})
	if r := one[*Done](t, s.command(1, &Purge{})).Replies[0]; r.Messages != 3 {
		t.Errorf("%d purged", r.Messages)
	}
	if s.slot.Ready.Load() != 0 || s.slot.Unacked.Load() != 2 {
		t.Errorf("%d ready, %d unacked", s.slot.Ready.Load(), s.slot.Unacked.Load())
	}
	s.command(1, &Settle{Consumer: 2, First: 1, Last: 1, Outcome: ready.Requeued})
	if r := one[*Done](t, s.command(1, &Purge{})).Replies[0]; r.Messages != 0 { // it went out again at once
		t.Errorf("%d purged", r.Messages)
	}
}

func TestLeave(t *testing.T) {
	// Contract P-50: what a session has not settled waits again, at its place, redelivered; P-52: a no_ack delivery that it got does not.
	s := newStand(t)
	s.publish(1, 6)
	s.command(2, &Consume{Consumer: 2, Prefetch: 2})
	s.command(2, &Settle{Consumer: 2, First: 1, Last: 1}) // 2 and 3 are out
	s.command(2, &Consume{Consumer: 3, NoAck: true})      // 4, 5 and 6
	got := s.command(2, &Leave{Received: map[uint32]uint64{2: 3, 3: 2}})
	if d := one[*Done](t, got); d.Upto != s.seq[2] {
		t.Errorf("done %+v", d)
	}
	if b := bodies(s.command(1, &Consume{Consumer: 2}), 2); !slices.Equal(b, []int{-2, -3, -6}) {
		t.Errorf("delivered again: %v", b)
	}
	if n := len(s.slot.Consumers()); n != 1 {
		t.Errorf("%d consumers", n)
	}
}

func TestWhatIsForANamesakeIsRefused(t *testing.T) {
	// docs/design/0002: a queue that is declared again lives under the path of the one that was deleted, where a late message may find
	// it. Sessions number their commands for each queue anew, so only the slot tells them apart.
	s := newStand(t)
	s.publish(1, 2)
	before := &Slot{Home: home, ID: 7, Name: "q"}
	for _, late := range []any{
		&Commands{To: before, Session: 1, First: 1, Ops: []Op{&Purge{}}}, &Commands{To: before, Session: 1, First: 1, Ops: []Op{&Leave{}}},
		&Resume{To: before, Session: 1}, &Delete{To: before, Session: 1, Request: 3},
	} {
		if got := s.tell(late); len(got) != 0 || s.slot.Ready.Load() != 2 {
			t.Errorf("%T: answered %v, %d ready", late, got, s.slot.Ready.Load())
		}
	}
	s.command(1, &Consume{Consumer: 2, NoAck: true})
	s.tell(&Credit{To: before, Key: ready.Key{Session: 1, Consumer: 2}, Written: 2})
	if out := s.q.state.Consumer(ready.Key{Session: 1, Consumer: 2}).OutstandingAfter(0); len(out) == 0 {
		t.Error("nothing is on its way any more")
	}
	if d := one[*Done](t, s.command(1, &Inspect{})); d.Replies[0].ConsumerCount != 1 {
		t.Errorf("it is deaf now: %+v", d)
	}
}

func TestPurgeAskedAgain(t *testing.T) {
	// docs/design/0002: a purge-ok that was lost with its channel, or with the queue, says what the first one said (contract P-57).
	s := newStand(t)
	s.publish(1, 5)
	purge := &Commands{Session: 1, First: 1, Ops: []Op{&Purge{}}}
	for incarnation := range uint64(3) {
		if d := one[*Done](t, s.tell(purge)); d.Replies[0].Messages != 5 {
			t.Errorf("incarnation %d says %d", incarnation+1, d.Replies[0].Messages)
		}
		s.start(incarnation + 2)
	}
	s.publish(6, 1)
	if d := one[*Done](t, s.tell(&Commands{Session: 1, First: 2, Ops: []Op{&Purge{}}})); d.Replies[0].Messages != 1 {
		t.Errorf("the next one says %d", d.Replies[0].Messages)
	}
}

func TestReceiptsAreBounded(t *testing.T) {
	// DESIGN "Bounded": what was told to sessions that are over is dropped.
	s := newStand(t)
	var r Receipts[uint64]
	for id := range uint64(10 * receiptsKept) {
		r.Note(id+1, 1, id, s)
	}
	if len(r.newest) > receiptsKept || r.Of(3, 1) != 2 || r.Of(3, 2) != 0 {
		t.Errorf("%d are kept; %d", len(r.newest), r.Of(3, 1))
	}
}

// Contract O-03: what list_consumers shows is what there is, however the commands of one batch follow each other, as they do when a
// session sends them again.
func TestConsumersThatAreShown(t *testing.T) {
	s := newStand(t)
	s.command(1, &Consume{Consumer: 2, Tag: "first"})
	s.command(1, &Cancel{Consumer: 2}, &Consume{Consumer: 3, Tag: "second"}, &Inspect{})
	if list := s.slot.Consumers(); len(list) != 1 || list[0].Tag != "second" {
		t.Errorf("shown: %+v", list)
	}
}
