package vhost

import (
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/persistence/volatile"
)

// state is whether a vhost is there for its clients.
type state struct {
	down, gone atomic.Bool

	mu      sync.Mutex
	orphans []uint64 // connections that ended while it was down: their exclusive queues are still declared
}

// Down says that the vhost did not start, or crashed too often and was given up (contract P-12).
func (d *Directory) Down() bool { return d.state.down.Load() }

// Gone says that the vhost was deleted.
func (d *Directory) Gone() bool { return d.state.gone.Load() }

// Bury marks the vhost as deleted: nobody gets in any more.
func (d *Directory) Bury() { d.state.gone.Store(true) }

// GiveUp is for a vhost of which nothing runs any more. Whoever waits for something in it hears that. What its queues hold is kept,
// for when it is started again: then everything in it has another slot.
func (d *Directory) GiveUp(ledger queue.Ledger, send func(*actor.PID, any)) {
	d.pen.drop()
	d.state.down.Store(true)
	for _, s := range d.AllQueues() {
		d.queues.Delete(string(s.Name))
		s.GiveUp(send)
		s.LeaveAccount(ledger)
	}
	d.account(ledger, 0)
	d.clear(send)
}

// Forget is for a deleted vhost of which nothing runs any more: what it held in memory is dropped.
func (d *Directory) Forget(streams *volatile.Store, ledger queue.Ledger, send func(*actor.PID, any)) {
	d.pen.drop()
	d.state.down.Store(true)
	for _, s := range d.AllQueues() {
		d.queues.Delete(string(s.Name))
		s.Bury(send)
		s.Forget(streams, ledger)
	}
	streams.Drop(storedName(d.Key))
	d.account(ledger, 0)
	d.clear(send)
}

func (d *Directory) clear(send func(*actor.PID, any)) {
	for _, s := range d.Exchanges() {
		d.exchanges.Delete(string(s.Name))
		s.Bury(send)
	}
	d.version.Add(1)
	d.followers.Each(func(p *actor.PID) { send(p, &Down{}) })
}

// Orphan notes that a connection ended when the vhost is down and cannot be told. It says no when it is not.
func (d *Directory) Orphan(connection uint64) bool {
	d.state.mu.Lock()
	defer d.state.mu.Unlock()
	if !d.Down() {
		return false
	}
	d.state.orphans = append(d.state.orphans, connection)
	return true
}

// rise ends Down, and returns whose exclusive queues are to go.
func (d *Directory) rise() []uint64 {
	d.state.mu.Lock()
	defer d.state.mu.Unlock()
	d.state.down.Store(false)
	orphans := d.state.orphans
	d.state.orphans = nil
	return orphans
}
