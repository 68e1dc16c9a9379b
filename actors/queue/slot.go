package queue

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/settings"
	"warren/persistence/volatile"
	"warren/protocol"
)

// Name is a queue's name within its vhost.
type Name string

// Slot is what others may know of a queue. It is made when the queue is declared, survives every restart of the queue's
// actor, and stays as a tombstone with those who still hold it when the queue is gone.
type Slot struct {
	*Home
	ID         uint64
	Name       Name
	Durable    bool
	AutoDelete bool
	// Owner is the connection an exclusive queue belongs to; 0 when it is not exclusive.
	Owner     uint64
	Arguments protocol.Table
	Declared  *settings.Settings // what Arguments mean, shared by queues that are declared alike; nil for nothing: see Settings
	// Stored names the durable stream of what the queue holds; empty for one that keeps nothing on disk.
	Stored string

	pid         atomic.Pointer[actor.PID] // see PID
	incarnation atomic.Uint64
	gone        atomic.Bool
	crashed     atomic.Bool
	followers   Followers
	governed    atomic.Pointer[Governed] // written by the vhost alone
	past        atomic.Pointer[past]     // nil while there is nothing to remember

	// Counters live here and not in the actor, so that a restart does not turn them back.
	Ready, Unacked, Bytes, Delivered, Published atomic.Int64
	// Bytes of the bodies that wait and that consumers have, and messages that are on disk alone.
	ReadyBytes, UnackedBytes, OnDisk atomic.Int64
	// Dying is how many messages are on their way to be dead letters, in neither of those numbers.
	Dying     atomic.Int64
	own       atomic.Int64 // of Bytes, what the queue has entered into the ledger by itself
	consumers atomic.Pointer[[]ConsumerInfo]
}

// Home is where queues live: what those of one vhost have in common.
type Home struct {
	VHost string
	// Address is the PID of a queue's actor by its path, whether there is one or not.
	Address func(Name) *actor.PID
}

// PID of the queue's actor. It is the one that the actor's process has, which is enough for both: a PID and its path are 144 bytes. Before the
// actor first started it is one of the same path.
func (s *Slot) PID() *actor.PID {
	if p := s.pid.Load(); p != nil {
		return p
	}
	s.pid.CompareAndSwap(nil, s.Address(s.Name))
	return s.pid.Load()
}

// ConsumerInfo is one consumer, as list_consumers shows it.
type ConsumerInfo struct {
	Session   uint64
	Tag       string
	NoAck     bool
	Exclusive bool
	Prefetch  int
	Arguments protocol.Table
	// Single is set where one consumer at a time is active.
	Single, Active bool
}

// ActivityStatus is the consumer's as list_consumers names it.
func (c *ConsumerInfo) ActivityStatus() string {
	switch {
	case !c.Single:
		return "up"
	case c.Active:
		return "single_active"
	}
	return "waiting"
}

// Settings are what the arguments of the queue mean; InForce is what policies make of it. They must not be changed.
func (s *Slot) Settings() *settings.Settings {
	if s.Declared != nil {
		return s.Declared
	}
	return &settings.Undeclared
}

// Incarnation is that of the actor that runs the queue now. Batches carry it, so that what was sent to a former one is
// refused instead of taken out of order.
func (s *Slot) Incarnation() uint64 { return s.incarnation.Load() }

// claim makes an incarnation the one that runs the queue and writes to the slot, and self its actor. One before the newest is refused: it was stuck, has been
// replaced, and wakes up.
func (s *Slot) claim(incarnation uint64, self *actor.PID) {
	for now := s.incarnation.Load(); !s.incarnation.CompareAndSwap(now, max(now, incarnation)); now = s.incarnation.Load() {
	}
	s.hold(incarnation)
	s.pid.Store(self)
}

// hold panics when the slot is another incarnation's by now.
func (s *Slot) hold(incarnation uint64) {
	if now := s.incarnation.Load(); now != incarnation {
		panic(fmt.Errorf("incarnation %d writes to the slot of queue %s, which is %d's: %w", incarnation, s.Name, now, volatile.ErrStale))
	}
}

// Gone says that the queue was deleted.
func (s *Slot) Gone() bool { return s.gone.Load() }

// Bury makes the slot a tombstone and tells everybody who follows it.
func (s *Slot) Bury(send func(*actor.PID, any)) {
	s.gone.Store(true)
	s.followers.Each(func(p *actor.PID) { send(p, &Gone{Queue: s}) })
}

// Crashed says that the queue's actor crashed too often and was given up. What the queue holds is kept.
func (s *Slot) Crashed() bool { return s.crashed.Load() }

// GiveUp marks the queue as crashed and tells everybody who follows it.
func (s *Slot) GiveUp(send func(*actor.PID, any)) {
	s.crashed.Store(true)
	s.followers.Each(func(p *actor.PID) { send(p, &Crashed{Queue: s}) })
}

// CrashedError is contract Q-26's for a method that needs such a queue.
func (s *Slot) CrashedError() *protocol.Error {
	return protocol.NotFound("queue '%s' in vhost '%s' has crashed and failed to restart", s.Name, s.VHost)
}

// Follow lets an actor know of every new incarnation of the queue ([Up]) and of its end ([Gone]).
func (s *Slot) Follow(p *actor.PID) { s.followers.Add(p) }

// Unfollow ends Follow.
func (s *Slot) Unfollow(p *actor.PID) { s.followers.Remove(p) }

// Consumers are the queue's consumers. The slice must not be changed.
func (s *Slot) Consumers() []ConsumerInfo {
	if c := s.consumers.Load(); c != nil {
		return *c
	}
	return nil
}

// Followers are the actors that depend on another one and must hear when it comes back.
type Followers struct {
	mu   sync.Mutex
	pids map[string]*actor.PID
}

// Add is idempotent.
func (f *Followers) Add(p *actor.PID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pids == nil {
		f.pids = map[string]*actor.PID{}
	}
	f.pids[p.Id] = p
}

// Remove is idempotent.
func (f *Followers) Remove(p *actor.PID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.pids, p.Id)
}

// Each calls g for every follower.
func (f *Followers) Each(g func(*actor.PID)) {
	f.mu.Lock()
	pids := make([]*actor.PID, 0, len(f.pids))
	for _, p := range f.pids {
		pids = append(pids, p)
	}
	f.mu.Unlock()
	for _, p := range pids {
		g(p)
	}
}
