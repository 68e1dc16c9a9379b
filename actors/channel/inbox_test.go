package channel

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
)

func TestInboxUnderRace(t *testing.T) {
	// Promise: every step is taken once and in order, whoever puts it in; a channel that is not woken finds nothing; and what
	// the inbox accounts for comes back to nothing (DESIGN section 4, bytes).
	const writers, batches = 4, 500
	var account atomic.Int64
	woken := make(chan struct{}, 1)
	in := NewInbox(func(*actor.PID, any) { woken <- struct{}{} }, func(delta int) { account.Add(int64(delta)) })
	in.Attach(actor.NewPID("local", "channel"), 1)
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for i := range batches {
				in.Put([]Step{{Bytes: 10}, {Bytes: i}})
			}
		})
	}
	taken, ledger := uint64(0), 0
	for taken < writers*batches*2 {
		<-woken // After has asked for it
		for _, s := range in.After(taken) {
			if s.Ordinal != taken+1 {
				t.Fatalf("step %d behind %d", s.Ordinal, taken)
			}
			taken = s.Ordinal
		}
		ledger++
		in.Done(1, taken, ledger)
	}
	all.Wait()
	in.Done(1, taken, 0)
	if n := account.Load(); n != 0 || in.bytes != 0 || in.steps != nil {
		t.Fatalf("%d bytes accounted for, %d in %d steps", n, in.bytes, len(in.steps))
	}
}

func TestInboxWakesOnce(t *testing.T) {
	// Promise: a mailbox holds one wake at most, however many reads come before the channel looks (DESIGN section 7, mailboxes).
	wakes := 0
	in := NewInbox(func(*actor.PID, any) { wakes++ }, func(int) {})
	in.Put([]Step{{}})
	in.Attach(actor.NewPID("local", "channel"), 1)
	if steps := in.After(0); len(steps) != 1 { // a channel that starts looks by itself
		t.Fatalf("%d steps", len(steps))
	}
	in.Put([]Step{{}, {}})
	in.Put([]Step{{}})
	if wakes != 1 {
		t.Fatalf("%d wakes", wakes)
	}
	if steps := in.After(1); len(steps) != 3 || steps[0].Ordinal != 2 {
		t.Fatalf("%d steps behind the first", len(steps))
	}
	in.Put([]Step{{}})
	if wakes != 2 {
		t.Fatalf("%d wakes", wakes)
	}
}

func TestInboxKeepsWhatIsNotDone(t *testing.T) {
	// Promise: a channel that restarts finds every step that is not in its stream, also while more is put in (DESIGN section 5).
	in := NewInbox(func(*actor.PID, any) {}, func(int) {})
	in.Put(append(make([]Step, 0, 16), Step{Exchange: "a"}, Step{Exchange: "b"})) // with room behind, which others may not see
	before := in.After(0)
	in.Put([]Step{{Exchange: "c"}})
	in.Done(1, 1, 0)
	in.Put([]Step{{Exchange: "d"}})
	got := ""
	for _, s := range in.After(1) {
		got += s.Exchange
	}
	if got != "bcd" || len(before) != 2 || before[0].Exchange != "a" {
		t.Fatalf("%q, and the view from before is %+v", got, before)
	}
}

func TestInboxHearsOneIncarnation(t *testing.T) {
	// Promise: an actor that was stuck, was replaced and wakes up does not say what is held: the reader would wait for what nobody has.
	held := 0
	in := NewInbox(func(*actor.PID, any) {}, func(delta int) { held += delta })
	in.Attach(actor.NewPID("local", "channel"), 1)
	in.Put([]Step{{Bytes: 100}, {Bytes: 10}})
	in.Attach(actor.NewPID("local", "channel"), 2)
	in.Done(2, 1, 0)
	in.Done(1, 1, 100)
	in.Attach(nil, 1)
	if held != 10 || in.pid == nil {
		t.Errorf("%d bytes are held, woken is %v", held, in.pid)
	}
	if in.Done(2, 2, 0); held != 0 {
		t.Errorf("%d bytes are held at the end", held)
	}
}

func TestInboxGivesBackOnce(t *testing.T) {
	// a channel that was given up behind the end of its connection, or the other way round, gives back what it held once.
	for what, ends := range map[string]func(in *Inbox){
		"closed, then left":    func(in *Inbox) { in.Close(); in.Leave(func(Ending) {}) },
		"left, then closed":    func(in *Inbox) { in.Leave(func(Ending) {}); in.Close() },
		"closed, done, closed": func(in *Inbox) { in.Close(); in.Done(1, 1, 5); in.Close() },
		"closed, put, left":    func(in *Inbox) { in.Close(); in.Put([]Step{{Bytes: 3}}); in.Leave(func(Ending) {}) },
	} {
		account := 0
		in := NewInbox(func(*actor.PID, any) {}, func(delta int) { account += delta })
		in.Attach(actor.NewPID("local", "channel"), 1)
		in.Put([]Step{{Bytes: 10}, {Bytes: 20}})
		in.Done(1, 1, 7)
		if ends(in); account != 0 {
			t.Errorf("%s: %d bytes are held", what, account)
		}
	}
}
