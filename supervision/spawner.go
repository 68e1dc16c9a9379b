package supervision

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// spawner starts the processes of all children. Proto.Actor wants Props for that, which are a quarter of a kibibyte with their closures:
// one is enough for all supervisors, since each connection is one.
type spawner struct {
	mu    sync.Mutex // held while a process is made, which waits for nothing
	child *child     // whose process that is
	props *actor.Props
}

func newSpawner(d actor.Dispatcher) *spawner {
	sp := &spawner{}
	sp.props = actor.PropsFromProducer(
		func() actor.Actor { return sp.child.life.actor() },
		actor.WithMailbox(func() actor.Mailbox { return sp.child.life }),
		actor.WithDispatcher(d),
		// Its own name for the process is the path that the child has already.
		actor.WithSpawnFunc(func(as *actor.ActorSystem, _ string, p *actor.Props, parent actor.SpawnerContext) (*actor.PID, error) {
			return actor.DefaultSpawner(as, sp.child.node.path, p, parent)
		}))
	return sp
}

func (sp *spawner) spawn(ctx actor.SpawnerContext, c *child) (*actor.PID, error) {
	sp.mu.Lock()
	defer sp.mu.Unlock()
	sp.child = c
	defer func() { sp.child = nil }()
	return ctx.SpawnNamed(sp.props, c.spec.ID)
}
