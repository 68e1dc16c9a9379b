package ready

import (
	"fmt"
	"sort"

	"warren/protocol"
)

// Extent is the messages of one batch, at consecutive indexes. The messages are never written again, so that the live
// state, the stream and the deliveries share them.
type Extent struct {
	First    uint64
	Exchange string // as named by the publisher
	Messages []protocol.Message

	n     uint64 // messages it came with
	live  int    // not yet settled; at 0 the extent lets go of its messages
	bytes int    // of all its messages

	stored int    // persistent ones among them
	record uint64 // of the queue's durable stream, 0 when nothing of it is on disk
}

func newExtent(first uint64, exchange string, messages []protocol.Message) Extent {
	e := Extent{First: first, Exchange: exchange, Messages: messages, n: uint64(len(messages)), live: len(messages)}
	for i := range messages {
		e.bytes += messages[i].Size()
		if messages[i].Flags.Has(protocol.FlagPersistent) {
			e.stored++
		}
	}
	return e
}

func (e *Extent) end() uint64 { return e.First + e.n }

// extents hold what is not settled, ordered by index, without gaps until an extent is dropped.
type extents struct {
	list []Extent
	head int // list[:head] is dropped
	dead int // in list[head:], settled
}

func (x *extents) push(e Extent) { x.list = append(x.list, e) }

// find returns the position of the extent that holds index.
func (x *extents) find(index uint64) int {
	live := x.list[x.head:]
	at := sort.Search(len(live), func(i int) bool { return live[i].end() > index })
	if at == len(live) || live[at].First > index {
		panic(fmt.Sprintf("queue: message %d is neither waiting nor delivered", index))
	}
	return x.head + at
}

// walk calls f with the parts of extents that make up the interval.
func (x *extents) walk(in Interval, f func(e *Extent, from, to int)) {
	for at := x.find(in.First); in.N > 0; at++ {
		e := &x.list[at]
		from := int(in.First - e.First)
		to := min(from+int(in.N), len(e.Messages))
		f(e, from, to)
		in.First += uint64(to - from)
		in.N -= uint64(to - from)
	}
}

// settle marks the messages of an interval as needed no longer and returns the bytes they held.
func (x *extents) settle(in Interval) int {
	bytes := 0
	x.walk(in, func(e *Extent, from, to int) {
		if to-from == len(e.Messages) {
			bytes += e.bytes
		} else {
			for i := from; i < to; i++ {
				bytes += e.Messages[i].Size()
			}
		}
		if e.live -= to - from; e.live == 0 {
			e.Messages = nil
			x.dead++
		}
	})
	x.trim()
	return bytes
}

// trim lets go of settled extents: at the front at once, elsewhere when they are the majority, so that one message which
// is never settled does not keep all that came behind it.
func (x *extents) trim() {
	for x.head < len(x.list) && x.list[x.head].live == 0 {
		x.list[x.head] = Extent{}
		x.head++
		x.dead--
	}
	switch {
	case x.head == len(x.list):
		x.list, x.head = x.list[:0], 0
	case x.head+x.dead > 64 && x.head+x.dead > len(x.list)/2:
		kept := x.list[:0]
		for i := range x.list {
			if x.list[i].live > 0 {
				kept = append(kept, x.list[i])
			}
		}
		clear(x.list[len(kept):])
		x.list, x.head, x.dead = kept, 0, 0
	}
}

func (x extents) clone() extents {
	return extents{list: append([]Extent(nil), x.list[x.head:]...), dead: x.dead}
}
