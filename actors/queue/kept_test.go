package queue

import (
	"fmt"
	"sync"
	"testing"
	"unsafe"

	"warren/actors/queue/record"
	"warren/actors/queue/settings"
	"warren/persistence"
	"warren/protocol"
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
	kept := new(Kept)
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
	prio.slot.Settings.MaxPriority = 5
	bounded := newPagingStand(t)
	bounded.slot.Settings.MaxLength, bounded.slot.Settings.Overflow = settings.Option[uint64]{Set: true, Value: 2}, settings.RejectPublish

	first, second := records(a), records(b)
	if first.Tail.ID == 0 || first.Tail.ID != second.Tail.ID || len(first.Payload) != first.Summary {
		t.Fatalf("%+v\n%+v", first, second)
	}
	_, content, err := record.ParseEnqueued(append(first.Payload, first.Tail.Bytes...))
	if err != nil || len(content.Messages) != 4 || content.Messages[3].Body[0] != 4 || content.Exchange != "x" {
		t.Fatalf("%+v %v", content, err)
	}
	transient.tell(enqueue(transient))
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
