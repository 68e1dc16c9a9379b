package ready

import (
	"slices"

	"warren/protocol"
)

// RecordKind is what a record of the queue's durable stream says.
type RecordKind uint8

const (
	RecordEnqueued RecordKind = iota + 1
	RecordSettled
	RecordDelivered
)

// Record is something about persistent messages that has to be on disk. Records are numbered from 1 without gaps; the
// journal takes each once, in order.
type Record struct {
	Index uint64
	Kind  RecordKind

	// Of RecordEnqueued. Messages hold transient ones too, which have indexes and are not written.
	Link     Link
	First    uint64 // index of Messages[0]
	Exchange string
	Messages []protocol.Message

	// Of the others.
	Ranges []Interval
}

// saving is what a durable queue has to get onto the disk.
type saving struct {
	on                 bool
	made               uint64    // index of the newest record
	pending            []Record  // made and not known to be durable
	settled, delivered intervals // of stored messages, and in no record yet
}

func (s saving) clone() saving {
	s.pending = slices.Clone(s.pending)
	s.settled, s.delivered = s.settled.clone(), s.delivered.clone()
	return s
}

type (
	// Recovered: the queue is durable, and this is what was on disk. It is the first event of such a queue's stream.
	Recovered struct {
		Extents   []RecoveredExtent // by index
		Next      uint64            // index of the next message
		Delivered []Interval        // were with a consumer once
		Made      uint64            // newest record
	}
	// RecoveredExtent is messages of one record at consecutive indexes.
	RecoveredExtent struct {
		Record   uint64
		First    uint64
		Exchange string
		Messages []protocol.Message
	}
	// Saved: what was settled and delivered since the last time is in records now.
	Saved struct{}
	// Synced: the records up to Upto are on disk.
	Synced struct{ Upto uint64 }
)

func (*Recovered) event() {}
func (*Saved) event()     {}
func (*Synced) event()    {}

func (s *State) recovered(e *Recovered) {
	s.saving.on, s.saving.made = true, e.Made
	s.next, s.cursor = e.Next, e.Next
	for _, r := range e.Extents {
		x := newExtent(r.First, r.Exchange, r.Messages)
		x.record = r.Record
		s.extents.push(x)
		s.bytes += x.bytes
		s.returned.add(Interval{x.First, x.n})
		s.fresh.add(Interval{x.First, x.n})
	}
	for _, in := range e.Delivered {
		s.fresh.remove(in)
	}
}

// stored makes the record of messages that arrived, when there are persistent ones among them.
func (s *State) stored(e *Enqueued, x *Extent) {
	if !s.saving.on || x.stored == 0 {
		return
	}
	s.saving.made++
	x.record = s.saving.made
	s.saving.pending = append(s.saving.pending, Record{
		Index: x.record, Kind: RecordEnqueued, Link: e.Link, First: x.First, Exchange: e.Exchange, Messages: e.Messages,
	})
}

// note enters stored messages of an interval into a set that the next Saved makes a record of.
func (s *State) note(set *intervals, in Interval) {
	if !s.saving.on {
		return
	}
	s.extents.walk(in, func(e *Extent, from, to int) {
		if e.record != 0 {
			set.put(Interval{e.First + uint64(from), uint64(to - from)})
		}
	})
}

// Unsaved says that a Saved is due.
func (s *State) Unsaved() bool { return s.saving.settled.count > 0 || s.saving.delivered.count > 0 }

func (s *State) saved() {
	v := &s.saving
	for _, part := range []struct {
		kind RecordKind
		set  *intervals
	}{{RecordDelivered, &v.delivered}, {RecordSettled, &v.settled}} {
		if part.set.count > 0 {
			v.made++
			v.pending = append(v.pending, Record{Index: v.made, Kind: part.kind, Ranges: part.set.runs})
			*part.set = intervals{}
		}
	}
}

func (s *State) synced(upto uint64) {
	v := &s.saving
	n := 0
	for n < len(v.pending) && v.pending[n].Index <= upto {
		n++
	}
	v.pending = slices.Delete(v.pending, 0, n)
}

// Pending are the records that are not known to be on disk, in order.
func (s *State) Pending() []Record { return s.saving.pending }

// Durable says that the queue keeps persistent messages on disk.
func (s *State) Durable() bool { return s.saving.on }

// Confirmed is how far a link's messages are as safe as they ask to be: all of them, or those before the first that is
// on its way to the disk.
func (s *State) Confirmed(l Link) uint64 {
	for i := range s.saving.pending {
		if r := &s.saving.pending[i]; r.Kind == RecordEnqueued && r.Link == l {
			return r.Messages[0].Seq - 1
		}
	}
	return s.links[l]
}

// Summary stands for every record of settled and delivered messages up to Made.
type Summary struct {
	Made    uint64
	Next    uint64
	Lowest  uint64     // everything below is settled
	Settled []Interval // at or above Lowest
	// Delivered were with a consumer once.
	Delivered []Interval
	// Live are the records whose messages are not all settled.
	Live []uint64
}

// Summarize says what a checkpoint holds. Nothing may be unsaved.
func (s *State) Summarize() Summary {
	sum := Summary{Made: s.saving.made, Next: s.next, Lowest: s.next}
	var open, delivered intervals // not settled; of those, delivered once
	for _, in := range s.returned.runs {
		open.put(in)
		delivered.put(in)
	}
	for _, in := range s.fresh.runs {
		delivered.remove(in)
	}
	for _, c := range s.consumers {
		for _, r := range c.runs {
			open.put(Interval{r.First, r.N})
			delivered.put(Interval{r.First, r.N})
		}
	}
	open.put(Interval{s.cursor, s.next - s.cursor})
	if len(open.runs) > 0 {
		sum.Lowest = open.runs[0].First
	}
	at := sum.Lowest
	for _, in := range open.runs {
		if in.First > at {
			sum.Settled = append(sum.Settled, Interval{at, in.First - at})
		}
		at = in.end()
	}
	sum.Delivered = delivered.runs
	for i := s.extents.head; i < len(s.extents.list); i++ {
		e := &s.extents.list[i]
		if e.live > 0 && e.record != 0 && (len(sum.Live) == 0 || sum.Live[len(sum.Live)-1] != e.record) {
			sum.Live = append(sum.Live, e.record)
		}
	}
	return sum
}
