package persistence

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// What the journal takes and says.
type (
	// Append brings records of one durable stream, in order. One that came before is left out; what is behind a gap waits
	// to be sent again.
	Append struct {
		Stream  string
		From    *actor.PID // hears of Durable
		Records []Record
	}
	// Record is one event of a durable stream, numbered from 1 without gaps.
	Record struct {
		Index   uint64
		Kind    uint8
		Payload []byte
	}
	// Checkpoint stands for every record of a stream up to Upto but those that live on.
	Checkpoint struct {
		Stream  string
		Upto    uint64
		Kind    uint8
		Payload []byte
		Live    []uint64
	}
	// Forget ends a stream.
	Forget struct{ Stream string }
	// Durable: the stream's records up to Upto are as safe as journal.sync makes them.
	Durable struct {
		Stream string
		Upto   uint64
	}
)

// Log is the way to the journal: its actor, and what was found on disk when the broker started.
type Log struct {
	PID *actor.PID

	mu        sync.Mutex
	recovered map[string][]Record
}

// Recovered returns the records of a stream that were on disk at the start, with a checkpoint in place of those it stands
// for. It returns them once: from then on the stream's owner knows better.
func (l *Log) Recovered(stream string) []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.recovered[stream]
	delete(l.recovered, stream)
	return r
}

// Streams are the names of the streams that were on disk and that nobody has asked for.
func (l *Log) Streams() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for name := range l.recovered {
		out = append(out, name)
	}
	return out
}
