package queue

import (
	"fmt"
	"slices"

	"warren/actors/queue/ready"
	"warren/actors/queue/record"
	"warren/persistence"
)

// fold folds the records of a queue's durable stream: what was enqueued and not settled, in order. It is the same fold for a broker that was
// stopped and for one that was killed. Messages stay on disk: their records' summaries tell enough. Those of a queue that holds messages back
// are read, for when each is due.
//
// It goes over the records twice, for what became of messages and then for the messages, so that each of these finds its place in the packed
// index at once: a start with a long queue needs no more memory than the queue did.
type fold struct {
	holds   bool
	out     ready.Recovered
	next    map[ready.Level]uint64
	settled ready.Set
	found   *ready.Found
}

// became is for a record that says what became of messages; the others come later.
func (f *fold) became(r *persistence.Record) error {
	f.out.Made = max(f.out.Made, r.Index)
	switch record.Kind(r.Kind) {
	case record.Enqueued:
	case record.Settled:
		ranges, err := record.ParseRanges(r.Payload)
		if err != nil {
			return err
		}
		f.settle(ranges)
	case record.Delivered:
		ranges, err := record.ParseRanges(r.Payload)
		if err != nil {
			return err
		}
		f.out.Delivered = append(f.out.Delivered, ranges...)
	case record.Dead:
		dead, err := record.ParseDead(r.Payload)
		if err != nil {
			return err
		}
		f.out.Dead = append(f.out.Dead, dead...)
	case record.Checkpoint:
		sum, err := record.ParseCheckpoint(r.Payload)
		if err != nil {
			return err
		}
		f.settle(sum.Settled)
		f.out.Delivered = append(f.out.Delivered, sum.Delivered...)
		f.out.Dead = append(f.out.Dead, sum.Dead...)
		for _, next := range sum.Next {
			f.goesOn(next)
		}
	default:
		return fmt.Errorf("unknown kind %d", r.Kind)
	}
	return nil
}

// enqueued is for a record of messages; on each level they come in their order.
func (f *fold) enqueued(r *persistence.Record) error {
	if record.Kind(r.Kind) != record.Enqueued {
		return nil
	}
	brief, err := record.ParseBrief(r.Payload)
	if err != nil {
		return err
	}
	x := ready.RecoveredExtent{Record: r.Index, First: brief.First, N: brief.Count}
	if f.holds {
		_, content, err := record.ParseEnqueued(r.Payload)
		if err != nil {
			return err
		}
		x.Held = dues(&content)
	}
	var stored, live uint64
	for _, in := range brief.Stored {
		stored += in.N
		f.settled.Without(in, func(in ready.Interval) {
			x.Live = append(x.Live, in)
			live += in.N
		})
	}
	if live > 0 {
		x.Bytes, x.Bodies = int(uint64(brief.Bytes)*live/stored), brief.Bodies
		if err := f.found.Add(&x); err != nil {
			return err
		}
	}
	f.goesOn(brief.First + brief.Count)
	f.out.Expires = f.out.Expires || brief.Expires && !f.holds
	return nil
}

// goesOn says that the next message of a level has at least that index.
func (f *fold) goesOn(next uint64) {
	if f.next == nil {
		f.next = map[ready.Level]uint64{}
	}
	l := ready.LevelOf(next)
	f.next[l] = max(f.next[l], next)
}

func (f *fold) settle(ranges []ready.Interval) {
	for _, in := range ranges {
		f.settled.Put(in)
	}
}

func (f *fold) recovered() *ready.Recovered {
	for _, next := range f.next {
		f.out.Next = append(f.out.Next, next)
	}
	slices.Sort(f.out.Next)
	f.out.Found = f.found
	return &f.out
}
