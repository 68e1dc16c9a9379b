package queue

import (
	"errors"
	"slices"
	"testing"
	"unsafe"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/persistence/volatile"
	"warren/protocol"
	"warren/supervision"
)

func TestEnqueueOnce(t *testing.T) {
	// DESIGN 4, links: a batch that comes again is answered again and applied once, in order, with what is new behind it.
	s := newStand(t)
	for range 3 {
		if a := one[*Accepted](t, s.publish(1, 3)); a.Accepted != 3 || a.Confirmed != 3 || a.Exchange != link.Exchange || a.Queue != s.slot {
			t.Errorf("accepted %+v", a)
		}
	}
	if a := one[*Accepted](t, s.publish(2, 4)); a.Accepted != 5 || s.slot.Published.Load() != 5 {
		t.Errorf("accepted %+v, %d published", a, s.slot.Published.Load())
	}
	if b := bodies(s.command(1, &Consume{Consumer: 2}), 2); !slices.Equal(b, []int{1, 2, 3, 4, 5}) {
		t.Errorf("holds %v", b)
	}
}

func TestEnqueueForAnotherIncarnation(t *testing.T) {
	// DESIGN 5, incarnations: what was meant for the one before may have a gap in front, so it is refused in silence.
	s := newStand(t)
	s.publish(1, 1)
	s.start(2)
	if got := s.tell(&Enqueue{Link: link, Incarnation: 1, Messages: numbered(2, 1)}); len(got) != 0 || s.slot.Ready.Load() != 1 {
		t.Errorf("answered %v", got)
	}
	if a := one[*Accepted](t, s.publish(2, 1)); a.Accepted != 2 {
		t.Errorf("accepted %+v", a)
	}
}

func TestStaleIncarnationCannotWrite(t *testing.T) {
	// DESIGN 5: a stuck actor that was replaced and wakes up fails at its first event.
	s := newStand(t)
	old, ctx := s.q, s.ctx
	s.start(2)
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, volatile.ErrStale) {
			t.Errorf("it went on: %v", err)
		}
		if s.publish(1, 1); s.slot.Ready.Load() != 1 {
			t.Errorf("%d ready", s.slot.Ready.Load())
		}
	}()
	ctx.message = &Enqueue{Link: link, Incarnation: 1, Messages: numbered(1, 1)}
	old.Receive(ctx)
}

func TestRestart(t *testing.T) {
	// Promise 1: a restart loses nothing, reorders nothing, and gives a session what it lacks before anything new.
	s := newStand(t)
	s.slot.Follow(s.sessions[1])
	s.publish(1, 8)
	s.command(1, &Consume{Consumer: 2, Prefetch: 4})
	s.command(1, &Settle{Consumer: 2, First: 2, Last: 2, Outcome: ready.Requeued}) // goes out again at once
	got := s.start(2)
	if up := one[*Up](t, got); up.Incarnation != 2 || len(got) != 1 || s.slot.Incarnation() != 2 {
		t.Fatalf("says %v", got)
	}
	if got := s.publish(9, 1); len(only[*Deliveries](got)) != 0 {
		t.Errorf("delivered before the session resumed: %v", got)
	}
	got = s.tell(&Resume{Session: 1, Received: map[uint32]uint64{2: 1}})
	if b := bodies(got, 2); !slices.Equal(b, []int{3, 4, -2}) {
		t.Errorf("delivered again: %v", b)
	}
	if first := one[*Deliveries](t, got).Parts[0]; first.Seq != 3 {
		t.Errorf("from sequence %d", first.Seq)
	}
	got = s.command(1, &Settle{Consumer: 2, First: 1, Last: 5})
	if b := bodies(got, 2); !slices.Equal(b, []int{5, 6, 7, 8}) {
		t.Errorf("then %v", b)
	}
	s.start(3)
	if got := s.tell(&Resume{Session: 1, Received: map[uint32]uint64{2: 9}}); len(only[*Deliveries](got)) != 0 {
		t.Errorf("a session that has all of it is sent %v", got)
	}
	if b := bodies(s.command(1, &Settle{Consumer: 2, First: 6, Last: 6}), 2); !slices.Equal(b, []int{9}) {
		t.Errorf("at last %v", b)
	}
}

