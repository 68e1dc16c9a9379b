package ready

import "warren/protocol"

// Content is the messages of one batch. It is never written again, so that the live state, the stream and the deliveries share it.
type Content struct {
	Exchange string // as named by the publisher
	Messages []protocol.Message
	// Arrived is when, in Unix milliseconds; 0 where nothing expired when they came. Expiries are when each message goes by its own time to
	// live, 0 for never; empty where none has one.
	Arrived  int64
	Expiries []int64
	// Held: the messages are held back, and Expiries are when each goes on its way.
	Held bool
	// Encoded is what the messages are on disk, when other queues have the same.
	Encoded *Encoded
	// Common is the batch that the messages are of, or a part of, when other queues have it as well.
	Common *Common
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

// settled says that nothing is left of it.
func settled(e extent) bool { return e.live == 0 }

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
