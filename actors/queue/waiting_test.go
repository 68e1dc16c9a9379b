package queue

import (
	"slices"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/actors/queue/settings"
	"warren/persistence"
)

// Each of these waited once for a turn of the queue that nothing brought about.

// Contract Q-09: who is at the head behind one that left is seen to as well, whyever that left, and though nothing else happens.
func TestNextHeadExpiresByItself(t *testing.T) {
	for _, c := range []struct {
		what string
		set  settings.Settings
		then func(*timedStand)
	}{
		{"Q-15 one that was too much", settings.Settings{MaxLength: ms(uint64(1)), Overflow: settings.DropHead}, func(s *timedStand) { s.put(2, 0, "100") }},
		{"P-41 one that was delivered", settings.Settings{}, func(s *timedStand) {
			s.put(2, 0, "100")
			s.command(3, &Consume{Consumer: 2, Prefetch: 1})
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newTimedStand(t, c.set)
			s.put(1, 0, "")
			c.then(s)
			if s.q.armed != s.at.UnixMilli()+100 {
				t.Fatalf("it looks at %d, and it is %d", s.q.armed, s.at.UnixMilli())
			}
			s.later(100 * time.Millisecond)
			if n := s.q.state.Ready(); n != 0 {
				t.Errorf("%d wait", n)
			}
		})
	}
}

// Answers to a session are cumulative: while one waits for the disk, none overtakes it.
func TestNoAnswerOvertakes(t *testing.T) {
	s := newPagingStand(t)
	s.command(2, &Consume{Consumer: 2, Prefetch: 1})
	s.fill(1)
	say := func(ops ...Op) []*Done {
		first := s.stand.seq[2] + 1
		s.stand.seq[2] += uint64(len(ops))
		return only[*Done](s.stand.tell(&Commands{Session: 2, First: first, Ops: ops}))
	}
	if got := append(say(&Purge{}), say(&Inspect{})...); len(got) > 0 {
		t.Fatalf("answered %v before it is on disk", got[0])
	}
	done := only[*Done](s.stand.tell(&persistence.Durable{Stream: s.slot.Stored, Upto: s.q.journaled}))
	if len(done) != 2 || len(done[0].Replies) != 1 || done[0].Replies[0].Messages != 1 || done[1].Upto != 3 {
		t.Errorf("then it says %v", done)
	}
}

// Neither does one when the disk is full by then, and the journal's word of that ends all waiting.
func TestNoAnswerOvertakesWhenTheDiskIsFull(t *testing.T) {
	s := newPagingStand(t)
	s.command(2, &Consume{Consumer: 2, Prefetch: 1})
	s.fill(1)
	say := func(ops ...Op) []*Done {
		first := s.stand.seq[2] + 1
		s.stand.seq[2] += uint64(len(ops))
		return only[*Done](s.stand.tell(&Commands{Session: 2, First: first, Ops: ops}))
	}
	got := say(&Purge{})
	s.q.Journal.Failing.Store(true)
	got = append(got, say(&Inspect{})...)
	if len(got) > 0 {
		t.Fatalf("it says %v", got[0])
	}
	got = append(got, only[*Done](s.stand.tell(&persistence.Stalled{}))...)
	got = append(got, only[*Done](s.stand.tell(&persistence.Durable{Stream: s.slot.Stored, Upto: s.q.journaled}))...)
	if len(got) != 2 || len(got[0].Replies) != 1 || got[0].Replies[0].Messages != 1 || got[1].Upto != 3 {
		t.Errorf("it says %v", got)
	}
}

// Contract P-42: a get that waits for the disk is answered when what it waits for is purged.
func TestGetIsAnsweredBehindPurge(t *testing.T) {
	s := newPagingStand(t)
	s.q.Short = func() bool { return true }
	s.q.Pressed = s.q.Short
	s.fill(20)
	s.tell(&LetGo{})
	for session := uint64(2); session < 5; session++ { // the first two of which get what is read for them
		s.command(session, &Get{NoAck: true})
	}
	s.command(2, &Purge{})
	if len(s.fetches) == 0 {
		t.Fatal("nothing is on disk")
	}
	var empty int
	for _, d := range only[*Done](s.answer()) {
		for _, r := range d.Replies {
			if r.Empty {
				empty++
			}
		}
	}
	if empty != 1 || s.q.state.Ready() > 0 {
		t.Errorf("%d are told that it is empty, and %d wait", empty, s.q.state.Ready())
	}
}

