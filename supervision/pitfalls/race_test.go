//go:build pitfalls_race

package pitfalls

// These are expected to be REPORTED by the race detector, so they are not part of the normal run:
//
//	go test -race -tags pitfalls_race -run TestRace ./supervision/pitfalls
//
// When one passes, the race is gone. Being races, they need their time and luck; the sleeps are the spacing of the events.

import (
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// asynkron/protoactor-go issue 1139
func TestRace_ReceiveTimeout(*testing.T) {
	s := quietSystem()
	p := s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message().(type) {
		case *actor.Started, *actor.ReceiveTimeout:
			c.SetReceiveTimeout(time.Millisecond)
		}
	}))
	for i := range 3000 {
		s.Root.Send(p, i)
		time.Sleep(time.Duration(900+i%300) * time.Microsecond)
	}
}

// asynkron/protoactor-go issue 1145: about one run in three.
func TestRace_Future(*testing.T) {
	s := quietSystem()
	p := s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		if _, ok := c.Message().(int); ok {
			c.Respond("x")
		}
	}))
	for i := range 3000 {
		_, _ = s.Root.RequestFuture(p, i, 50*time.Microsecond).Result()
	}
}

// Many goroutines share one *PID and with it its cached process. Suspected, but not reported so far: the cache is atomic.
func TestRace_PIDCache(*testing.T) {
	s := quietSystem()
	p := s.Root.Spawn(actor.PropsFromFunc(func(actor.Context) {}))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 10_000 {
				s.Root.Send(p, i)
				if i == 5_000 {
					s.Root.Stop(p)
				}
			}
		})
	}
	wg.Wait()
}
