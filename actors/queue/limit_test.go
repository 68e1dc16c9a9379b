package queue

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/rate"
)

// limited is a queue in a vhost with a limit, and what tells it that there is room.
func limited(t *testing.T, consume rate.Rates) (s *stand, r *rate.Registry, word chan any) {
	s, r, word = newStand(t), rate.NewRegistry(), make(chan any, 10)
	setConsume(r, consume)
	s.limit(r, word)
	return s, r, word
}

func setConsume(r *rate.Registry, consume rate.Rates) {
	exist := func(string) bool { return true }
	r.Set(rate.Table{
		VHosts:      map[string]rate.Both{"/": {Publish: rate.Rates{Messages: -1, Bytes: -1}, Consume: consume}},
		VHostExists: exist, UserExists: exist,
	})
}

func (s *stand) limit(r *rate.Registry, word chan any) {
	s.q.Rates, s.q.rates = r, r.VHost(s.slot.VHost)
	s.q.Send = func(_ *actor.PID, m any) { word <- m }
}

// what a limit does not allow stays ready, until the queue is told that there is room.
func TestDeliveriesWaitForTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r, word := limited(t, rate.Rates{Messages: 10, Bytes: -1})
		s.command(2, &Consume{Consumer: 2, Tag: "c", NoAck: true, User: "u"})
		out := s.publish(1, 20)
		if got := bodies(out, 2); len(got) != 2 { // the burst
			t.Fatalf("got %v", got)
		}
		began := time.Now()
		for want := 3; want <= 10; want++ {
			if got := bodies(s.tell(<-word), 2); len(got) != 1 || got[0] != want {
				t.Fatalf("got %v, not %d", got, want)
			}
		}
		if took := time.Since(began); took < 790*time.Millisecond || took > 900*time.Millisecond {
			t.Errorf("8 messages took %v", took)
		}
		r.Set(rate.Table{VHostExists: func(string) bool { return true }, UserExists: func(string) bool { return true }})
		if got := bodies(s.tell(<-word), 2); len(got) != 10 {
			t.Errorf("without a limit %v", got)
		}
	})
}

// the consumer of another user, whom nothing limits, gets what this one may not have; a queue that restarts asks again.
func TestLimitOfOneUserIsNotAnothers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, r, word := newStand(t), rate.NewRegistry(), make(chan any, 10)
		exist := func(string) bool { return true }
		none := rate.Rates{Messages: -1, Bytes: -1}
		r.Set(rate.Table{
			Users:       map[string]rate.Both{"u": {Publish: none, Consume: rate.Rates{Messages: -1, Bytes: 1}}},
			VHostExists: exist, UserExists: exist,
		})
		s.limit(r, word)
		s.command(2, &Consume{Consumer: 2, Tag: "c", NoAck: true, User: "u"})
		s.publish(1, 3)
		if s.slot.Ready.Load() != 2 {
			t.Fatalf("%d are ready", s.slot.Ready.Load())
		}
		if got := bodies(s.command(3, &Consume{Consumer: 2, Tag: "d", NoAck: true, User: "v"}), 2); len(got) != 2 {
			t.Fatalf("the other got %v", got)
		}
		s.command(3, &Cancel{Consumer: 2})
		s.publish(4, 1)
		s.start(2)
		s.limit(r, word)
		if got := bodies(s.tell(&Resume{Session: 2, Received: map[uint32]uint64{2: 1}}), 2); len(got) != 0 {
			t.Fatalf("behind a restart %v", got)
		}
		if got := bodies(s.tell(<-word), 2); len(got) != 1 || got[0] != 4 {
			t.Errorf("when there is room %v", got)
		}
	})
}
