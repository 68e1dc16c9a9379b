package vhost

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/internal/index"
	"warren/protocol"
)

// Directory leads from names to slots. It belongs to one vhost, whose actor alone writes it, and survives that actor.
type Directory struct {
	// Name of the vhost.
	Name string
	// Key is what its durable streams are called by.
	Key string
	// PID of the vhost's actor, for commands.
	PID *actor.PID

	exchanges  *index.Index[exchange.Slot]
	queues     *index.Index[queue.Slot]
	queuesHome *queue.Home // nil before the first queue
	alike      alike
	leaving    leaving // taken out of these two
	pen        pen     // whoever writes all three, and tables
	version    atomic.Uint64
	ids        atomic.Uint64
	followers  queue.Followers
	state      state
	deleted    queue.Receipts[uint64]          // how many messages went with queues
	refused    queue.Receipts[*protocol.Error] // requests
	poison     queue.Poison                    // requests that have killed the vhost's actor
	accounted  atomic.Int64                    // what the ledger knows of the definitions
}

// NewDirectory returns the empty directory of a vhost whose actor is pid.
func NewDirectory(name, key string, pid *actor.PID) *Directory {
	return &Directory{
		Name: name, Key: key, PID: pid,
		exchanges: index.New(func(s *exchange.Slot) string { return string(s.Name) }),
		queues:    index.New(func(s *queue.Slot) string { return string(s.Name) }),
	}
}

// account enters what the definitions take in memory into the node's ledger: no client may have declared the memory away before an
// alarm says so.
func (d *Directory) account(ledger queue.Ledger, bytes int) {
	ledger.Resident(bytes - int(d.accounted.Swap(int64(bytes))))
}

// Queue returns the slot of a queue that exists, or nil.
func (d *Directory) Queue(name queue.Name) *queue.Slot { return d.queues.Get(string(name)) }

// Exchange returns the slot of an exchange that exists, or nil.
func (d *Directory) Exchange(name exchange.Name) *exchange.Slot { return d.exchanges.Get(string(name)) }

// RoutingVersion changes with everything that may change a route.
func (d *Directory) RoutingVersion() uint64 { return d.version.Load() }

// Follow lets an actor know of every new incarnation of the vhost ([Up]).
func (d *Directory) Follow(p *actor.PID) { d.followers.Add(p) }

// Unfollow ends Follow.
func (d *Directory) Unfollow(p *actor.PID) { d.followers.Remove(p) }

// Queues are the queues there are now, by name, but for those that nobody lists.
func (d *Directory) Queues() []*queue.Slot {
	return slices.DeleteFunc(d.AllQueues(), (*queue.Slot).Hidden)
}

// AllQueues are those and the hidden ones, by name.
func (d *Directory) AllQueues() []*queue.Slot {
	return slices.SortedFunc(d.queues.All(), func(a, b *queue.Slot) int { return strings.Compare(string(a.Name), string(b.Name)) })
}

// Exchanges are the exchanges there are now, by name.
func (d *Directory) Exchanges() []*exchange.Slot {
	return slices.SortedFunc(d.exchanges.All(), func(a, b *exchange.Slot) int { return strings.Compare(string(a.Name), string(b.Name)) })
}

// BindingInfo is one binding, as list_bindings shows it.
type BindingInfo struct {
	Source, Destination, Kind, Key string
	Arguments                      protocol.Table
}

// Bindings are the bindings of all exchanges that are in force, in the order of their exchanges.
func (d *Directory) Bindings() []BindingInfo {
	var out []BindingInfo
	for _, x := range d.Exchanges() {
		x.Table().Each(func(b exchange.Binding) {
			info := BindingInfo{Source: string(x.Name), Key: b.Key, Arguments: b.Arguments}
			if b.To.Queue != nil {
				info.Kind, info.Destination = "queue", string(b.To.Queue.Name)
			} else {
				info.Kind, info.Destination = "exchange", string(b.To.Exchange.Name)
			}
			out = append(out, info)
		})
	}
	return out
}
