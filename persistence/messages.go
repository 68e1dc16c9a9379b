package persistence

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/internal/columns"
	"warren/persistence/journal"
)

// What the persistence actor takes and says.
type (
	// Append brings records of one durable stream, in order. One that came before is left out; what is behind a gap waits
	// to be sent again.
	Append struct {
		Stream      string
		Incarnation uint64     // of the writer
		From        *actor.PID // hears of Durable
		Records     []Record
		Token       uint64 // comes back with Durable
		// Lazy records may wait for the next group, or 50 ms: nobody waits for them.
		Lazy bool
		tail *tail // of what a provider sends
	}
	// Record is one event of a durable stream, numbered from 1 without gaps; index 0 stands for the next one.
	Record struct {
		Index    uint64
		Kind     uint8
		Messages bool // holds messages, which live on behind a checkpoint until they are settled
		// Summary is how many bytes at the beginning of the payload tell at a start what the record holds.
		Summary int
		// Brief: the payload ends with the summary. A start reads no more; Fetch brings the rest.
		Brief   bool
		Payload []byte
		// Tail follows the payload, which is the summary alone then, in a record whose end other streams have as well.
		Tail journal.Tail
	}
	// Checkpoint stands for every record of a stream up to Upto but those that live on.
	Checkpoint struct {
		Stream      string
		Incarnation uint64
		From        *actor.PID // hears of Durable, when there is a token
		Token       uint64
		Upto        uint64
		Kind        uint8
		Payload     []byte
		Live        columns.Runs // indexes of records
		tail        *tail
	}
	// Fetch asks for records that hold messages, in rising order; From hears of Fetched.
	Fetch struct {
		Stream  string
		Records []uint64
		From    *actor.PID
		Tag     uint64 // comes back
	}
	// Fetched are the records that were asked for. Those that are damaged are missing and in Lost; Err says that the disk failed.
	Fetched struct {
		Stream  string
		Tag     uint64
		Records []Record
		Lost    []uint64
		Err     error
	}
	// Forget ends a stream.
	Forget struct{ Stream string }
	// Retain ends every stream that Keep says no to. Keep is called in the journal's turn, once the streams there are are known, so that one that
	// began since it was sent is not taken for one that is over: it must not block.
	Retain struct {
		Keep func() func(stream string) bool
	}
	// Durable: the stream's records up to Upto are as safe as journal.sync makes them.
	Durable struct {
		Stream string
		Upto   uint64
		Token  uint64 // of the newest Append or Checkpoint among them
	}
	// Stalled says to every owner of a stream that the journal cannot be written now. Durable comes when it can again.
	Stalled struct{}
)

// Bulk: whoever waits for messages from the disk need not wait behind what is to be written, whose order matters only to itself.
func (*Append) Bulk()      {}
func (*Checkpoint) Bulk()  {}
func (*Forget) Bulk()      {}
func (*Retain) Bulk()      {}
func (*readRequest) Bulk() {}
func (*commit) Bulk()      {}
