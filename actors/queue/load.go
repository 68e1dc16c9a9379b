package queue

import (
	"cmp"
	"fmt"
	"slices"

	"warren/actors/queue/ready"
	"warren/actors/queue/record"
	"warren/persistence"
)

// fold folds the records of a queue's durable stream: what was enqueued and not settled, in order. It is the same fold for a broker that was
// stopped and for one that was killed. Messages stay on disk: their records' summaries tell enough. Those of a queue that holds messages back
// are read, for when each is due.
type fold struct {
	holds   bool
	out     ready.Recovered
	next    map[ready.Level]uint64
	settled ready.Set
	batches []batch
}

type batch struct {
	record uint64
	record.Brief
	dues []int64
}

func (f *fold) add(r *persistence.Record) error {
	f.out.Made = max(f.out.Made, r.Index)
	switch record.Kind(r.Kind) {
	case record.Enqueued:
		brief, err := record.ParseBrief(r.Payload)
		if err != nil {
			return err
		}
		f.goesOn(brief.First + brief.Count)
		f.out.Expires = f.out.Expires || brief.Expires && !f.holds
		b := batch{record: r.Index, Brief: brief}
		if f.holds {
			_, content, err := record.ParseEnqueued(r.Payload)
			if err != nil {
				return err
			}
			b.dues = dues(&content)
		}
		f.batches = append(f.batches, b)
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
	out := &f.out
	for _, next := range f.next {
		out.Next = append(out.Next, next)
	}
	slices.Sort(out.Next)
	slices.SortStableFunc(f.batches, func(a, b batch) int { return cmp.Compare(a.First, b.First) })
	for _, b := range f.batches {
		x := ready.RecoveredExtent{Record: b.record, First: b.First, N: b.Count, Held: b.dues}
		var stored, live uint64
		for _, in := range b.Stored {
			stored += in.N
			f.settled.Without(in, func(in ready.Interval) {
				x.Live = append(x.Live, in)
				live += in.N
			})
		}
		if live > 0 {
			x.Bytes, x.Bodies = int(uint64(b.Bytes)*live/stored), b.Bodies
			out.Extents = append(out.Extents, x)
		}
	}
	return out
}
