package queue

import (
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/queue/ready"
	"warren/actors/queue/settings"
	"warren/protocol"
)

// timedStand is a queue with settings, at a time of the test's own. Its timers do not fire: the test sends what they send.
type timedStand struct {
	*stand
	at  time.Time
	set settings.Settings
	pub uint64
}

func newTimedStand(t *testing.T, set settings.Settings) *timedStand {
	s := &timedStand{stand: newStand(t), at: time.UnixMilli(1_000_000), set: set}
	s.begin(2)
	return s
}

func (s *timedStand) begin(incarnation uint64) []letter {
	*s.slot.Declared = s.set
	s.q = New(Options{
		Slot: s.slot,
		Node: &Node{
			VHost: s.vhost, Streams: s.streams, Sessions: s, Ledger: s, Log: zerolog.Nop(), DeadLetters: &actor.PID{Id: "dead"},
			Now: func() time.Time { return s.at },
		},
	}, incarnation)
	s.ctx = &turn{self: s.slot.PID(), system: quiet()}
	return s.tell(&actor.Started{})
}

// quiet is a system that does not log.
func quiet() *actor.ActorSystem {
	return actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger { return slog.New(slog.DiscardHandler) }))
}

// put publishes messages, numbered on; priorities and expirations are by message, 0 and "" for none.
func (s *timedStand) put(body int, priority uint8, expiration string) []letter {
	s.pub++
	p := protocol.Properties{Priority: priority, Expiration: expiration}
	m := protocol.Message{Seq: s.pub, Body: []byte{byte(body)}, Priority: priority, Properties: p.Append(nil)}
	if expiration != "" {
		m.Flags |= protocol.FlagExpires
	}
	return s.tell(&Enqueue{Link: link, Incarnation: s.slot.Incarnation(), Exchange: "x", Messages: []protocol.Message{m}})
}

// later lets time pass, and its timers fire.
func (s *timedStand) later(d time.Duration) []letter {
	s.at = s.at.Add(d)
	return s.tell(&expireHead{s.q.armed})
}

// left are the bodies that wait.
func (s *timedStand) left() []int { return s.leftTo(9) }

func (s *timedStand) leftTo(session uint64) []int {
	defer s.command(session, &Cancel{Consumer: 7})
	return bodies(s.command(session, &Consume{Consumer: 7}), 7)
}

func ms[T any](v T) settings.Option[T] { return settings.Option[T]{Value: v, Set: true} }

// Contract: the lesser of the two times to live counts, and only at the head.
func TestMessagesExpireAtTheHead(t *testing.T) {
	s := newTimedStand(t, settings.Settings{MessageTTL: ms(100 * time.Millisecond)})
	s.put(1, 0, "")
	s.put(2, 0, "1000")
	s.put(3, 0, "10")
	s.later(50 * time.Millisecond)
	if got := s.slot.Ready.Load(); got != 3 {
		t.Errorf("%d wait; the one with a short time is behind others", got)
	}
	s.put(4, 0, "")
	s.later(50 * time.Millisecond)
	if got := s.left(); !slices.Equal(got, []int{4}) {
		t.Errorf("left are %v", got)
	}
}

// Contract Q-08: what expires at once is delivered at once or never.
func TestTTLZero(t *testing.T) {
	s := newTimedStand(t, settings.Settings{MessageTTL: ms(time.Duration(0))})
	s.put(1, 0, "")
	if sent := s.command(2, &Get{NoAck: true}); !one[*Done](t, sent).Replies[0].Empty {
		t.Error("it waited for a get")
	}
	s.command(2, &Consume{Consumer: 2})
	if got := bodies(s.put(2, 0, ""), 2); !slices.Equal(got, []int{2}) {
		t.Errorf("the consumer that was there got %v", got)
	}
}

