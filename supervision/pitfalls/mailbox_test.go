package pitfalls

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// P9: a full bounded mailbox whose actor is stuck makes its producer spin.
func TestP9_BoundedMailboxProducerSpins(t *testing.T) {
	s := quietSystem()
	busy, gate := make(chan struct{}), make(chan struct{})
	p := s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		if c.Message() == 0 {
			close(busy)
			<-gate
		}
	}, actor.WithMailbox(actor.Bounded(8))))
	s.Root.Send(p, 0)
	<-busy
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range 100 {
			s.Root.Send(p, i+1)
		}
	}()
	if !burns() {
		t.Fatal("behaviour changed")
	}
	close(gate)
	<-sent
}

// P9b: nobody drains the bounded mailbox of a stopped actor: its producer is stuck, spinning, for ever.
func TestP9b_BoundedMailboxOfTheDeadBlocksItsSender(t *testing.T) {
	out, _ := child(t, func() {
		s := quietSystem()
		var sent atomic.Int32
		busy, gate := make(chan struct{}), make(chan struct{})
		terminated := make(chan struct{})
		_, kid := supervised(s, actor.PropsFromFunc(func(c actor.Context) {
			if _, ok := c.Message().(int); ok {
				close(busy)
				<-gate
				panic("die")
			}
		}, actor.WithMailbox(actor.Bounded(8))), always(actor.StopDirective), func() { close(terminated) })
		s.Root.Send(kid, 0)
		<-busy
		go func() {
			for i := range 99 {
				s.Root.Send(kid, i)
				sent.Add(1)
			}
		}()
		for sent.Load() < 8 {
			runtime.Gosched()
		}
		close(gate)
		<-terminated
		time.Sleep(100 * time.Millisecond) // it would have to move now
		fmt.Printf("stuck=%v", sent.Load() < 99)
	})
	if !strings.Contains(out, "stuck=true") {
		t.Fatalf("behaviour changed: %s", out)
	}
}

type batch []any

func (b batch) GetMessages() []any { return b }

// P12: a MessageBatch is unpacked into its messages and delivered itself as well.
func TestP12_MessageBatchDeliversItselfToo(t *testing.T) {
	s := quietSystem()
	d := &diary{}
	p := s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch m := c.Message().(type) {
		case int:
			d.add("%d", m)
		case batch:
			d.add("batch")
		}
	}))
	s.Root.Send(p, batch{1, 2, 3})
	d.becomes(t, "1 2 3 batch")
}

// P13: runtime.Goexit in a turn (t.FailNow, require.*) wedges the mailbox for ever.
func TestP13_GoexitWedgesTheActor(t *testing.T) {
	s := quietSystem()
	var handled atomic.Bool
	exiting := make(chan struct{})
	p := s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message().(type) {
		case int:
			close(exiting)
			runtime.Goexit()
		case string:
			handled.Store(true)
		}
	}))
	s.Root.Send(p, 1)
	<-exiting
	s.Root.Send(p, "x")
	never(t, "the next message is handled", handled.Load)
}

// P19: a name that exists is refused after the producer has run.
func TestP19_ProducerRunsBeforeTheNameIsChecked(t *testing.T) {
	s := quietSystem()
	n := 0
	props := actor.PropsFromProducer(func() actor.Actor { n++; return actor.ReceiveFunc(func(actor.Context) {}) })
	if _, err := s.Root.SpawnNamed(props, "q"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Root.SpawnNamed(props, "q"); err != actor.ErrNameExists || n != 2 {
		t.Fatal("behaviour changed:", err, n)
	}
}

// P23: blocking in a turn costs a goroutine, never a worker: no pool to starve, and no limit. (Of P22, that a busy actor
// yields after its throughput but is never moved, there is nothing to test.)
func TestP23_BlockingIsAGoroutine(t *testing.T) {
	s := quietSystem()
	gate := make(chan struct{})
	defer close(gate)
	base := runtime.NumGoroutine()
	for range 1000 {
		p := s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
			if _, ok := c.Message().(int); ok {
				<-gate
			}
		}))
		s.Root.Send(p, 1)
	}
	eventually(t, "a goroutine each", func() bool { return runtime.NumGoroutine()-base >= 1000 })
}

// P24: system messages overtake user messages, so a ReenterAfter continuation is not in order with them.
func TestP24_SystemOvertakesUser(t *testing.T) {
	s := quietSystem()
	d := &diary{}
	gate, answered := make(chan struct{}), make(chan struct{})
	other := s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		if _, ok := c.Message().(string); ok {
			c.Respond("r")
		}
	}))
	p := s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch m := c.Message().(type) {
		case string:
			if m != "go" {
				d.add("%s", m)
				return
			}
			f := c.RequestFuture(other, "q", time.Second)
			c.ReenterAfter(f, func(any, error) { d.add("continuation") })
			go func() { _ = f.Wait(); close(answered) }()
			<-gate
		}
	}))
	s.Root.Send(p, "go")
	s.Root.Send(p, "user")
	<-answered
	never(t, "anything in the middle of a turn", func() bool { return d.String() != "" }) // and time for the continuation to be posted
	close(gate)
	d.becomes(t, "continuation user")
}

// P25: after a burst the mailbox keeps its peak array for ever.
func TestP25_MailboxNeverShrinks(t *testing.T) {
	s := quietSystem()
	gate := make(chan struct{})
	const burst = 500_000
	var n atomic.Int32
	p := s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message().(type) {
		case string:
			<-gate
		case *int:
			n.Add(1)
		}
	}))
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	s.Root.Send(p, "block")
	before, x := heap(), new(int)
	for range burst {
		s.Root.Send(p, x)
	}
	close(gate)
	eventually(t, "all handled", func() bool { return n.Load() == burst })
	if kept := heap() - before; kept < burst*8 {
		t.Fatal("behaviour changed: bytes kept:", kept)
	}
	runtime.KeepAlive(s)
}

// P26: a process is registered before its mailbox has handlers. Whoever sends to the name in between crashes, and the new
// actor is deaf for ever: its mailbox is marked as running and nobody runs it. (asynkron/protoactor-go issue 198, of 2017.)
// OnInit runs in that window.
func TestP26_SendWhileSpawning(t *testing.T) {
	s := quietSystem()
	var handled atomic.Bool
	crashed := false
	pid, err := s.Root.SpawnNamed(actor.PropsFromFunc(func(c actor.Context) {
		if _, ok := c.Message().(string); ok {
			handled.Store(true)
		}
	}, actor.WithOnInit(func(actor.Context) {
		defer func() { crashed = recover() != nil }()
		if p, ok := s.ProcessRegistry.GetLocal("q"); ok {
			p.SendUserMessage(nil, "early")
		}
	})), "q")
	if err != nil || !crashed {
		t.Fatal("behaviour changed:", err, crashed)
	}
	s.Root.Send(pid, "late")
	never(t, "the actor hears", handled.Load)
}

// P28: an untyped nil: to the queue it means "empty", to the counter it is one more: the mailbox spins for ever.
func TestP28_NilMessageSpins(t *testing.T) {
	out, _ := child(t, func() {
		s := quietSystem()
		s.Root.Send(s.Root.Spawn(actor.PropsFromFunc(func(actor.Context) {})), nil)
		fmt.Printf("burns=%v", burns())
	})
	if !strings.Contains(out, "burns=true") {
		t.Fatalf("behaviour changed: %s", out)
	}
}
