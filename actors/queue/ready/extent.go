package ready

import (
	"fmt"
	"sort"

	"warren/protocol"
)

// Content is the messages of one batch. It is never written again, so that the live state, the stream and the deliveries share it.
type Content struct {
	Exchange string // as named by the publisher
	Messages []protocol.Message
	// Arrived is when, in Unix milliseconds, and Expiries when each message goes, 0 for never. Both are empty where nothing expires.
	Arrived  int64
	Expiries []int64
	// Held: the messages are held back, and Expiries are when each goes on its way.
	Held bool
	// Encoded is what the messages are on disk, when other queues have the same.
	Encoded *Encoded
}

// Encoded is a batch as records have it, without what is each queue's own. It is the same when its id is.
type Encoded struct {
	ID    uint64
	Bytes []byte
}

// extent is the messages of one batch, at consecutive indexes: where they are, and how many of them are still needed.
type extent struct {
	first   uint64
	record  uint64   // of the queue's durable stream, 0 when nothing of it is on disk
	spool   uint64   // record of the queue's spool, 0 when it is not there
	content *Content // nil when it is on disk alone, and when all is settled
	n       uint32   // messages it came with
	live    uint32   // not yet settled; at 0 the extent lets go of its messages
	left    int      // bytes of those; an estimate once some were settled while they were on disk alone
	body    int      // bytes of the bodies it came with
	mixed   bool     // not all of it is on disk
}

func newExtent(first uint64, c *Content) (x extent, stored int) {
	x = extent{first: first, content: c, n: uint32(len(c.Messages)), live: uint32(len(c.Messages))}
	for i := range c.Messages {
		x.left += c.Messages[i].Size()
		x.body += len(c.Messages[i].Body)
		if c.Messages[i].Flags.Has(protocol.FlagPersistent) {
			stored++
		}
	}
	x.mixed = stored < len(c.Messages)
	return x, stored
}

func (e *extent) end() uint64 { return e.first + uint64(e.n) }

// bytes are what the messages from..to hold; all of them are live.
func (e *extent) bytes(from, to int) int {
	switch n := to - from; {
	case n == int(e.live):
		return e.left
	case e.content == nil:
		return e.left / int(e.live) * n
	}
	bytes := 0
	for i := from; i < to; i++ {
		bytes += e.content.Messages[i].Size()
	}
	return min(bytes, e.left)
}

// extents hold what is not settled, ordered by index, without gaps until an extent is dropped.
type extents struct {
	list []extent
	head int // list[:head] is dropped
	dead int // in list[head:], settled
}

func (x *extents) push(e extent) { x.list = append(x.list, e) }

// first is the index of the first message that is not dropped.
func (x *extents) first() uint64 {
	if x.head == len(x.list) {
		return ^uint64(0)
	}
	return x.list[x.head].first
}

// search returns the position of the first extent that reaches beyond index.
func (x *extents) search(index uint64) int {
	live := x.list[x.head:]
	return x.head + sort.Search(len(live), func(i int) bool { return live[i].end() > index })
}

// find returns the position of the extent that holds index.
func (x *extents) find(index uint64) int {
	at := x.search(index)
	if at == len(x.list) || x.list[at].first > index {
		panic(fmt.Sprintf("queue: message %d is neither waiting nor delivered", index))
	}
	return at
}

// walk calls f with the parts of extents that make up the interval.
func (x *extents) walk(in Interval, f func(e *extent, from, to int)) {
	for at := x.find(in.First); in.N > 0; at++ {
		e := &x.list[at]
		from := int(in.First - e.first)
		to := min(from+int(in.N), int(e.n))
		f(e, from, to)
		in.First += uint64(to - from)
		in.N -= uint64(to - from)
	}
}

// settle marks the messages of an interval as needed no longer and returns the bytes they held, and how many of those were in
// memory. dead is called with the extents that nothing is left of.
func (x *extents) settle(in Interval, dead func(*extent)) (bytes, resident int) {
	x.walk(in, func(e *extent, from, to int) {
		n := e.bytes(from, to)
		bytes += n
		if e.content != nil {
			resident += n
		}
		e.left -= n
		if e.live -= uint32(to - from); e.live == 0 {
			dead(e)
			e.content = nil
			x.dead++
		}
	})
	x.trim()
	return bytes, resident
}

// trim lets go of settled extents: at the front at once, elsewhere when they are the majority, so that one message which
// is never settled does not keep all that came behind it.
func (x *extents) trim() {
	for x.head < len(x.list) && x.list[x.head].live == 0 {
		x.list[x.head] = extent{}
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
	return extents{list: append([]extent(nil), x.list[x.head:]...), dead: x.dead}
}