func TestRestartWithoutASession(t *testing.T) {
	// DESIGN 5, who is gone: a recovering queue checks its consumers against the living sessions.
	s := newStand(t)
	s.publish(1, 3)
	s.command(2, &Consume{Consumer: 2, Prefetch: 2, Exclusive: true})
	delete(s.sessions, 2)
	s.start(2)
	if n := len(s.slot.Consumers()); n != 0 || s.slot.Ready.Load() != 3 || s.slot.Unacked.Load() != 0 {
		t.Errorf("%d consumers, %d ready, %d unacked", n, s.slot.Ready.Load(), s.slot.Unacked.Load())
	}
	if b := bodies(s.command(1, &Consume{Consumer: 2}), 2); !slices.Equal(b, []int{-1, -2, 3}) {
		t.Errorf("delivered %v", b)
	}
}

func TestAutoDelete(t *testing.T) {
	// Contract Q-04: with its last consumer, not before the first, and not with a get; and a restart between the end of the
	// last consumer and the word of it loses nothing.
	s := newStand(t)
	s.slot.AutoDelete = true
	unused := func(letters []letter) bool { return len(only[*Unused](letters)) > 0 }
	s.publish(1, 1)
	if unused(s.command(2, &Get{})) || unused(s.command(2, &Leave{})) || unused(s.start(2)) {
		t.Error("before the first consumer")
	}
	s.seq[2] = 0
	s.command(1, &Consume{Consumer: 2})
	s.command(2, &Consume{Consumer: 2})
	if unused(s.command(1, &Cancel{Consumer: 2})) || unused(s.start(3)) {
		t.Error("with a consumer left")
	}
	if !unused(s.command(2, &Leave{})) {
		t.Error("not with the last one")
	}
	if !unused(s.start(4)) {
		t.Error("a restart forgets")
	}
}

func TestDelete(t *testing.T) {
	// Contract P-58: if-unused, if-empty with these texts; and a queue that said that it may go takes nothing more.
	s := newStand(t)
	s.publish(1, 2)
	s.command(1, &Consume{Consumer: 2, Prefetch: 1})
	no := one[*Refused](t, s.tell(&Delete{IfUnused: true, Session: 3, Request: 8}))
	if no.Err.Code != 406 || no.Err.Text != "queue 'q' in vhost '/' in use" || no.Session != 3 || no.Request != 8 || no.Queue != s.slot {
		t.Errorf("if-unused: %+v", no)
	}
	no = one[*Refused](t, s.tell(&Delete{IfEmpty: true, Session: 3, Request: 9}))
	if no.Err.Code != 406 || no.Err.Text != "queue 'q' in vhost '/' not empty" {
		t.Errorf("if-empty: %+v", no)
	}
	s.command(1, &Purge{})
	got := s.tell(&Delete{IfEmpty: true, Session: 3, Request: 10})
	if yes := one[*Deletable](t, got); yes.Messages != 0 || yes.Session != 3 || yes.Request != 10 || got[0].to != s.vhost {
		t.Errorf("unacknowledged ones do not count: %+v", yes)
	}
	if got := s.publish(3, 1); len(got) != 0 {
		t.Errorf("published to afterwards: %v", got)
	}
	if got := s.command(1, &Settle{Consumer: 2, First: 1, Last: 1, Outcome: ready.Requeued}); len(got) != 0 {
		t.Errorf("commanded afterwards: %v", got)
	}
	if got := s.tell(&Delete{Session: 4, Request: 1}); len(got) != 0 {
		t.Errorf("asked again: %v", got)
	}
}

