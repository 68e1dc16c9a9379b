package queue

import (
	"errors"
	"slices"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/queue/ready"
	"warren/persistence"
	"warren/persistence/cold"
	"warren/protocol"
)

// pagingStand is a durable queue with 1 000 bytes of memory, and a journal that keeps what it is told.
type pagingStand struct {
	*stand
	records map[uint64]persistence.Record
	spooled map[uint64]persistence.Record
	fetches []*persistence.Fetch
	seq     uint64
	next    int

	transient, mixed bool // what fill publishes
	limit            int
	cold             *cold.Store
	sizes            ready.Sizes
}

var persistent = (&protocol.Properties{DeliveryMode: protocol.DeliveryPersistent}).Append(nil)

func newPagingStand(t *testing.T) *pagingStand {
	s := &pagingStand{stand: newStand(t), records: map[uint64]persistence.Record{}, spooled: map[uint64]persistence.Record{}, limit: 1000}
	s.slot.Stored = "queue/q"
	s.begin(2)
	return s
}

func (s *pagingStand) begin(incarnation uint64) {
	s.streams.Drop(streamName(s.slot)) // the queue that the stand begins with was not durable
	s.goOn(incarnation)
}

// goOn is begin behind a crash.
func (s *pagingStand) goOn(incarnation uint64) {
	log := persistence.NewLog(s.vhost, nil, "", persistence.Options{})
	s.q = New(Options{
		Slot: s.slot,
		Node: &Node{VHost: s.vhost, Streams: s.streams, Sessions: s, Ledger: s, Journal: log, Cold: s.cold, Sizes: s.sizes, Resident: s.limit, Log: zerolog.Nop()},
	}, incarnation)
	s.ctx = &turn{self: s.slot.PID()}
	s.tell(&actor.Started{})
}

// tell also plays the journal: what is appended is durable at once, what is fetched waits for answer.
func (s *pagingStand) tell(message any) []letter {
	sent := s.stand.tell(message)
	for _, l := range sent {
		switch m := l.message.(type) {
		case *persistence.Append:
			upto := uint64(0)
			for _, r := range m.Records {
				s.of(m.Stream)[r.Index], upto = r, r.Index
			}
			sent = append(sent, s.tell(&persistence.Durable{Stream: m.Stream, Upto: upto})...)
		case *persistence.Fetch:
			s.fetches = append(s.fetches, m)
		}
	}
	return sent
}

// of are the records of a stream, durable or spool.
func (s *pagingStand) of(stream string) map[uint64]persistence.Record {
	if stream == s.slot.Stored && stream != "" {
		return s.records
	}
	return s.spooled
}

func (s *pagingStand) answer() (sent []letter) {
	for len(s.fetches) > 0 {
		f := s.fetches[0]
		s.fetches = s.fetches[1:]
		out := &persistence.Fetched{Stream: f.Stream, Tag: f.Tag}
		for _, index := range f.Records {
			if r, there := s.of(f.Stream)[index]; there {
				out.Records = append(out.Records, r)
			} else {
				out.Lost = append(out.Lost, index)
			}
		}
		sent = append(sent, s.tell(out)...)
	}
	return sent
}

// fill publishes batches of two persistent messages.
func (s *pagingStand) fill(batches int) {
	for range batches {
		m := make([]protocol.Message, 2)
		for i := range m {
			s.seq++
			s.next++
			m[i] = protocol.Message{Seq: s.seq, Properties: []byte{0, 0}, Body: []byte{byte(s.next)}}
			if !s.transient && (!s.mixed || i == 0) {
				m[i].Flags, m[i].Properties = protocol.FlagPersistent, persistent
			}
		}
		s.tell(&Enqueue{Link: link, Incarnation: s.slot.Incarnation(), Exchange: "x", Messages: m})
	}
}

func (s *pagingStand) command(session uint64, ops ...Op) []letter {
	first := s.stand.seq[session] + 1
	s.stand.seq[session] += uint64(len(ops))
	return s.tell(&Commands{Session: session, First: first, Ops: ops})
}

