package ready

import (
	"slices"
)

// RecordKind is what a record of the queue's durable stream says.
type RecordKind uint8

const (
	RecordEnqueued RecordKind = iota + 1
	RecordSettled
	RecordDelivered
	RecordDead
)

// Record is something about persistent messages that has to be on disk. Records are numbered from 1 without gaps; the
// journal takes each once, in order.
type Record struct {
	Index uint64
	Kind  RecordKind

	// Of RecordEnqueued. The content holds transient ones too, which have indexes and are not written.
	Link    Link
	First   uint64 // index of the first message
	Content *Content
	Bytes   int // of all its messages

	// Of the others.
	Ranges []Interval
	Reason Reason // of RecordDead
}

// saving is what a durable queue has to get onto the disk.
type saving struct {
	on                 bool
	made               uint64    // index of the newest record
	pending            []Record  // made and not known to be durable
	writing            int       // bytes of the messages that those bring
	copied             int       // of those, what is in memory once more for this queue alone
	settled, delivered intervals // of stored messages, and in no record yet; apart.died likewise
}

// transient is what a queue has to save that keeps nothing on disk. All of them share it, and nobody writes to it.
var transient = &saving{}

func (s *saving) clone() *saving {
	if !s.on {
		return s
	}
	c := *s
	c.pending = slices.Clone(s.pending)
	c.settled, c.delivered = s.settled.clone(), s.delivered.clone()
	return &c
}

type (
	// Saved: what was settled and delivered since the last time is in records now.
	Saved struct{}
	// Synced: the records up to Upto are on disk.
	Synced struct{ Upto uint64 }
)

func (*Saved) event()  {}
func (*Synced) event() {}

// stored makes the record of messages that arrived, when there are persistent ones among them.
func (s *State) stored(e *Enqueued, x *extent) {
	s.saving.made++
	x.record = s.saving.made
	r := Record{Index: x.record, Kind: RecordEnqueued, Link: e.Link, First: x.first, Content: x.content, Bytes: x.left}
	s.saving.pending = append(s.saving.pending, r)
	s.saving.weigh(&r, 1)
}

// weigh enters a record that is pending, or with -1 no longer.
func (v *saving) weigh(r *Record, sign int) {
	v.writing += sign * r.Bytes
	if r.Kind == RecordEnqueued && r.Content.Encoded == nil {
		v.copied += sign * r.Bytes
	}
}

// note enters stored messages of an interval into a set that the next Saved makes a record of.
func (s *State) note(set *intervals, in Interval) {
	if !s.saving.on {
		return
	}
	s.lineOf(in.First).extents.parts(in,
		func(c *Chapter) choice {
			switch c.records {
			case c.extents:
				set.put(Interval{c.First, c.End - c.First})
			case 0:
			default:
				return read
			}
			return taken
		},
		func(e *extent, from, to int) bool {
			if e.record != 0 {
				set.put(Interval{e.first + uint64(from), uint64(to - from)})
			}
			return true
		})
}

// Unsaved says that a Saved is due.
func (s *State) Unsaved() bool {
	v := s.saving
	return v.settled.count > 0 || v.delivered.count > 0 || slices.ContainsFunc(s.died[:], func(d intervals) bool { return d.count > 0 })
}

func (s *State) saved() {
	v := s.saving
	v.record(RecordDelivered, Consumed, &v.delivered)
	v.record(RecordSettled, Consumed, &v.settled)
	for why := range s.died {
		v.record(RecordDead, Reason(why), &s.died[why])
	}
}

// record makes a record of a set, which is empty then.
func (v *saving) record(kind RecordKind, why Reason, set *intervals) {
	if set.count > 0 {
		v.made++
		v.pending = append(v.pending, Record{Index: v.made, Kind: kind, Reason: why, Ranges: set.runs})
		*set = intervals{}
	}
}

func (s *State) synced(upto uint64) {
	v := s.saving
	n := 0
	for n < len(v.pending) && v.pending[n].Index <= upto {
		v.weigh(&v.pending[n], -1)
		n++
	}
	if n > 0 {
		v.pending = slices.Delete(v.pending, 0, n)
	}
}

// Pending are the records that are not known to be on disk, in order.
func (s *State) Pending() []Record { return s.saving.pending }

// Writing is how many bytes of messages are on their way to the disk, whether they still wait or not.
func (s *State) Writing() int { return s.saving.writing }

// Durable says that the queue keeps persistent messages on disk.
func (s *State) Durable() bool { return s.saving.on }

// Confirmed is how far a link's messages are as safe as they ask to be: all of them, or those before the first that is
// on its way to the disk.
func (s *State) Confirmed(l Link) uint64 {
	for i := range s.saving.pending {
		if r := &s.saving.pending[i]; r.Kind == RecordEnqueued && r.Link == l {
			return r.Content.Messages[0].Seq - 1
		}
	}
	return s.links[l]
}