// deadStand is a paging stand of which 40 messages are dead letters, with somebody who publishes two at a time.
func deadStand(t *testing.T) *pagingStand {
	s := newPagingStand(t)
	*s.slot.Declared = settings.Settings{DeadLetterExchange: ms("dlx"), MaxLength: ms(uint64(10)), Overflow: settings.DropHead}
	s.q.Options.DeadLetters = &actor.PID{Id: "dead"}
	s.fill(25)
	s.tell(&LetGo{})
	s.answer()
	return s
}

// Contract Q-11: a dead letter that cannot be read is not read for ever, and those behind it are published.
func TestUnreadableDeadLetter(t *testing.T) {
	s := deadStand(t)
	if len(s.q.state.Dead()) == 0 || s.q.state.OnDisk() < 20 {
		t.Fatalf("dead: %v, on disk %d", s.q.state.Dead(), s.q.state.OnDisk())
	}
	delete(s.records, s.q.state.DeadAhead(1)[0].Record)
	got := bodies(s.command(5, &Consume{Consumer: 2, Prefetch: 2, DeadLetters: true}), 2)
	for n := uint64(0); len(got) < 38; n = uint64(len(got)) {
		got = append(got, bodies(s.answer(), 2)...)
		if uint64(len(got)) == n {
			t.Fatalf("it stops behind %v", got)
		}
		got = append(got, bodies(s.command(5, &Settle{Consumer: 2, First: n + 1, Last: uint64(len(got))}), 2)...)
	}
	if len(got) != 38 || s.q.state.Dying() != uint64(len(s.q.state.Dead())) && s.q.state.Dying() > 2 {
		t.Errorf("got %v, %d are dying", got, s.q.state.Dying())
	}
}

// Contract: dead letters that wait for their publisher keep nobody from what is on disk, and are not read again and again.
func TestDeadLettersKeepNobodyWaiting(t *testing.T) {
	s := deadStand(t)
	s.command(5, &Consume{Consumer: 2, Prefetch: 2, DeadLetters: true}) // who gets two, and does not settle them
	s.q.Short = func() bool { return true }
	s.q.Pressed = s.q.Short
	for range 10 {
		if s.answer(); len(s.fetches) == 0 {
			break
		}
	}
	s.tell(&LetGo{})
	if len(s.fetches) > 0 {
		t.Fatal("they are read though nobody takes them")
	}
	sent := append(s.command(2, &Get{NoAck: true}), s.answer()...)
	if got := bodies(sent, GetConsumerNoAck); !slices.Equal(got, []int{41}) {
		t.Errorf("the get brought %v", got)
	}
}

// Contract A-15: what a client has got and not settled leaves memory, and keeps nothing else in it, also when it came of a get or of a
// consumer that is cancelled.
func TestUnsettledKeepsNothingInMemory(t *testing.T) {
	for _, what := range []string{"got", "of a cancelled consumer", "of a cancelled consumer, behind a restart"} {
		t.Run(what, func(t *testing.T) {
			s := newPagingStand(t)
			s.q.Short = func() bool { return true }
			s.q.Pressed = s.q.Short
			s.fill(20)
			if what == "got" {
				s.command(2, &Get{})
				s.answer()
				s.tell(&Credit{Key: ready.Key{Session: 2, Consumer: GetConsumer}, Written: 1})
			} else {
				s.command(2, &Consume{Consumer: 2, Prefetch: 1})
				s.answer()
				s.tell(&Credit{Key: ready.Key{Session: 2, Consumer: 2}, Written: 1})
				s.command(2, &Cancel{Consumer: 2})
			}
			if s.q.state.Unacked() != 1 {
				t.Fatalf("%d unsettled", s.q.state.Unacked())
			}
			s.tell(&LetGo{})
			if what == "of a cancelled consumer, behind a restart" {
				s.q = New(s.q.Options, 3)
				s.tell(&actor.Started{})
				s.tell(&Resume{Session: 2})
				s.tell(&LetGo{})
			}
			if held := s.q.state.Resident(); held > 0 {
				t.Errorf("%d bytes are held", held)
			}
		})
	}
}