// Promise 2 and contract D-08: what waits for long is on disk alone, is delivered in its order, once, and is in the ledger only
// while it is in memory.
func TestPagedQueueKeepsItsOrder(t *testing.T) {
	t.Run("stored", func(t *testing.T) { keepsItsOrder(t, newPagingStand(t)) })
	t.Run("transient", func(t *testing.T) {
		s := newPagingStand(t)
		s.slot.Stored, s.transient, s.limit = "", true, 1000/spoolLater
		s.begin(3)
		keepsItsOrder(t, s)
	})
	t.Run("of both kinds", func(t *testing.T) {
		s := newPagingStand(t)
		s.mixed, s.limit = true, 1000/spoolLater
		s.begin(3)
		keepsItsOrder(t, s)
	})
}

func keepsItsOrder(t *testing.T, s *pagingStand) {
	s.fill(50)
	if s.resident > 1300 || s.resident == 0 || !s.q.state.Paged() {
		t.Fatalf("%d bytes in memory", s.resident)
	}
	k := ready.Key{Session: 2, Consumer: 2}
	got := bodies(s.command(2, &Consume{Consumer: 2, Prefetch: 10}), 2)
	seq := uint64(0)
	for len(got) < 100 {
		more := bodies(s.answer(), 2)
		if n := uint64(len(got)); n > seq {
			more = append(more, bodies(s.tell(&Credit{Key: k, Written: n}), 2)...)
			more = append(more, bodies(s.command(2, &Settle{Consumer: 2, First: seq + 1, Last: n}), 2)...)
			seq = n
		} else if len(more) == 0 {
			t.Fatalf("it stops after %v", got)
		}
		got = append(got, more...)
		if s.resident > 2500 {
			t.Fatalf("%d bytes in memory", s.resident)
		}
	}
	if want := sequence(1, 100); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	s.command(2, &Settle{Consumer: 2, First: seq + 1, Last: 100})
	if s.resident != 0 || s.q.state.Bytes() != 0 {
		t.Errorf("%d bytes left", s.resident)
	}
}

func sequence(from, to int) (out []int) {
	for i := from; i <= to; i++ {
		out = append(out, i)
	}
	return out
}

// A get that finds its message on disk waits for it, and what the session says behind it waits, too.
func TestGetWaitsForTheDisk(t *testing.T) {
	s := newPagingStand(t)
	s.fill(20)
	got := []int{}
	for len(s.fetches) == 0 {
		got = append(got, bodies(s.command(2, &Get{NoAck: true}), GetConsumerNoAck)...)
		if s.q.waits() {
			break
		}
	}
	sent := s.command(2, &Get{NoAck: true})
	behind := s.command(2, &Inspect{})
	if n := len(bodies(sent, GetConsumerNoAck)); n > 0 || len(only[*Done](behind)) > 0 {
		t.Fatalf("%d messages, %v", n, behind)
	}
	sent = s.answer()
	got = append(got, bodies(sent, GetConsumerNoAck)...)
	if !slices.Equal(got, sequence(1, len(got))) || len(got) < 2 {
		t.Errorf("got %v", got)
	}
	done := only[*Done](sent)
	if len(done) != 2 || len(done[1].Replies) != 1 || done[1].Replies[0].Messages != uint64(40-len(got)) {
		t.Errorf("then %v", done)
	}
}

