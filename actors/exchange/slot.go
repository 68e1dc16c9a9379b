package exchange

import (
	"fmt"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/persistence/volatile"
	"warren/protocol"
)

// Name is an exchange's name within its vhost. The default exchange has the empty name.
type Name string

// Slot is what others may know of an exchange. It survives every restart of the exchange's actor, and stays as a
// tombstone with those who still hold it when the exchange is gone.
type Slot struct {
	ID         uint64
	VHost      string
	Name       Name
	Type       string
	Durable    bool
	AutoDelete bool
	Internal   bool
	Arguments  protocol.Table
	// Alternate is where messages go that reach nothing here, by its arguments (RabbitMQ, alternate exchanges).
	Alternate Name
	PID       *actor.PID
	// Holds is the queue that holds back what an exchange of type x-delayed-message is to route later; nil for other types.
	Holds *queue.Slot
	// Seed is the randomness of an exchange that goes by chance. With the session and the sequence of a message it decides
	// where that goes, so that a message which is routed again, because a crash lost word of its route, goes there again.
	Seed uint64

	table       atomic.Pointer[Table]    // written by the vhost alone
	governed    atomic.Pointer[Governed] // likewise
	incarnation atomic.Uint64
	gone        atomic.Bool
	followers   queue.Followers
	poison      queue.Poison
	session     atomic.Uint64 // of an exchange that publishes itself
	kept        atomic.Int64  // bytes it remembers, in the node's ledger

	// Published counts the messages that came in.
	Published atomic.Int64
}

// Table is the routing table in force. The default exchange has none.
func (s *Slot) Table() Table { return *s.table.Load() }

// Publish puts a new table in force. Only the vhost calls it.
func (s *Slot) Publish(t Table) { s.table.Store(&t) }

// Incarnation is that of the actor that runs the exchange now.
func (s *Slot) Incarnation() uint64 { return s.incarnation.Load() }

// claim makes an incarnation the one that runs the exchange and writes to the slot. One before the newest is refused: it was stuck, has been
// replaced, and wakes up.
func (s *Slot) claim(incarnation uint64) {
	for now := s.incarnation.Load(); !s.incarnation.CompareAndSwap(now, max(now, incarnation)); now = s.incarnation.Load() {
	}
	s.hold(incarnation)
}

// hold panics when the slot is another incarnation's by now.
func (s *Slot) hold(incarnation uint64) {
	if now := s.incarnation.Load(); now != incarnation {
		panic(fmt.Errorf("incarnation %d writes to the slot of exchange %s, which is %d's: %w", incarnation, s.Name, now, volatile.ErrStale))
	}
}

// Gone says that the exchange was deleted.
func (s *Slot) Gone() bool { return s.gone.Load() }

// Bury makes the slot a tombstone and tells everybody who follows it.
func (s *Slot) Bury(send func(*actor.PID, any)) {
	s.gone.Store(true)
	s.followers.Each(func(p *actor.PID) { send(p, &Gone{Exchange: s}) })
}

// Follow lets an actor know of every new incarnation of the exchange ([Up]) and of its end ([Gone]).
func (s *Slot) Follow(p *actor.PID) { s.followers.Add(p) }

// Unfollow ends Follow.
func (s *Slot) Unfollow(p *actor.PID) { s.followers.Remove(p) }
