package ready

// Link is a publish link: one session's messages through one exchange. The queue applies them in order, and once.
type Link struct{ Session, Exchange uint64 }

// Event is what happened to a queue. Events are immutable and own what they hold.
type Event interface{ event() }

type (
	// Enqueued: messages of one link arrived, at the next free indexes.
	Enqueued struct {
		Link  Link
		Level Level
		Content
	}
	// Refused: messages of one link were not taken. The publisher has heard what was said of those up to Settled.
	Refused struct {
		Link      Link
		Sequences []Interval
		Settled   uint64
	}
	// Together: all of it, or nothing.
	Together struct{ Events []Event }
	// Delivered: the messages at Interval went to a consumer, as its next delivery sequences.
	Delivered struct {
		Key         Key
		Interval    Interval
		Redelivered bool
		Reason      Reason // of those that are dead
	}
	// Settled: a consumer's deliveries First..Last are done with, in the way of Outcome.
	Settled struct {
		Key         Key
		First, Last uint64
		Outcome     Outcome
	}
	// Subscribed: a consumer is there.
	Subscribed struct{ Consumer Consumer }
	// Unsubscribed: a consumer was cancelled; its deliveries stay with its session.
	Unsubscribed struct{ Key Key }
	// Shared: a consumer shares a limit with others of its session from now on, or no longer.
	Shared struct {
		Key Key
		On  bool
	}
	// GetterMade: the pseudo consumer through which a session gets single messages.
	GetterMade struct {
		Key   Key
		NoAck bool
	}
	// Dropped: these messages, as far as they wait, are gone, or dead.
	Dropped struct {
		Intervals  []Interval
		Reason     Reason
		DeadLetter bool
	}
	// Released: the messages whose time came are on their way, in the order of their times.
	Released struct{ Intervals []Interval }
	// Purged: every waiting message was dropped.
	Purged struct{}
	// Commanded: the session's command with this sequence has taken effect, by Events, which happen together.
	Commanded struct {
		Session, Seq uint64
		Events       []Event
	}
	// SessionEnded: the session is gone with its consumers; what it had not settled waits again, but for the no-ack
	// deliveries up to Received, which it had got.
	SessionEnded struct {
		Session  uint64
		Received map[uint32]uint64
	}
	// LinksDropped: the links of sessions that are gone.
	LinksDropped struct{ Links []Link }
)

// Outcome is how a delivery was settled.
type Outcome uint8

const (
	// Acked: the message is done.
	Acked Outcome = iota
	// Requeued: the message waits again, at its old place, as redelivered.
	Requeued
	// Discarded: rejected without requeue.
	Discarded
	// Buried: rejected without requeue, to be dead-lettered.
	Buried
)

func (*Enqueued) event()     {}
func (*Together) event()     {}
func (*Refused) event()      {}
func (*Delivered) event()    {}
func (*Settled) event()      {}
func (*Subscribed) event()   {}
func (*Unsubscribed) event() {}
func (*Shared) event()       {}
func (*GetterMade) event()   {}
func (*Purged) event()       {}
func (*Released) event()     {}
func (*Dropped) event()      {}
func (*Commanded) event()    {}
func (*SessionEnded) event() {}
func (*LinksDropped) event() {}
