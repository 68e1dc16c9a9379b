// Package benchmarks holds what the budgets in DESIGN section 8 are measured with: the cost of actors here, scenarios and
// recorded results beside it.
package benchmarks

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/supervision"
)

// Run with
//
//	go test -run xxx -bench Actor -benchmem ./benchmarks
//
// "stock" is Proto.Actor's own mailbox and dispatcher, "ours" is what every supervised actor runs with.
// The budget: 100 ns per message under load, 350 ns per wake, 10 ns per AMQP message at 64 a batch.

// start makes an actor of f at a path of its own, with the mailbox and dispatcher of the case.
type start func(b *testing.B, s *supervision.System, id string, f actor.ReceiveFunc) *actor.PID

var flavours = []struct {
	name  string
	start start
}{
	{"ours", supervised},
	{"stock", func(_ *testing.B, s *supervision.System, _ string, f actor.ReceiveFunc) *actor.PID {
		return s.Actors().Root.Spawn(actor.PropsFromFunc(f))
	}},
}

func supervised(b *testing.B, s *supervision.System, id string, f actor.ReceiveFunc) *actor.PID {
	done := make(chan error, 1)
	s.Send(s.PID("bench"), &supervision.StartChild{
		Spec: supervision.ChildSpec{ID: id, New: func(uint64) actor.Actor { return f }},
		Done: func(_ *actor.PID, err error) { done <- err }})
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	return s.PID("bench/" + id)
}

func boot(b *testing.B) *supervision.System {
	s := supervision.NewSystem(zerolog.Nop())
	if err := s.Start("bench", supervision.Spec{Limit: supervision.Limit{Restarts: 1 << 30, Within: time.Nanosecond}}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Stop() })
	return s
}

// work is one message through the mailbox: a batch, as on the broker's message path.
type work struct{ messages []uint64 }

// BenchmarkActorHopSaturated: one sender, one receiver that always has something to do, and credit between them.
func BenchmarkActorHopSaturated(b *testing.B) {
	for _, f := range flavours {
		b.Run(f.name, func(b *testing.B) {
			s := boot(b)
			const grant = 128 // messages; two are outstanding
			credit, done := make(chan struct{}, 3), make(chan struct{})
			n := 0
			p := f.start(b, s, "sink", func(ctx actor.Context) {
				if _, ok := ctx.Message().(*work); !ok {
					return
				}
				if n++; n%grant == 0 {
					credit <- struct{}{}
				}
				if n == b.N {
					close(done)
				}
			})
			credit <- struct{}{}
			credit <- struct{}{}
			m := &work{}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if i%grant == 0 {
					<-credit
				}
				s.Send(p, m)
			}
			<-done
		})
	}
}

// BenchmarkActorHopIdle: two actors play ping-pong, so every message wakes an idle actor. ns/op is one hop.
func BenchmarkActorHopIdle(b *testing.B) {
	for _, f := range flavours {
		b.Run(f.name, func(b *testing.B) {
			s := boot(b)
			done := make(chan struct{})
			n := 0
			var ping, pong *actor.PID
			ready := make(chan struct{})
			m := &work{}
			pong = f.start(b, s, "pong", func(ctx actor.Context) {
				if m, ok := ctx.Message().(*work); ok {
					<-ready
					ctx.Send(ping, m)
				}
			})
			ping = f.start(b, s, "ping", func(ctx actor.Context) {
				if m, ok := ctx.Message().(*work); ok {
					if n += 2; n >= b.N {
						close(done)
						return
					}
					ctx.Send(pong, m)
				}
			})
			close(ready)
			b.ReportAllocs()
			b.ResetTimer()
			s.Send(pong, m)
			<-done
		})
	}
}

// BenchmarkActorBatch: the cost of the hop per AMQP message, by the messages in a batch.
func BenchmarkActorBatch(b *testing.B) {
	for _, size := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := boot(b)
			done := make(chan struct{})
			n := 0
			var sum uint64
			p := supervised(b, s, "sink", func(ctx actor.Context) {
				if m, ok := ctx.Message().(*work); ok {
					for _, x := range m.messages {
						sum += x
					}
					if n += len(m.messages); n >= b.N {
						close(done)
					}
				}
			})
			m := &work{messages: make([]uint64, size)}
			b.ReportAllocs()
			b.ResetTimer()
			for i := 0; i < b.N; i += size {
				s.Send(p, m)
			}
			<-done
		})
	}
}

// BenchmarkActorCrashAndRestart: a panic, its stack, the decision, the stop, the next incarnation, its acknowledgement.
func BenchmarkActorCrashAndRestart(b *testing.B) {
	s := boot(b)
	started := make(chan struct{}, 1)
	p := supervised(b, s, "victim", func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case *actor.Started:
			started <- struct{}{}
		case *work:
			panic("bench")
		}
	})
	<-started
	m := &work{}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		s.Send(p, m)
		<-started
	}
}

// BenchmarkActorStart: dynamic children of one supervisor, acknowledged, and stopped in parallel (not timed).
func BenchmarkActorStart(b *testing.B) {
	s := boot(b)
	var failed atomic.Int32
	left := make(chan struct{})
	n := 0
	sup := s.PID("bench")
	idle := func(uint64) actor.Actor { return actor.ReceiveFunc(func(actor.Context) {}) }
	done := func(_ *actor.PID, err error) { // in the supervisor's turn
		if err != nil {
			failed.Add(1)
		}
		if n++; n == b.N {
			close(left)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		s.Send(sup, &supervision.StartChild{Spec: supervision.ChildSpec{ID: fmt.Sprint(i), New: idle}, Done: done})
	}
	<-left
	if failed.Load() > 0 {
		b.Fatal(failed.Load(), "starts failed")
	}
}

// BenchmarkActorMemory: heap and stack per idle supervised actor that has handled a message, and of an idle system.
func BenchmarkActorMemory(b *testing.B) {
	const actors = 10_000
	for range b.N {
		before := inUse()
		s := boot(b)
		b.ReportMetric(float64(inUse()-before)/1024, "KiB/system")
		var handled atomic.Int32
		started := make(chan error, actors)
		for i := range actors {
			s.Send(s.PID("bench"), &supervision.StartChild{
				Spec: supervision.ChildSpec{ID: fmt.Sprint(i), Kind: "queue", New: func(uint64) actor.Actor {
					return actor.ReceiveFunc(func(ctx actor.Context) {
						if _, ok := ctx.Message().(*work); ok {
							handled.Add(1)
						}
					})
				}},
				Done: func(_ *actor.PID, err error) { started <- err }})
		}
		for range actors {
			if err := <-started; err != nil {
				b.Fatal(err)
			}
		}
		for i := range actors {
			s.Send(s.PID(fmt.Sprint("bench/", i)), &work{})
		}
		for handled.Load() < actors {
			runtime.Gosched()
		}
		b.ReportMetric(float64(inUse()-before)/actors, "B/actor")
		runtime.KeepAlive(s)
	}
}

func inUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}
