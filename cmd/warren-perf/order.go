package main

import (
	"fmt"
	"slices"
)

// origin is who published a message: a run, and a producer of it. Both are in the body, so that one process checks what another one filled.
type origin uint32

// mark is an origin and the number of one of its messages, counted from 0. 0 is no mark: the run is one more than it is.
//
//	| run: 14 bits | producer: 12 bits | number: 38 bits |
type mark uint64

const (
	numberBits   = 38
	maxRuns      = 1<<14 - 1
	maxProducers = 1 << 12
)

func originOf(run, producer int) origin {
	return origin((1+run%maxRuns)*maxProducers + producer%maxProducers)
}

func (o origin) mark(number int64) mark {
	return mark(uint64(o)<<numberBits | uint64(number)&(1<<numberBits-1))
}
func (m mark) origin() origin { return origin(m >> numberBits) }
func (m mark) number() int64  { return int64(m & (1<<numberBits - 1)) }

// order checks the messages of some queues, each of which has no other consumer: those of one origin come in the order of their numbers,
// none is left out and none comes twice (AMQP 0-9-1 section 4.7). What is redelivered may come late and again, and what was never
// delivered before it is missing all the same.
type order struct {
	// A queue that gets every step-th message of a producer begins with the one of its own place: publishers take their queues in turn.
	step  int64
	flows map[flow]*track
	last  flow // batches are of one flow
	track *track
	sum   orderSummary
}

type flow struct {
	queue  int
	origin origin
}

// track is how far a flow has come.
type track struct {
	next  int64
	holes []hole // passed over and not come yet, in order
}

// hole is numbers from one to before another.
type hole struct{ from, to int64 }

// maxHoles bounds what is remembered of a flow that loses every other message. Of what is forgotten, a late message counts as a double.
const maxHoles = 10_000

// orderSummary is what was checked, and what was wrong.
type orderSummary struct {
	Checked    int64 `json:"checked"`
	Missing    int64 `json:"missing"`    // a later one came, they did not
	Late       int64 `json:"late"`       // behind a later one
	Doubles    int64 `json:"doubles"`    // for the second time
	Unnumbered int64 `json:"unnumbered"` // of somebody else, or too short
	Short      int64 `json:"short"`      // --cmessages that did not come
}

func (s orderSummary) violations() int64 {
	return s.Missing + s.Late + s.Doubles + s.Unnumbered + s.Short
}

func (s orderSummary) text() string {
	return fmt.Sprintf("order: %d checked, %d missing, %d late, %d twice, %d without a number, %d too few", s.Checked, s.Missing, s.Late, s.Doubles, s.Unnumbered, s.Short)
}

func (s *orderSummary) add(o orderSummary) {
	s.Checked += o.Checked
	s.Missing += o.Missing
	s.Late += o.Late
	s.Doubles += o.Doubles
	s.Unnumbered += o.Unnumbered
	s.Short += o.Short
}

func newOrder(step int) *order {
	return &order{step: int64(step), flows: map[flow]*track{}}
}

// came takes a delivery.
func (o *order) came(queue int, d delivery) {
	o.sum.Checked++
	if d.mark == 0 {
		o.sum.Unnumbered++
		return
	}
	n, t := d.mark.number(), o.of(flow{queue, d.mark.origin()})
	switch {
	case n == t.next:
		t.next += o.step
	case n > t.next:
		o.pass(t, n)
		t.next = n + o.step
	case t.fill(n, o.step):
		o.sum.Missing--
		if !d.redelivered {
			o.sum.Late++
		}
	case !d.redelivered:
		o.sum.Doubles++
	}
}

func (o *order) of(f flow) *track {
	if o.track != nil && f == o.last {
		return o.track
	}
	t := o.flows[f]
	if t == nil {
		t = &track{}
		if o.step > 1 {
			t.next = int64(f.queue)
		}
		o.flows[f] = t
	}
	o.last, o.track = f, t
	return t
}

// pass leaves a hole up to n. A number between two that this queue should have is nothing that it misses.
func (o *order) pass(t *track, n int64) {
	o.sum.Missing += (n - t.next + o.step - 1) / o.step
	t.holes = append(t.holes, hole{t.next, n})
	if len(t.holes) > maxHoles {
		t.holes = slices.Delete(t.holes, 0, len(t.holes)/2)
	}
}

// fill takes n out of the hole that it was left in, if there is one.
func (t *track) fill(n, step int64) bool {
	i, _ := slices.BinarySearchFunc(t.holes, n, func(h hole, n int64) int {
		if h.to <= n {
			return -1
		}
		return 1
	})
	if i == len(t.holes) || n < t.holes[i].from || (n-t.holes[i].from)%step != 0 {
		return false
	}
	before, behind := hole{t.holes[i].from, n}, hole{n + step, t.holes[i].to}
	t.holes = slices.Delete(t.holes, i, i+1)
	for _, h := range []hole{behind, before} {
		if h.from < h.to {
			t.holes = slices.Insert(t.holes, i, h)
		}
	}
	return true
}

// ended says that an origin has published no more than so many messages, of which the queue has its part by now.
func (o *order) ended(queue int, of origin, published int64) {
	if t := o.of(flow{queue, of}); t.next < published {
		o.pass(t, published)
		t.next = published
	}
}