// Contract Q-08: what is requeued expires when it would have. A restart changes nothing, and arms its own timers.
func TestRequeuedKeepsItsTime(t *testing.T) {
	s := newTimedStand(t, settings.Settings{})
	s.command(2, &Consume{Consumer: 2, Prefetch: 1})
	s.put(1, 0, "100")
	s.put(2, 0, "200")
	s.later(60 * time.Millisecond)
	s.command(2, &Cancel{Consumer: 2})
	s.command(2, &Settle{Consumer: 2, First: 1, Last: 1, Outcome: ready.Requeued})
	s.begin(3)
	if s.q.armed != 1_000_100 {
		t.Errorf("armed for %d", s.q.armed)
	}
	s.later(60 * time.Millisecond)
	if got := s.left(); !slices.Equal(got, []int{2}) {
		t.Errorf("left are %v", got)
	}
}

// Contract Q-16: the highest first, the oldest first among equals; what is above the maximum is the maximum. Bounds take the
// lowest first.
func TestPriorities(t *testing.T) {
	s := newTimedStand(t, settings.Settings{MaxPriority: 5, MaxLength: ms(uint64(4)), Overflow: settings.DropHead})
	for i, p := range []uint8{0, 3, 9, 5, 3, 0} {
		s.put(i+1, p, "")
	}
	if got := s.left(); !slices.Equal(got, []int{3, 4, 2, 5}) {
		t.Errorf("left are %v", got)
	}
}

// One batch of many priorities is one event: all of it or nothing, and confirmed in the order of its links.
func TestBatchOfPriorities(t *testing.T) {
	s := newTimedStand(t, settings.Settings{MaxPriority: 9})
	batch := numbered(1, 6)
	for i := range batch {
		batch[i].Priority = uint8(5 - i%3)
	}
	sent := s.tell(&Enqueue{Link: link, Incarnation: s.slot.Incarnation(), Messages: batch})
	if a := one[*Accepted](t, sent); a.Accepted != 6 || a.Confirmed != 6 {
		t.Errorf("%+v", a)
	}
	s.tell(&Enqueue{Link: link, Incarnation: s.slot.Incarnation(), Messages: batch}) // again
	if got := s.left(); !slices.Equal(got, []int{1, 4, 2, 5, 3, 6}) {
		t.Errorf("left are %v", got)
	}
}

// Contract Q-15: only what waits counts, and of it only the bodies.
func TestMaxLength(t *testing.T) {
	for _, set := range []settings.Settings{
		{MaxLength: ms(uint64(2)), Overflow: settings.DropHead},
		{MaxLengthBytes: ms(uint64(2)), Overflow: settings.DropHead},
		{MaxLength: ms(uint64(3)), MaxLengthBytes: ms(uint64(2)), Overflow: settings.DropHead},
	} {
		s := newTimedStand(t, set)
		s.command(2, &Consume{Consumer: 2, Prefetch: 2})
		for i := range 5 {
			s.put(i+1, 0, "")
		}
		s.command(2, &Cancel{Consumer: 2})
		if got := s.left(); !slices.Equal(got, []int{4, 5}) {
			t.Errorf("%+v: left are %v", set, got)
		}
		s.command(9, &Leave{})
		s.command(2, &Settle{Consumer: 2, First: 1, Last: 2, Outcome: ready.Requeued})
		if got := s.leftTo(8); fmt.Sprint(got) != "[-4 -5]" {
			t.Errorf("%+v: behind a requeue %v", set, got)
		}
	}
}

// Contract Q-10: a queue that nobody uses goes; consumers, gets and declarations are use.
func TestQueueExpires(t *testing.T) {
	s := newTimedStand(t, settings.Settings{Expires: ms(time.Second)})
	look := func(after time.Duration) bool {
		s.at = s.at.Add(after)
		return len(only[*Unused](s.tell(&expireQueue{s.q.incarnation, s.q.expiryRound}))) > 0
	}
	s.command(2, &Consume{Consumer: 2})
	if look(2 * time.Second) {
		t.Error("it has a consumer")
	}
	s.command(2, &Cancel{Consumer: 2})
	for _, op := range []Op{&Get{}, &Inspect{}} {
		s.at = s.at.Add(900 * time.Millisecond)
		s.command(2, op)
		if look(900 * time.Millisecond) {
			t.Errorf("%T is use", op)
		}
	}
	s.at = s.at.Add(900 * time.Millisecond)
	s.put(1, 0, "")
	for _, op := range []Op{&Consume{Consumer: 3, DeadLetters: true}, &Purge{}, &Settle{Consumer: 2}} {
		s.command(2, op)
	}
	if !look(100 * time.Millisecond) {
		t.Error("neither a publish nor a purge nor who takes dead letters is use")
	}
	s.command(3, &Consume{Consumer: 2})
	s.at = s.at.Add(5 * time.Second)
	s.tell(&Commands{Session: 3, First: 2, Ops: []Op{&Leave{}}})
	if look(900*time.Millisecond) || !look(100*time.Millisecond) {
		t.Error("it has its time from when its last consumer went, also with its channel")
	}
}

