package queue

import (
	"warren/actors/queue/ready"
	"warren/actors/rate"
)

// What a consumer may have on the way to its socket, acknowledged or not. A client that never reads holds this much and
// nothing else (RabbitMQ: classic_queue_consumer_unsent_message_limit, there 200 messages).
const (
	windowMessages = 4096
	windowBytes    = 1 << 20
)

// window counts what went to a consumer and has not left for the client. It is credit and not state: a restart begins with
// what is sent again.
type window struct {
	written uint64 // delivery sequence
	bytes   int
	flights []flight

	rates  *rate.Scope  // of the consumer's user
	waiter *rate.Waiter // nil before its limit was first found closed
	wants  bool         // its session was told that it wants something, and has not granted anything since
}

type flight struct {
	last  uint64 // delivery sequence
	bytes int
}

// room is how many messages may go out now, whatever their size.
func (w *window) room(c *ready.Consumer) int {
	if w.bytes >= windowBytes {
		return 0
	}
	return min(c.Room(), windowMessages-int(c.Sent-w.written))
}

func (w *window) sent(last uint64, bytes int) {
	w.bytes += bytes
	w.flights = append(w.flights, flight{last, bytes})
}

// credit enters what has left for the client, and returns how much of it is new.
func (w *window) credit(written uint64) (messages, bytes int) {
	if written <= w.written {
		return 0, 0
	}
	messages, bytes = int(written-w.written), w.bytes
	w.written = written
	n := 0
	for n < len(w.flights) && w.flights[n].last <= written {
		w.bytes -= w.flights[n].bytes
		n++
	}
	w.flights = w.flights[:copy(w.flights, w.flights[n:])]
	return messages, bytes - w.bytes
}
