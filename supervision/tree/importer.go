package tree

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/session"
	"warren/actors/vhost"
	"warren/protocol"
	"warren/supervision"
)

// importWindow is how many commands wait for their answers at a time: many of them share a sync of the disk.
const importWindow = 1000

// importPatience is how long the vhost may take for the next answer.
const importPatience = 30 * time.Second

// importer gives commands to a vhost as a session does, and waits for what it says. It is no actor but, as a future of Proto.Actor, a
// process with a PID: the call that waits is not on an actor's turn.
type importer struct {
	system   *supervision.System
	sessions *session.Registry
	vhost    *vhost.Directory
	id       uint64
	pid      *actor.PID
	progress chan struct{} // of one: an answer came

	mu      sync.Mutex
	next    uint64
	waiting map[uint64]any // commands by the number of their request
	refused error          // the first
}

func newImporter(system *supervision.System, sessions *session.Registry, dir *vhost.Directory) *importer {
	i := &importer{system: system, sessions: sessions, vhost: dir, id: sessions.NewID(), progress: make(chan struct{}, 1), waiting: map[uint64]any{}}
	i.pid, _ = system.Actors().ProcessRegistry.Add(i, fmt.Sprintf("import-%d", i.id))
	sessions.Add(i.id, i.pid)
	dir.Follow(i.pid)
	return i
}

func (i *importer) close() {
	i.vhost.Unfollow(i.pid)
	i.sessions.Remove(i.id)
	i.system.Actors().ProcessRegistry.Remove(i.pid)
}

// run returns when every command is answered, or with the first one refused.
func (i *importer) run(ctx context.Context, commands []any) error {
	for window := range slices.Chunk(commands, importWindow) {
		i.send(window)
		if err := i.await(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (i *importer) send(commands []any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, c := range commands {
		i.next++
		request := vhost.Request{Session: i.id, ID: i.next, User: cliUser}
		switch m := c.(type) {
		case *vhost.DeclareExchange:
			m.Request = request
		case *vhost.DeclareQueue:
			m.Request = request
		case *vhost.Bind:
			m.Request = request
		}
		i.waiting[i.next] = c
		i.system.Send(i.vhost.PID, c)
	}
}

func (i *importer) await(ctx context.Context) error {
	for {
		i.mu.Lock()
		left, err := len(i.waiting), i.refused
		i.mu.Unlock()
		if left == 0 || err != nil {
			return err
		}
		select {
		case <-i.progress:
		case <-time.After(importPatience):
			return fmt.Errorf("vhost '%s' has not answered for %v: %d objects are not known to be imported; importing again does the rest",
				i.vhost.Name, importPatience, left)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// SendUserMessage implements actor.Process. It is called in the vhost's turn.
func (i *importer) SendUserMessage(_ *actor.PID, message any) {
	_, message, _ = actor.UnwrapEnvelope(message)
	i.mu.Lock()
	defer i.mu.Unlock()
	switch m := message.(type) {
	case *vhost.Answer:
		i.answer(m)
	case *vhost.Up: // what the incarnation before did not answer may be lost; every command can come twice
		for _, id := range slices.Sorted(maps.Keys(i.waiting)) {
			i.system.Send(i.vhost.PID, i.waiting[id])
		}
	}
}

func (i *importer) answer(a *vhost.Answer) {
	command, waits := i.waiting[a.ID]
	if !waits {
		return
	}
	delete(i.waiting, a.ID)
	if a.Err != nil && i.refused == nil {
		i.refused = refusal(command, a.Err)
	}
	select {
	case i.progress <- struct{}{}:
	default: // nobody has looked since the last one
	}
}

// refusal is for what was possible when it was rehearsed: others are at work on the same vhost.
func refusal(command any, err *protocol.Error) error {
	return fmt.Errorf("%s, and what comes after it is not imported: %s", title(command), err.ReplyText())
}

// SendSystemMessage implements actor.Process.
func (i *importer) SendSystemMessage(*actor.PID, any) {}

// Stop implements actor.Process.
func (i *importer) Stop(*actor.PID) {}
