package tree

import (
	"context"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/node"
	"warren/supervision"
)

// askPatience is how long the node's actor may take for an answer. Vhosts that end take their time.
const askPatience = 60 * time.Second

// asker gives one command to the node's actor and waits for what it says. Like the importer it is no actor but a process with a PID.
type asker struct {
	system  *supervision.System
	node    *actor.PID
	request *node.Request
	answer  chan error // of one
}

// define changes the definitions of the node. It returns when that is on the disk.
func (b *Broker) define(ctx context.Context, c node.Command) error {
	a := &asker{system: b.system, node: b.definitions.PID, answer: make(chan error, 1)}
	id := b.node.Sessions.NewID()
	pid, _ := b.system.Actors().ProcessRegistry.Add(a, fmt.Sprintf("ask-%d", id))
	defer b.system.Actors().ProcessRegistry.Remove(pid)
	a.request = &node.Request{ID: id, From: pid, User: cliUser, Command: c}
	b.vhosts.Follow(pid)
	defer b.vhosts.Unfollow(pid)
	b.system.Send(a.node, a.request)
	select {
	case err := <-a.answer:
		return refused(err)
	case <-time.After(askPatience):
		return fmt.Errorf("the broker has not answered for %v: whether it is done is not known", askPatience)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// SendUserMessage implements actor.Process. It is called in the node's turn.
func (a *asker) SendUserMessage(_ *actor.PID, message any) {
	_, message, _ = actor.UnwrapEnvelope(message)
	switch m := message.(type) {
	case *node.Answer:
		if m.ID == a.request.ID {
			select {
			case a.answer <- m.Err:
			default: // it was answered twice
			}
		}
	case *node.Up: // what the incarnation before did not answer may be lost; a command that comes twice is carried out once
		a.system.Send(a.node, a.request)
	}
}

// SendSystemMessage implements actor.Process.
func (a *asker) SendSystemMessage(*actor.PID, any) {}

// Stop implements actor.Process.
func (a *asker) Stop(*actor.PID) {}