// Contract Q-11: what is rejected, has expired or is too much goes to who publishes dead letters, once and again until it is settled,
// over crashes of either side.
func TestDeadLetters(t *testing.T) {
	s := newTimedStand(t, settings.Settings{DeadLetterExchange: ms("dlx"), MaxLength: ms(uint64(1)), Overflow: settings.DropHead})
	s.command(2, &Consume{Consumer: 2, Prefetch: 1})
	s.put(1, 0, "")
	s.put(2, 0, "10")
	said := len(only[*DeadLettering](s.put(3, 0, "10")))              // 2 is too much
	said += len(only[*DeadLettering](s.later(20 * time.Millisecond))) // 3 has expired
	said += len(only[*DeadLettering](s.command(2, &Settle{Consumer: 2, First: 1, Last: 1, Outcome: ready.Discarded})))
	if said != 1 || s.slot.Ready.Load() != 0 || s.slot.Unacked.Load() != 0 {
		t.Errorf("said %d times, %d ready, %d unacked", said, s.slot.Ready.Load(), s.slot.Unacked.Load())
	}
	if n := len(only[*DeadLettering](s.begin(3))); n != 1 {
		t.Errorf("the next incarnation says it %d times", n)
	}
	dead := func(sent []letter) (out string) {
		for _, d := range only[*Deliveries](sent) {
			for _, p := range d.Parts {
				for i := range p.Messages {
					out += fmt.Sprintf("%d=%d:%s ", p.Seq+uint64(i), p.Messages[i].Body[0], p.Reason)
				}
			}
		}
		return out
	}
	const all = "1=2:maxlen 2=3:expired 3=1:rejected "
	if got := dead(s.command(5, &Consume{Consumer: 2, Prefetch: 1024, DeadLetters: true})); got != all {
		t.Errorf("dead are %s", got)
	}
	if len(s.slot.Consumers()) != 1 {
		t.Errorf("it is listed: %v", s.slot.Consumers())
	}
	s.begin(4)
	if got := dead(s.tell(&Resume{Session: 5, Received: map[uint32]uint64{2: 1}})); got != all[len("1=2:maxlen "):] {
		t.Errorf("resumed are %s", got)
	}
	s.command(5, &Settle{Consumer: 2, First: 1, Last: 2})
	s.tell(&Commands{Session: 5, First: s.seq[5] + 1, Ops: []Op{&Leave{}}})
	if got := dead(s.command(6, &Consume{Consumer: 2, DeadLetters: true})); got != "1=1:rejected " {
		t.Errorf("for the next one %s", got)
	}
	s.command(6, &Settle{Consumer: 2, First: 1, Last: 1})
	if s.q.state.Bytes() != 0 || s.resident != 0 {
		t.Errorf("%d bytes left", s.q.state.Bytes())
	}
}

