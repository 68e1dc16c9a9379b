package queue

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/protocol"
)

// What a queue takes.
type (
	// Enqueue brings messages of one publish link. The exchange sends it.
	Enqueue struct {
		Link        ready.Link
		Incarnation uint64 // of the queue it is meant for
		Exchange    string
		Settled     uint64 // sequence up to which the session waits for nothing on this link
		Messages    []protocol.Message
		Kept        *Kept // of Messages, when other queues get them as well
	}
	// Commands are what a session wants of a queue, in the session's order. The sequence has no gaps; what arrives
	// twice is applied once, and what arrives behind a gap waits to be sent again.
	Commands struct {
		To      *Slot // what has another namesake's address is refused; likewise below
		Session uint64
		First   uint64 // sequence of Ops[0]
		Ops     []Op
	}
	// Credit says that a consumer's deliveries up to Written have left for the client. Cumulative.
	Credit struct {
		To      *Slot
		Key     ready.Key
		Written uint64
	}
	// Resume asks for every delivery above what the session has received, because one of the two restarted. A cancelled consumer
	// that is missing has received everything.
	Resume struct {
		To       *Slot
		Session  uint64
		Received map[uint32]uint64
	}
	// Delete asks whether the queue may go. The queue tells the vhost that it may not, or that it may, and takes nothing
	// more.
	Delete struct {
		To                *Slot
		IfUnused, IfEmpty bool
		Session, Request  uint64
	}
	// Govern says that other policies apply to the queue: its slot has them.
	Govern struct{ To *Slot }
)

// Bulk: those who take from a queue, or ask it something, overtake what is published to it. A method that could tell is sent only when
// all that its channel published before has arrived.
func (*Enqueue) Bulk() {}

// Op is one command of a session.
type Op interface{ op() }

type (
	// Consume makes a consumer (basic.consume).
	Consume struct {
		Consumer  uint32
		Tag       string
		NoAck     bool
		Exclusive bool
		Prefetch  int
		Shared    bool // as with Share
		// DeadLetters: the consumer gets what leaves the queue to be dead-lettered, and nothing else.
		DeadLetters bool
		Priority    int64
		Arguments   protocol.Table // for the eye
		User        string         // whose limits it is held to
	}
	// Share has a consumer count in a limit that the session's consumers have together, or no longer. Such a one gets nothing but what
	// is granted: the queue says Wants as long as there is something for it.
	Share struct {
		Consumer uint32
		On       bool
	}
	// Grant lets up to N messages go to such a consumer, at once. When it is Done they are on their way, in front of the answer;
	// what is left of the grant holds no more.
	Grant struct {
		Consumer uint32
		N        int
	}
	// Cancel ends one (basic.cancel). Revoked says that the broker ends it, and not the client: nobody waits for the answer.
	Cancel struct {
		Consumer uint32
		Revoked  bool
	}
	// Settle says what became of deliveries.
	Settle struct {
		Consumer    uint32
		First, Last uint64 // delivery sequences
		Outcome     ready.Outcome
		// Sync asks that Done waits until the settlement is on disk (tx.commit).
		Sync bool
	}
	// Get asks for one message (basic.get): answered by Deliveries to the get consumer, or by Empty.
	Get struct{ NoAck bool }
	// Purge drops what waits (queue.purge).
	Purge struct{}
	// Inspect asks for the counts (queue.declare of a queue that is there).
	Inspect struct{}
	// Leave ends the session on this queue. It comes alone, when everything before it is done. Received are the
	// deliveries the session got, by consumer.
	Leave struct{ Received map[uint32]uint64 }
)

func (*Consume) op() {}
func (*Share) op()   {}
func (*Grant) op()   {}
func (*Cancel) op()  {}
func (*Settle) op()  {}
func (*Get) op()     {}
func (*Purge) op()   {}
func (*Inspect) op() {}
func (*Leave) op()   {}

// Consumer numbers that stand for basic.get, by whether the message must be acknowledged. Real consumers are numbered
// from FirstConsumer.
const (
	GetConsumer      uint32 = 0
	GetConsumerNoAck uint32 = 1
	FirstConsumer    uint32 = 2
)

// What a queue says, to sessions and to whoever follows it.
type (
	// Accepted: the link's messages up to Accepted are in the queue, and up to Confirmed as safe as they ask to be.
	// Both are cumulative.
	Accepted struct {
		Queue               *Slot
		Exchange            uint64
		Accepted, Confirmed uint64
		// Refused are sequences among them that the queue has no room for (contract Q-15).
		Refused []ready.Interval
	}
	// Deliveries are messages for one consumer.
	Deliveries struct {
		Queue    *Slot
		Consumer uint32
		Parts    []Delivery
		// Ready is what waits behind them, for basic.get-ok.
		Ready uint64
	}
	// Delivery is messages of one exchange at consecutive delivery sequences.
	Delivery struct {
		Seq         uint64
		Exchange    string
		Redelivered bool
		Reason      ready.Reason // of messages to be dead-lettered
		Messages    []protocol.Message
	}
	// Wants: there is something for a consumer that shares a limit, and it has room. It is said once for each Grant.
	Wants struct {
		Queue    *Slot
		Consumer uint32
	}
	// Done: the session's commands up to Upto are applied; Replies are for those that wait.
	Done struct {
		Queue   *Slot
		Upto    uint64
		Replies []Reply
	}
	// Reply answers one command, or a Delete.
	Reply struct {
		Seq           uint64
		Err           *protocol.Error
		Empty         bool   // to Get
		Messages      uint64 // to Purge: dropped; to Inspect: ready
		ConsumerCount uint32
	}
	// Refused tells the vhost that the queue may not be deleted. Session and Request are those of the Delete.
	Refused struct {
		Queue            *Slot
		Session, Request uint64
		Err              *protocol.Error
	}
	// Deletable tells the vhost that the queue takes nothing more and may be deleted. Session and Request are those of
	// the Delete, or 0 when the queue goes by itself (auto-delete).
	Deletable struct {
		Queue            *Slot
		Messages         uint64
		Session, Request uint64
	}
	// DeadLettering tells who publishes the dead letters of a vhost that the queue has some, and no consumer for them.
	DeadLettering struct{ Queue *Slot }
	// Unused tells the vhost that an auto-delete queue lost its last consumer.
	Unused struct{ Queue *Slot }
	// Up: the queue has a new incarnation. Whatever was sent to the one before may be lost.
	Up struct {
		Queue       *Slot
		Incarnation uint64
	}
	// Gone: the queue was deleted.
	Gone struct{ Queue *Slot }
	// Crashed: the queue was given up. Nobody hears of it again, until it is restarted by hand.
	Crashed struct{ Queue *Slot }
)

// LetGo has a queue look at what it keeps in memory, which it otherwise does when it has something to do: memory is short, or the
// queue was Idle for long. It is sent again as long as that is so.
type LetGo struct{ Idle bool }

// Sessions tells which sessions live, and where.
type Sessions interface {
	// Lookup returns the session's actor, or nil when the session is over.
	Lookup(session uint64) *actor.PID
}

// Ledger is the node's account of memory.
type Ledger interface {
	// Resident adds delta bytes to what queues hold in memory. It is called from anywhere, by the collector too.
	Resident(delta int)
}
