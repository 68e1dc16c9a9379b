package supervision

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// spawner starts the processes of all children. Proto.Actor wants Props for that, which are a quarter of a kibibyte with their closures:
// one is enough for all supervisors, since each connection is one. Nor is Proto.Actor told whose child a process is: it would keep a set of those
// of each supervisor, 620 bytes and 80 for each child, which it needs only where it stops them (see supervisor.collapse).
type spawner struct {
	root  actor.SpawnerContext
	mu    sync.Mutex // held while a process is made, which waits for nothing
	child *child     // whose process that is
	props *actor.Props
}

func newSpawner(d actor.Dispatcher, root actor.SpawnerContext) *spawner {
	sp := &spawner{root: root}
	sp.props = actor.PropsFromProducer(
		func() actor.Actor { return sp.child.life.actor() },
		actor.WithMailbox(func() actor.Mailbox { return sp.child.life }),
		actor.WithDispatcher(d))
	return sp
}

func (sp *spawner) spawn(c *child) error {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.child = c
	defer func() { sp.child = nil }()
	_, err := sp.root.SpawnNamed(sp.props, c.path)
	return err
}