func TestTerminate(t *testing.T) {
	// DESIGN 5: a deleted queue takes its stream and its bytes along, one that crashes keeps both.
	s := newStand(t)
	s.publish(1, 3)
	s.q.Terminate(s.ctx, supervision.Gone)
	if s.streams.Len() != 1 || s.resident == 0 {
		t.Error("a crash takes the stream along")
	}
	s.slot.Bury(nil)
	s.q.Terminate(s.ctx, supervision.Gone)
	if s.streams.Len() != 0 || s.resident != 0 {
		t.Errorf("%d streams, %d bytes", s.streams.Len(), s.resident)
	}
}

func TestMessagesThatStayOwnTheirBytes(t *testing.T) {
	// DESIGN 4, bytes: what stays in a queue is copied out of the read buffer; what leaves in the same turn is not.
	buffer := []byte("first")
	arrive := func(s *stand, seq uint64) []letter {
		m := protocol.Message{Seq: seq, Body: buffer, RoutingKey: unsafe.String(&buffer[0], len(buffer))}
		return s.tell(&Enqueue{Link: link, Incarnation: 1, Messages: []protocol.Message{m}})
	}
	sent := func(letters []letter) *protocol.Message { return &one[*Deliveries](t, letters).Parts[0].Messages[0] }

	s := newStand(t)
	arrive(s, 1)
	copy(buffer, "other")
	if m := sent(s.command(1, &Consume{Consumer: 2, NoAck: true})); string(m.Body) != "first" || m.RoutingKey != "first" {
		t.Errorf("what waited says %q", m.Body)
	}
	if m := sent(arrive(s, 2)); &m.Body[0] != &buffer[0] {
		t.Error("what passes was copied")
	}
	s.q.windows[ready.Key{Session: 1, Consumer: 2}].bytes = windowBytes - 1 // one goes out, the next one stays
	arrive(s, 3)
	arrive(s, 4)
	s.tell(&Credit{Key: ready.Key{Session: 1, Consumer: 2}, Written: 3})
	copy(buffer, "third")
	s.start(2)
	for _, p := range one[*Deliveries](t, s.tell(&Resume{Session: 1, Received: map[uint32]uint64{2: 2}})).Parts {
		for _, m := range p.Messages {
			if string(m.Body) != "other" {
				t.Errorf("beyond the window: %q", m.Body)
			}
		}
	}
}

func TestDrainedQueueHoldsNothing(t *testing.T) {
	// Promise 2: the ledger is right, and neither the state nor the stream keeps what was settled.
	s := newStand(t)
	s.command(1, &Consume{Consumer: 2, NoAck: true})
	for i := range uint64(50) {
		s.publish(1+3*i, 3)
		if s.resident != s.q.state.Resident() || s.resident == 0 {
			t.Fatalf("the ledger says %d, it is %d", s.resident, s.q.state.Resident())
		}
		s.tell(&Credit{Key: ready.Key{Session: 1, Consumer: 2}, Written: 3 + 3*i})
		if s.resident != 0 || s.slot.Bytes.Load() != 0 {
			t.Fatalf("the ledger says %d after all of them", s.resident)
		}
		s.q.stream.View(func(_ *ready.State, tail []ready.Event) {
			for _, e := range tail {
				if _, holds := e.(*ready.Enqueued); holds {
					t.Fatal("the stream holds messages")
				}
			}
		})
	}
}

func TestLinksAreSwept(t *testing.T) {
	// Promise 2: links of sessions that are over do not pile up; and a late copy on one of them is no new message.
	s := newStand(t)
	for id := uint64(100); id < 5000; id++ {
		s.sessions[id] = &actor.PID{Id: "session"}
		batch := &Enqueue{Link: ready.Link{Session: id, Exchange: 7}, Incarnation: 1, Messages: numbered(1, 1)}
		s.tell(batch)
		delete(s.sessions, id)
		if n := s.q.state.Links(); n > 2*sweepFrom {
			t.Fatalf("%d links", n)
		}
	}
	for id := uint64(100); id < 5000; id++ {
		s.tell(&Enqueue{Link: ready.Link{Session: id, Exchange: 7}, Incarnation: 1, Messages: numbered(1, 1)})
	}
	if got := s.slot.Ready.Load(); got != 4900 {
		t.Errorf("%d messages of 4900", got)
	}
}
