package session

import (
	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/actors/queue/ready"
	"warren/protocol"
)

// Events of a session, beside what exchanges and queues say, which are events as they are: *exchange.Routed,
// *exchange.Gone, *queue.Accepted, *queue.Deliveries, *queue.Done, *queue.Gone.
type (
	// Published: messages are numbered and under way.
	Published struct {
		Exchange *exchange.Slot
		Messages []protocol.Message
	}
	// Lost: messages are numbered, and go nowhere: they are set aside.
	Lost struct{ Messages []protocol.Message }
	// Staged: messages wait for the commit of a transaction.
	Staged struct {
		Exchange *exchange.Slot
		Messages []protocol.Message
	}
	// Settled: the client settled deliveries.
	Settled struct{ Ranges []TagRange }
	// Recovered: the client gave back everything that it has not settled, also in a transaction (basic.recover).
	Recovered struct{}
	// Committed and RolledBack end a transaction and begin the next.
	Committed  struct{}
	RolledBack struct{}
	// Commanded: the session wants something of a queue.
	Commanded struct {
		Queue *queue.Slot
		Op    queue.Op
	}
	// Subscribed: a consumer is there, before the first delivery to it.
	Subscribed struct{ Consumer Consumer }
	// Unsubscribed: it is gone.
	Unsubscribed struct{ Tag string }
	// Limited: that many deliveries to all consumers together may be unsettled; 0 is no limit.
	Limited struct{ Limit int }
	// ModeSet: confirm.select or tx.select.
	ModeSet struct{ Mode Mode }
)

// TagRange is delivery tags settled in one way.
type TagRange struct {
	First, Last uint64
	Outcome     ready.Outcome
}

// What the client is to hear.
type (
	// Returned: a mandatory message reached no queue.
	Returned struct {
		Exchange exchange.Name
		Message  protocol.Message
	}
	// Delivered: messages for a consumer, with delivery tags from FirstTag.
	Delivered struct {
		Tag      string
		FirstTag uint64
		Delivery queue.Delivery
		Queue    *queue.Slot
		Consumer uint32
	}
	// Got: the answer to a get.
	Got struct {
		Tag      uint64
		Delivery queue.Delivery
		Ready    uint64
		NoAck    bool
		Queue    *queue.Slot
	}
	// Acknowledged: publisher confirms.
	Acknowledged struct{ Confirms []Confirm }
	// Cancelled: a consumer's queue is gone, or its right to read from it.
	Cancelled struct{ Tag string }
)
