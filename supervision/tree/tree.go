// Package tree is the composition root: the whole supervision tree in one place, in the order in which it boots. It is
// shut down in reverse.
//
//	warren                      one_for_one
//	├── alarms                  what watches memory
//	├── core                    rest_for_one
//	│   ├── journal             the persistence actor
//	│   ├── definitions         users, vhosts, permissions, limits
//	│   └── vhosts              one_for_one, dynamic
//	│       └── vhost "/"       rest_for_one
//	│           ├── definitions the vhost's actor
//	│           ├── queues      one_for_one, dynamic
//	│           ├── exchanges   one_for_one, dynamic
//	│           └── dead-letters their publisher
//	└── listeners               one_for_one     opened last, closed first
//	    └── listener :5672      one_for_one
//	        ├── connections     simple_one_for_one
//	        │   └── connection  one_for_one, temporary: the connection's actor, its channels
//	        └── acceptor
package tree

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/alarm"
	"warren/actors/connection"
	"warren/actors/deadletter"
	"warren/actors/node"
	"warren/actors/vhost"
	"warren/internal/host"
	"warren/persistence"
	"warren/supervision"
)

const top = "warren"

// limit is an intensity: more restarts than that within the time, and the supervisor gives up to its own.
func limit(restarts int, within time.Duration) supervision.Limit {
	return supervision.Limit{Restarts: restarts, Within: within}
}

// spec is the top. Beyond its intensity the process ends, with the whole reason: a broker whose core cannot be kept
// running must not look alive.
func (b *Broker) spec() supervision.Spec {
	return supervision.Spec{
		Strategy: supervision.OneForOne,
		Limit:    limit(3, 60*time.Second),
		Children: []supervision.ChildSpec{b.alarms(), b.core(), b.listeners()},
	}
}

// alarms is in front of everything that may need memory.
func (b *Broker) alarms() supervision.ChildSpec {
	m := &alarm.Monitor{
		Memory: b.memory, RSS: host.ResidentSetSize, Sweep: b.letGo(), Rest: b.rest, Age: b.Config.PagingAfter, System: b.system, Log: b.node.Log,
	}
	return supervision.ChildSpec{ID: "alarms", Kind: "alarms", Restart: supervision.Permanent, Shutdown: time.Second, New: m.New}
}

// core is rest_for_one: whatever stands behind the journal is a fold over its streams, and starts again when it does.
// Listeners and connections are not behind it: they stay and resynchronise.
func (b *Broker) core() supervision.ChildSpec {
	return supervision.ChildSpec{ID: "core", Supervisor: &supervision.Spec{
		Strategy: supervision.RestForOne,
		Limit:    limit(5, 60*time.Second),
		Children: []supervision.ChildSpec{
			{
				ID: "journal", Kind: "journal", Restart: supervision.Permanent, Shutdown: 30 * time.Second,
				StartTimeout:  supervision.Infinity, // it reads what the process before left
				Irreplaceable: true,                 // two writers of one directory; a disk that hangs hangs the second one, too
				Blocks:        true,
				Drains:        true, // the last settlements of queues that have stopped
				New: func(uint64) actor.Actor {
					return &persistence.Journal{Log: b.journal, Logs: b.node.Log, Await: b.system.Await}
				},
			},
			{
				// What there is and who may do what: vhosts are started and stopped as it says.
				ID: "definitions", Kind: "node", Restart: supervision.Permanent, Shutdown: 5 * time.Second,
				New: func(incarnation uint64) actor.Actor { return node.New(b.definitions, incarnation) },
			},
			{ID: "vhosts", Supervisor: &supervision.Spec{
				Strategy: supervision.OneForOne, // one vhost's trouble is not another's
				Limit:    limit(5, 60*time.Second),
				Dynamic:  b.definitions.Specs,
			}},
		},
	}}
}

// vhost is rest_for_one: queues and exchanges are projections of the definitions. Queues are in front of exchanges, which
// follow their incarnations. 2 in 300 s is RabbitMQ's limit for a vhost; one that keeps crashing is down (contract P-12) until
// somebody restarts it, and the others go on.
func (b *Broker) vhost(d *vhost.Directory) supervision.ChildSpec {
	path := vhostPath(d.Name)
	o := vhost.Options{
		Directory: d, Access: b.node.Users, System: b.system, Streams: b.streams, Journal: b.journal, Sessions: b.node.Sessions, Owners: b.node.Connections, Ledger: b.memory, Memory: b.memory,
		Resident: int(b.Config.QueueResident), Poison: b.node.Poison, Log: b.node.Log, DeadLetters: b.system.PID(path + "/dead-letters"), Queues: path + "/queues", Exchanges: path + "/exchanges",
	}
	down := func(any) {
		d.GiveUp(b.memory, b.system.Send)
		b.closeConnections("", d.Name, "vhost '"+d.Name+"' is down")
	}
	return supervision.ChildSpec{ID: supervision.Escape(d.Name), GiveUp: &supervision.Limit{}, OnGiveUp: down, Supervisor: &supervision.Spec{
		Strategy: supervision.RestForOne,
		Limit:    limit(2, 300*time.Second),
		Children: []supervision.ChildSpec{
			{
				ID: "definitions", Kind: "vhost", Restart: supervision.Permanent, Shutdown: 5 * time.Second,
				New: func(incarnation uint64) actor.Actor { return vhost.New(o, incarnation) },
			},
			// A queue has a limit of its own (vhost.QueueSpec), so that these two never give up because of one entity.
			{ID: "queues", Supervisor: &supervision.Spec{
				Strategy: supervision.OneForOne, Limit: limit(10, 10*time.Second), Dynamic: o.QueueSpecs,
			}},
			{ID: "exchanges", Supervisor: &supervision.Spec{
				Strategy: supervision.OneForOne, Limit: limit(10, 10*time.Second), Dynamic: o.ExchangeSpecs,
			}},
			// Behind those that it takes from and publishes to, so that nothing waits for it to come back.
			{
				ID: "dead-letters", Kind: "dead-letters", Restart: supervision.Permanent, Shutdown: 5 * time.Second,
				New: func(incarnation uint64) actor.Actor {
					return deadletter.New(deadletter.Options{
						VHost: o.Directory, Sessions: b.node.Sessions, Streams: b.streams, Now: time.Now, Log: b.node.Log,
					}, incarnation)
				},
			},
		},
	}}
}

// listeners are last: nobody gets in before everything is there.
func (b *Broker) listeners() supervision.ChildSpec {
	spec := &supervision.Spec{Strategy: supervision.OneForOne, Limit: limit(5, 60*time.Second)}
	for _, socket := range b.sockets {
		spec.Children = append(spec.Children, connection.NewListener(b.node, socket, top+"/listeners").Spec())
	}
	return supervision.ChildSpec{ID: "listeners", Supervisor: spec}
}

// vhostPath is where a vhost lives in the tree.
func vhostPath(name string) string { return top + "/core/vhosts/" + supervision.Escape(name) }
