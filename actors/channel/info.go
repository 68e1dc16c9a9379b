package channel

import (
	"sync/atomic"

	"warren/actors/queue"
	"warren/actors/rate"
)

// Info is what list_channels shows of a channel. It belongs to the connection and survives the channel's actor.
type Info struct {
	Number  uint16
	Session uint64

	Mode         atomic.Int32 // a session.Mode
	Consumers    atomic.Int64
	Prefetch     atomic.Int64
	Limit        atomic.Int64 // of unacknowledged messages to all consumers together
	Unacked      atomic.Int64
	Unconfirmed  atomic.Int64
	Uncommitted  atomic.Int64
	Unsettled    atomic.Int64 // acknowledgements that wait for tx.commit
	Ending       atomic.Int32 // an Ending
	PublishCount atomic.Int64
	// Slowest is a queue that much of what was published waits for, nil for none.
	Slowest atomic.Pointer[queue.Slot]
	// Limited is the limit that a basic.get waits for, nil for none, and LimitedSince when that began.
	Limited      atomic.Pointer[rate.Limit]
	LimitedSince atomic.Int64 // nanoseconds since the Unix epoch
	staged       atomic.Int64 // bytes of an open transaction that the node's ledger knows of

	// Fault is set when the channel ended its connection.
	Fault atomic.Pointer[Fault]

	poison poison
}
