package queue

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/record"
	"warren/actors/queue/settings"
	"warren/persistence"
	"warren/protocol"
	"warren/supervision"
)

// DESIGN 4 "Bytes": with several matches the body is one shared object with an id, in memory and for the journal.
func TestBatchOfSeveralQueuesIsKeptOnce(t *testing.T) {
	batch := numbered(1, 4)
	for i := range batch {
		if i != 2 {
			batch[i].Flags = protocol.FlagPersistent
		}
		batch[i].Properties = []byte{0, 0}
	}
	kept, ledger := new(Kept), &account{}
	shared := kept.share(ledger, batch)
	enqueue := func(s *stand) *Enqueue {
		return &Enqueue{Link: link, Incarnation: s.slot.Incarnation(), Exchange: "x", Messages: batch, Kept: kept}
	}
	records := func(s *pagingStand) persistence.Record {
		s.tell(enqueue(s.stand))
		return s.records[1]
	}
	body := func(s *stand) *byte {
		s.command(1, &Get{})
		got := only[*Deliveries](s.command(1, &Get{}))
		return unsafe.SliceData(got[0].Parts[0].Messages[0].Body)
	}
	a, b, late, prio, transient := newPagingStand(t), newPagingStand(t), newPagingStand(t), newPagingStand(t), newStand(t)
	prio.slot.Declared.MaxPriority = 5
	bounded := newPagingStand(t)
	bounded.slot.Declared.MaxLength, bounded.slot.Declared.Overflow = settings.Option[uint64]{Set: true, Value: 2}, settings.RejectPublish

	first, second := records(a), records(b)
	if first.Tail.ID == 0 || first.Tail.ID != second.Tail.ID || len(first.Payload) != first.Summary {
		t.Fatalf("%+v\n%+v", first, second)
	}
	_, content, err := record.ParseEnqueued(append(first.Payload, first.Tail.Bytes...))
	if err != nil || len(content.Messages) != 4 || content.Messages[3].Body[0] != 4 || content.Exchange != "x" {
		t.Fatalf("%+v %v", content, err)
	}
	transient.tell(enqueue(transient))
	if n := ledger.bytes.Load(); n == 0 || a.resident != 0 || b.resident != 0 || transient.resident != 0 {
		t.Errorf("together they hold %d, and each of them %d, %d, %d", n, a.resident, b.resident, transient.resident)
	}
	if x, y, z := body(a.stand), body(b.stand), body(transient); x != y || x != z {
		t.Error("copied for each queue")
	}
	// What a queue does not store as it came has a record of its own.
	late.tell(&Enqueue{Link: link, Incarnation: 2, Exchange: "x", Messages: batch[:1]})
	late.tell(enqueue(late.stand))
	for what, r := range map[string]persistence.Record{"what has come in part": late.records[2], "by level": records(prio), "refused": records(bounded)} {
		_, content, err := record.ParseEnqueued(r.Payload)
		if r.Tail.ID != 0 || err != nil || len(content.Messages) == 0 {
			t.Errorf("%s: %+v %+v %v", what, r, content, err)
		}
	}
	if n := len(late.records); n != 2 {
		t.Errorf("%d records", n)
	}
	for _, s := range []*stand{a.stand, b.stand, late.stand, prio.stand, bounded.stand, transient} {
		if n := ledger.bytes.Load(); n == 0 {
			t.Error("nothing is held, though somebody does")
		}
		s.slot.Bury(func(*actor.PID, any) {})
		s.q.Terminate(s.ctx, supervision.Normal)
		if s.resident != 0 {
			t.Errorf("%d bytes are left", s.resident)
		}
	}
	if n := ledger.bytes.Load(); n != 0 {
		t.Errorf("%d bytes are left when nobody holds them", n)
	}
	runtime.KeepAlive(shared)
}

// account is a ledger for several queues.
type account struct{ bytes atomic.Int64 }

func (a *account) Resident(delta int) { a.bytes.Add(int64(delta)) }

// DESIGN 4 "Bytes": what several queues have to spool is written once.
func TestSpoolsShareABatch(t *testing.T) {
	batch := numbered(3, 4)
	for i := range batch {
		batch[i].Properties = []byte{0, 0}
	}
	kept := new(Kept)
	kept.share(&account{}, batch)
	var tails []uint64
	for range 2 {
		s := newPagingStand(t)
		s.slot.Stored, s.transient, s.limit = "", true, 4
		s.begin(3)
		s.fill(1) // which is next and stays
		s.tell(&Enqueue{Link: link, Incarnation: 3, Exchange: "x", Messages: batch, Kept: kept})
		s.seq = 6
		s.fill(10)
		r := s.spooled[1]
		tails = append(tails, r.Tail.ID)
		_, content, err := record.ParseEnqueued(append(r.Payload, r.Tail.Bytes...))
		if err != nil || len(r.Payload) != r.Summary || len(content.Messages) != 4 || content.Messages[3].Body[0] != 6 {
			t.Fatalf("%+v: %+v %v", r, content, err)
		}
		if own := s.spooled[2]; own.Tail.ID != 0 || len(own.Payload) == 0 {
			t.Errorf("its own is %+v", own)
		}
	}
	if tails[0] == 0 || tails[0] != tails[1] {
		t.Errorf("tails %v", tails)
	}
}

// Queues that need a batch at the same moment get the same.
func TestKeptIsMadeByMany(t *testing.T) {
	for range 200 {
		kept, batch := new(Kept), numbered(1, 3)
		for i := range batch {
			batch[i].Flags = protocol.FlagPersistent
		}
		var wg sync.WaitGroup
		var got [4]*stored
		for i := range got {
			wg.Go(func() { got[i] = kept.store("x", batch) })
		}
		wg.Wait()
		for _, s := range got {
			if s != got[0] {
				t.Fatal(fmt.Sprintf("%p", s), "and", fmt.Sprintf("%p", got[0]))
			}
		}
	}
}

// Promise: what stays in a queue owns its bytes, unless it is most of the buffer that it was read into (docs/ARCHITECTURE.md).
func TestWhatStaysIsCopiedUnlessItFillsItsBuffer(t *testing.T) {
	for _, c := range []struct {
		what   string
		bodies []int
		copied bool
	}{
		{"a small one", []int{100}, true},
		{"one that is not quite half", []int{fillsFrom - 1}, true},
		{"half", []int{fillsFrom}, false},
		{"several", []int{fillsFrom / 2, 10, fillsFrom / 2}, false},
	} {
		s := newStand(t)
		batch := numbered(1, len(c.bodies))
		for i, n := range c.bodies {
			batch[i].Body = make([]byte, n)
		}
		s.tell(&Enqueue{Link: link, Incarnation: s.slot.Incarnation(), Exchange: "x", Messages: batch})
		got := one[*Deliveries](t, s.command(1, &Get{})).Parts[0].Messages[0].Body
		if copied := unsafe.SliceData(got) != unsafe.SliceData(batch[0].Body); copied != c.copied {
			t.Errorf("%s: copied %v", c.what, copied)
		}
	}
}