// Contract Q-15: what there is no room for is refused, which the publisher hears until it is known to have heard it, over a crash of
// either side; consumers that take it at once make room.
func TestRefusedPublishes(t *testing.T) {
	s := newTimedStand(t, settings.Settings{MaxLength: ms(uint64(2)), Overflow: settings.RejectPublish})
	enqueue := func(settled uint64, seqs ...uint64) *Accepted {
		m := &Enqueue{Link: link, Incarnation: s.slot.Incarnation(), Settled: settled}
		for _, seq := range seqs {
			m.Messages = append(m.Messages, protocol.Message{Seq: seq, Body: []byte{byte(seq)}})
		}
		return one[*Accepted](t, s.tell(m))
	}
	if a := enqueue(0, 1, 2, 3, 5); a.Accepted != 5 || a.Confirmed != 5 || fmt.Sprint(a.Refused) != "[{3 1} {5 1}]" {
		t.Errorf("%+v", a)
	}
	s.begin(3)
	if a := enqueue(0, 1, 2, 3, 5, 6); a.Accepted != 6 || fmt.Sprint(a.Refused) != "[{3 1} {5 2}]" {
		t.Errorf("again: %+v", a)
	}
	s.command(2, &Get{NoAck: true})
	if a := enqueue(5, 8); a.Accepted != 8 || fmt.Sprint(a.Refused) != "[{6 1}]" {
		t.Errorf("with room: %+v", a)
	}
	if a := enqueue(8, 9); fmt.Sprint(a.Refused) != "[{9 1}]" {
		t.Errorf("full again: %+v", a)
	}
	if got := s.left(); !slices.Equal(got, []int{2, 8}) {
		t.Errorf("left are %v", got)
	}
}

// Contract Q-15: reject-publish-dlx refuses, and dead-letters what it refuses.
func TestRefusedPublishesAreDead(t *testing.T) {
	s := newTimedStand(t, settings.Settings{
		MaxLength: ms(uint64(1)), Overflow: settings.RejectPublishDLX, DeadLetterExchange: ms("dlx"), MaxPriority: 3,
	})
	s.put(1, 3, "")
	if a := one[*Accepted](t, s.put(2, 2, "")); a.Accepted != 2 || fmt.Sprint(a.Refused) != "[{2 1}]" {
		t.Errorf("%+v", a)
	}
	d := one[*Deliveries](t, s.command(5, &Consume{Consumer: 2, Prefetch: 1024, DeadLetters: true}))
	if d.Parts[0].Reason != ready.MaxLength || d.Parts[0].Messages[0].Body[0] != 2 || s.slot.Ready.Load() != 1 {
		t.Errorf("%+v, %d ready", d.Parts[0], s.slot.Ready.Load())
	}
}

// Contract X-11: what is held back goes when its time comes, in the order of the times, over crashes and in its own time.
func TestHeldMessages(t *testing.T) {
	s := newTimedStand(t, settings.Settings{Holds: ms("x")})
	hold := func(body int, delay int64) {
		s.pub++
		p := protocol.Properties{Headers: protocol.Table{"x-delay": delay}}
		m := protocol.Message{Seq: s.pub, Body: []byte{byte(body)}, Flags: protocol.FlagHeaders, Properties: p.Append(nil)}
		s.tell(&Enqueue{Link: link, Incarnation: s.slot.Incarnation(), Exchange: "x", Messages: []protocol.Message{m}})
	}
	for i, delay := range []int64{300, 100, 200, 100} {
		hold(i+1, delay)
	}
	consume := s.command(5, &Consume{Consumer: 2, Prefetch: 1024, DeadLetters: true})
	if len(bodies(consume, 2)) > 0 || s.slot.Ready.Load() != 4 {
		t.Errorf("%v, %d ready", consume, s.slot.Ready.Load())
	}
	if got := bodies(s.later(99*time.Millisecond), 2); len(got) > 0 {
		t.Errorf("too early: %v", got)
	}
	got := bodies(s.later(time.Millisecond), 2)
	s.begin(3)
	s.tell(&Resume{Session: 5, Received: map[uint32]uint64{2: 2}})
	got = append(got, bodies(s.later(200*time.Millisecond), 2)...)
	if !slices.Equal(got, []int{2, 4, 3, 1}) {
		t.Errorf("got %v", got)
	}
	s.command(5, &Settle{Consumer: 2, First: 1, Last: 4})
	if s.q.state.Bytes() != 0 || s.q.armed != 0 && s.q.state.NextDue() != 0 {
		t.Errorf("%d bytes left", s.q.state.Bytes())
	}
}