// What a consumer has and its client was sent may be on disk alone, and comes back when it is requeued.
func TestUnackedIsPaged(t *testing.T) {
	s := newPagingStand(t)
	s.command(2, &Consume{Consumer: 2})
	s.fill(50)
	s.tell(&Credit{Key: ready.Key{Session: 2, Consumer: 2}, Written: 100})
	s.fill(10)
	if s.resident > 2500 {
		t.Fatalf("%d bytes in memory", s.resident)
	}
	s.command(3, &Consume{Consumer: 2})
	sent := s.tell(&Commands{Session: 2, First: s.stand.seq[2] + 1, Ops: []Op{&Leave{}}})
	got := bodies(sent, 2)
	for range 100 {
		if more := s.answer(); len(more) == 0 {
			break
		} else {
			got = append(got, bodies(more, 2)...)
		}
	}
	want := []int{}
	for i := 1; i <= 120; i++ {
		want = append(want, -i)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// Damage costs the batch that it hits and nothing else.
func TestDamagedBatchIsDropped(t *testing.T) {
	s := newPagingStand(t)
	s.fill(50)
	waiting := s.q.state.Ready()
	delete(s.records, 30)
	got := bodies(s.command(2, &Consume{Consumer: 2, NoAck: true}), 2)
	for len(s.fetches) > 0 {
		got = append(got, bodies(s.answer(), 2)...)
		s.tell(&Credit{Key: ready.Key{Session: 2, Consumer: 2}, Written: uint64(len(got))})
	}
	if want := slices.Concat(sequence(1, 58), sequence(61, 100)); !slices.Equal(got, want) || waiting != 100 {
		t.Errorf("got %v", got)
	}
	if s.q.state.Ready() != 0 || s.q.state.Bytes() != 0 {
		t.Errorf("%d left, %d bytes", s.q.state.Ready(), s.q.state.Bytes())
	}
}

// A disk that fails is not taken for damage: the queue crashes, and its supervisor decides.
func TestFailingDiskDropsNothing(t *testing.T) {
	s := newPagingStand(t)
	s.fill(50)
	s.command(2, &Consume{Consumer: 2})
	if len(s.fetches) != 1 {
		t.Fatalf("%d fetches", len(s.fetches))
	}
	defer func() {
		if recover() == nil || s.q.state.Ready()+s.q.state.Unacked() != 100 {
			t.Errorf("no panic, or %d left", s.q.state.Ready())
		}
	}()
	s.tell(&persistence.Fetched{Tag: s.fetches[0].Tag, Err: errors.New("input/output error")})
}

// A session that has had everything of a cancelled consumer forgets it, and is not sent anything again: it may be on disk alone.
func TestCancelledConsumerIsNotSentAgain(t *testing.T) {
	s := newPagingStand(t)
	s.command(2, &Consume{Consumer: 2})
	s.fill(50)
	s.tell(&Credit{Key: ready.Key{Session: 2, Consumer: 2}, Written: 100})
	s.fill(10)
	s.command(2, &Cancel{Consumer: 2})
	if got := bodies(s.tell(&Resume{Session: 2, Received: map[uint32]uint64{2: 118}}), 2); !slices.Equal(got, []int{119, 120}) {
		t.Errorf("got %v", got)
	}
	if got := bodies(s.tell(&Resume{Session: 2, Received: map[uint32]uint64{}}), 2); len(got) > 0 || !s.q.state.Paged() {
		t.Errorf("got %v", got)
	}
}

// One message may be larger than all that a queue keeps in memory: it is accepted, and nothing waits for it to leave.
func TestLargeMessageIsAccepted(t *testing.T) {
	s := newPagingStand(t)
	m := protocol.Message{Seq: 1, Properties: []byte{0, 0}, Body: make([]byte, 100_000)}
	sent := s.tell(&Enqueue{Link: link, Incarnation: s.slot.Incarnation(), Messages: []protocol.Message{m}})
	if a := only[*Accepted](sent); len(a) != 1 || a[0].Accepted != 1 {
		t.Errorf("%v", sent)
	}
}

// while memory is short a queue of which nobody takes anything keeps nothing in memory, however little that is, and does not
// fetch it again; whoever comes for it finds it.
func TestNothingStaysWhileMemoryIsShort(t *testing.T) {
	for _, what := range []string{"stored", "transient"} {
		t.Run(what, func(t *testing.T) {
			s := newPagingStand(t)
			if what == "transient" {
				s.slot.Stored, s.transient = "", true
			}
			s.limit = 1 << 20
			s.begin(3)
			short := false
			s.q.Short = func() bool { return short }
			s.q.Pressed = s.q.Short
			s.command(2, &Consume{Consumer: 2, Prefetch: 1}) // which has had its one
			s.fill(10)
			held := s.resident
			short = true
			s.tell(&Credit{Key: ready.Key{Session: 2, Consumer: 2}, Written: 1}) // somebody takes it
			if s.resident != held {
				t.Fatalf("%d bytes of %d are left of one that is used", s.resident, held)
			}
			s.tell(&LetGo{})
			for range 5 {
				s.answer()
			}
			if s.resident > held/10 || len(s.fetches) > 0 {
				t.Fatalf("%d bytes of %d are left", s.resident, held)
			}
			var got []int
			for n := uint64(1); n <= 19; n++ {
				more := s.command(2, &Settle{Consumer: 2, First: n, Last: n})
				more = append(more, s.tell(&Credit{Key: ready.Key{Session: 2, Consumer: 2}, Written: n})...)
				more = append(more, s.answer()...)
				for _, b := range bodies(more, 2) {
					got = append(got, int(b))
				}
			}
			if len(got) != 19 || got[0] != 2 || got[18] != 20 {
				t.Fatalf("got %v", got)
			}
		})
	}
}

// so does a get, also one that comes when everything is on disk, and one that was put off before: no other turn may follow.
func TestGetIsAnsweredWhileMemoryIsShort(t *testing.T) {
	for _, what := range []string{"stored", "transient"} {
		t.Run(what, func(t *testing.T) {
			s := newPagingStand(t)
			if what == "transient" {
				s.slot.Stored, s.transient = "", true
			}
			s.limit = 1 << 20
			s.begin(3)
			s.q.Short = func() bool { return true }
			s.q.Pressed = s.q.Short
			s.fill(3)
			s.tell(&LetGo{})
			for want := 1; want <= 6; want++ {
				sent := append(s.command(2, &Get{NoAck: true}), s.answer()...)
				if got := bodies(sent, GetConsumerNoAck); !slices.Equal(got, []int{want}) {
					t.Fatalf("get %d brought %v", want, got)
				}
				s.tell(&LetGo{})
			}
		})
	}
}

// while memory is pressed a publisher hears that its messages are accepted when they are on disk, however few they are, and what
// consumers settle does not keep it waiting.
func TestAcceptedWhenOnDiskWhileMemoryIsPressed(t *testing.T) {
	s := newPagingStand(t)
	pressed := false
	s.q.Pressed = func() bool { return pressed }
	publish := func(seq uint64) int {
		m := protocol.Message{Seq: seq, Properties: persistent, Flags: protocol.FlagPersistent, Body: []byte{1}}
		return len(only[*Accepted](s.stand.tell(&Enqueue{Link: link, Incarnation: s.slot.Incarnation(), Exchange: "x", Messages: []protocol.Message{m}})))
	}
	if n := publish(1); n == 0 {
		t.Error("not accepted at once")
	}
	pressed = true
	if n := publish(2); n != 0 {
		t.Error("accepted before it is on disk")
	}
	got := only[*Accepted](s.stand.tell(&persistence.Durable{Stream: s.slot.Stored, Upto: 2}))
	if len(got) == 0 || got[len(got)-1].Accepted != 2 || got[len(got)-1].Confirmed != 2 {
		t.Errorf("on disk it says %+v", got)
	}
}

// DESIGN section 7: what consumers took before it was written is still to be written, and held in memory for that.
func TestPublishersThatOutrunTheDiskAreSlowedThoughConsumersKeepUp(t *testing.T) {
	s := newPagingStand(t)
	s.command(2, &Consume{Consumer: 2, NoAck: true})
	k, seq := ready.Key{Session: 2, Consumer: 2}, uint64(0)
	publish := func() bool {
		seq++
		m := protocol.Message{Seq: seq, Properties: persistent, Flags: protocol.FlagPersistent, Body: make([]byte, 900)}
		sent := s.stand.tell(&Enqueue{Link: link, Incarnation: s.slot.Incarnation(), Exchange: "x", Messages: []protocol.Message{m}})
		s.stand.tell(&Credit{Key: k, Written: seq})
		return len(only[*Accepted](sent)) > 0
	}
	for range overfull {
		if !publish() {
			t.Fatal("slowed too soon")
		}
	}
	if first, second := publish(), publish(); first || second {
		t.Error("not slowed, though the disk is behind")
	}
	if s.resident < 4000 || s.q.state.Ready() > 0 {
		t.Errorf("%d bytes are in the ledger, with %d waiting", s.resident, s.q.state.Ready())
	}
	got := only[*Accepted](s.stand.tell(&persistence.Durable{Stream: s.slot.Stored, Upto: s.q.journaled}))
	if len(got) == 0 || got[len(got)-1].Accepted != seq || s.resident > 0 {
		t.Errorf("on disk it says %+v, with %d in the ledger", got, s.resident)
	}
}
