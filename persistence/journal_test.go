package persistence

import (
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/persistence/volatile"
	"warren/supervision"
)

type none struct{}

func (none) Apply(int)   {}
func (none) Clone() none { return none{} }

func TestJournalLosesNoStreamByItsCrash(t *testing.T) {
	// DESIGN 5: streams outlive the journal's incarnations.
	j := &Journal{Streams: volatile.NewStore()}
	s := supervision.NewSystem(zerolog.Nop())
	err := s.Start("top", supervision.Spec{
		Limit: supervision.Limit{Restarts: 3},
		Children: []supervision.ChildSpec{{ID: "journal", New: func(uint64) actor.Actor {
			return &Journal{Streams: j.Streams}
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Stop() }()
	count := func() int {
		got, err := s.Actors().Root.RequestFuture(s.PID("top/journal"), &CountStreams{}, 10*time.Second).Result()
		if err != nil {
			return -1 // between two incarnations
		}
		return got.(*StreamCount).N
	}
	volatile.Open(j.Streams, "a", func() none { return none{} })
	volatile.Open(j.Streams, "b", func() none { return none{} })
	if n := count(); n != 2 {
		t.Fatalf("%d streams", n)
	}
	if err := s.Crash("top/journal", true); err != nil {
		t.Fatal(err)
	}
	for n := count(); n != 2; n = count() {
		if n >= 0 {
			t.Fatalf("%d streams after a crash", n)
		}
	}
}
