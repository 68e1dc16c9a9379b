package ready

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"warren/protocol"
)

const sharedBytes = 1000

// account is a ledger.
type account struct{ bytes atomic.Int64 }

func (a *account) Resident(delta int) { a.bytes.Add(int64(delta)) }

// what several queues hold counts once: from the first that has it to the last, in whatever order and at whatever moment they let
// go of it.
func TestCommonCountsOnce(t *testing.T) {
	const queues, rounds = 50, 20
	ledger := &account{}
	for range rounds {
		shared := NewCommon(1, sharedBytes, ledger)
		var all sync.WaitGroup
		keeper := New()
		keeper.Hold()
		enter := func(s *State) {
			s.Apply(&Enqueued{Content: Content{Messages: []protocol.Message{{Seq: 1, Body: make([]byte, 10)}}, Common: shared}})
		}
		enter(keeper)
		for range queues {
			all.Go(func() {
				s := New()
				s.Hold()
				enter(s)
				if s.Own() != 0 || s.Resident() == 0 {
					t.Errorf("own %d, resident %d", s.Own(), s.Resident())
				}
				if n := ledger.bytes.Load(); n != sharedBytes {
					t.Errorf("the account has %d", n)
				}
				s.Apply(&Purged{})
				if s.Resident() != 0 {
					t.Errorf("resident %d", s.Resident())
				}
			})
		}
		all.Wait()
		if n := ledger.bytes.Load(); n != sharedBytes {
			t.Fatalf("the account has %d while one holds it", n)
		}
		keeper.LetGo()
		if n := ledger.bytes.Load(); n != 0 {
			t.Fatalf("the account has %d when nobody does", n)
		}
		runtime.KeepAlive(shared)
	}
}

// Promise: a queue that crashes takes its word along that it holds nothing any more. What it held is in the account until nobody can
// have it any more, and no longer.
func TestCommonIsFoundByTheCollector(t *testing.T) {
	ledger := &account{}
	func() {
		s := New()
		s.Hold()
		s.Apply(&Enqueued{Content: Content{Messages: []protocol.Message{{Seq: 1, Body: make([]byte, 10)}}, Common: NewCommon(1, sharedBytes, ledger)}})
		next := s.Clone()
		next.Hold()
		next.Apply(&Purged{})
		if n := ledger.bytes.Load(); n != sharedBytes {
			t.Fatalf("the account has %d", n)
		}
	}()
	for limit := time.Now().Add(10 * time.Second); ledger.bytes.Load() != 0; runtime.GC() {
		if time.Now().After(limit) {
			t.Fatalf("the account still has %d", ledger.bytes.Load())
		}
		runtime.Gosched()
	}
}
