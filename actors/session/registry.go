package session

import (
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// Registry knows which sessions live. Exchanges and queues ask it; a session that is not in it is over, whatever of it
// is still on its way.
type Registry struct {
	epoch    uint64 // of the boot, in the upper half of every id
	counter  atomic.Uint32
	sessions sync.Map // uint64 -> *actor.PID
}

// NewRegistry makes a registry whose ids begin with the epoch of this boot, so that no id is ever used again.
func NewRegistry(epoch uint32) *Registry { return &Registry{epoch: uint64(epoch) << 32} }

// NewID returns an id that no session had or will have.
func (r *Registry) NewID() uint64 { return r.epoch | uint64(r.counter.Add(1)) }

// Add makes a session known.
func (r *Registry) Add(id uint64, pid *actor.PID) { r.sessions.Store(id, pid) }

// Remove ends it.
func (r *Registry) Remove(id uint64) { r.sessions.Delete(id) }

// Lookup returns the session's actor, or nil when the session is over.
func (r *Registry) Lookup(id uint64) *actor.PID {
	if p, ok := r.sessions.Load(id); ok {
		return p.(*actor.PID)
	}
	return nil
}
