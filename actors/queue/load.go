package queue

import (
	"cmp"
	"fmt"
	"slices"

	"warren/actors/queue/ready"
	"warren/actors/queue/record"
	"warren/persistence"
	"warren/protocol"
)

// recoverRecords folds the records of a queue's durable stream: what was enqueued and not settled, in order. It is the same
// fold for a broker that was stopped and for one that was killed.
func recoverRecords(records []persistence.Record) (*ready.Recovered, error) {
	out := &ready.Recovered{}
	var sum record.Summary
	var settled ready.Set
	var extents []ready.RecoveredExtent
	for i := range records {
		r := &records[i]
		out.Made = max(out.Made, r.Index)
		var err error
		switch record.Kind(r.Kind) {
		case record.Enqueued:
			err = record.ParseEnqueued(r.Payload, func(exchange string, index uint64, m protocol.Message) {
				out.Next = max(out.Next, index+1)
				if n := len(extents); n > 0 {
					last := &extents[n-1]
					if last.Record == r.Index && last.First+uint64(len(last.Messages)) == index {
						last.Messages = append(last.Messages, m)
						return
					}
				}
				extents = append(extents, ready.RecoveredExtent{Record: r.Index, First: index, Exchange: exchange, Messages: []protocol.Message{m}})
			})
		case record.Settled:
			var ranges []ready.Interval
			ranges, err = record.ParseRanges(r.Payload)
			for _, in := range ranges {
				settled.Put(in)
			}
		case record.Delivered:
			var ranges []ready.Interval
			ranges, err = record.ParseRanges(r.Payload)
			out.Delivered = append(out.Delivered, ranges...)
		case record.Checkpoint:
			sum, err = record.ParseCheckpoint(r.Payload)
			for _, in := range sum.Settled {
				settled.Put(in)
			}
			settled.Put(ready.Interval{First: 0, N: sum.Lowest})
			out.Delivered = append(out.Delivered, sum.Delivered...)
			out.Next = max(out.Next, sum.Next)
		default:
			err = fmt.Errorf("unknown kind %d", r.Kind)
		}
		if err != nil {
			return nil, fmt.Errorf("queue: record %d: %w", r.Index, err)
		}
	}
	slices.SortStableFunc(extents, func(a, b ready.RecoveredExtent) int { return cmp.Compare(a.First, b.First) })
	for _, e := range extents {
		settled.Without(ready.Interval{First: e.First, N: uint64(len(e.Messages))}, func(in ready.Interval) {
			from := in.First - e.First
			out.Extents = append(out.Extents, ready.RecoveredExtent{
				Record: e.Record, First: in.First, Exchange: e.Exchange, Messages: e.Messages[from : from+in.N],
			})
		})
	}
	return out, nil
}
