// Package node is the actor that owns the definitions of the whole node: who there is, which vhosts there are, who may do what in
// them and how much of it. It keeps them as one stream, publishes what is in force for everybody to read, and has vhosts started and
// stopped.
package node

import (
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/auth"
	"warren/actors/queue"
	"warren/persistence"
	"warren/persistence/volatile"
	eventv1 "warren/proto/event/v1"
	"warren/supervision"
)

// Options are what the actor needs of the broker.
type Options struct {
	PID     *actor.PID
	Access  *auth.Access
	VHosts  *VHosts
	System  *supervision.System
	Streams *volatile.Store
	Journal *persistence.Log
	Ledger  queue.Ledger
	Log     zerolog.Logger
	// First is what an empty data directory begins with.
	First func() (First, error)
	// Close closes every connection of a user, or in a vhost, with contract P-14's reason. Empty is any.
	Close func(user, vhost, reason string)
	// CloseStrangers closes those whose user there is not any more.
	CloseStrangers func()
}

// First is the user and the vhost that an empty data directory gets (contract O-10).
type First struct {
	User        AddUser
	VHost       string
	Permissions SetPermissions
}

// Node is the actor.
type Node struct {
	Options
	incarnation uint64
	stream      *volatile.Stream[*state, event]
	state       *state
	writer      *persistence.Writer
	events      int // since the last snapshot
	starting    map[string][]func(actor.Context, error)
	stopping    map[string][]func(actor.Context)
}

// Request is a command and who wants it. It may come twice: then it is carried out once.
type Request struct {
	ID      uint64 // never used again
	From    *actor.PID
	User    string
	Command Command
}

// Answer is for the request of that ID: it is on disk, and what it starts has started.
type Answer struct {
	ID  uint64
	Err error
}

// Up: the node's actor has a new incarnation. Requests that were not answered may be lost.
type Up struct{}

// New returns the actor for one incarnation.
func New(o Options, incarnation uint64) *Node {
	return &Node{Options: o, incarnation: incarnation, starting: map[string][]func(actor.Context, error){}, stopping: map[string][]func(actor.Context){}}
}

// Receive is the actor's table of contents.
func (n *Node) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		n.recover(ctx)
	case *Request:
		n.request(ctx, m)
	case *persistence.Durable:
		n.writer.Durable(ctx, m)
	case *supervised:
		n.supervised(ctx)
	case *started:
		n.started(ctx, m)
	case *stopped:
		n.stopped(ctx, m)
	}
}

// event is one entry of the stream in memory: what a command changed, and which request that was.
type event struct {
	request uint64
	batch   *eventv1.NodeBatch
}

// state is the fold: the definitions, and the newest requests that are carried out, so that one which is sent again is not refused
// for what it has done itself.
type state struct {
	*auth.Definitions
	requests []uint64
}

// remembered is how many requests may be sent again behind a crash.
const remembered = 256

func newState() *state { return &state{Definitions: auth.NewDefinitions()} }

// Apply changes the state by one event.
func (s *state) Apply(e event) {
	s.Definitions.Apply(e.batch)
	if e.request != 0 {
		s.requests = append(s.requests, e.request)
		s.requests = s.requests[max(0, len(s.requests)-remembered):]
	}
}

// Clone returns a copy.
func (s *state) Clone() *state { return &state{s.Definitions.Clone(), slices.Clone(s.requests)} }

// recover folds the stream and puts in force what it says. The supervisor of vhosts starts behind and takes what to start from the
// register.
func (n *Node) recover(ctx actor.Context) {
	n.stream = volatile.Open(n.Streams, Stream, newState)
	got, err := n.stream.Claim(n.incarnation)
	if err != nil {
		panic(err)
	}
	n.state = got.State
	n.store(ctx)
	if len(n.state.Users)+len(n.state.VHosts) == 0 {
		n.first(ctx)
	} else { // what was on its way to the journal may be lost
		n.writer.Snapshot(n.state.Snapshot())
	}
	n.Access.Publish(n.state.Definitions.Clone())
	n.reconcile(ctx)
	n.VHosts.followers.Each(func(p *actor.PID) { ctx.Send(p, &Up{}) })
}

// first is the first start in this process: with what is on disk, or with what an empty data directory gets.
func (n *Node) first(ctx actor.Context) {
	batch, err := load(n.writer)
	if err != nil {
		panic(err)
	}
	if len(batch.Definitions) > 0 {
		n.enter(event{batch: batch})
	}
	lost := n.Journal.Lost(Stream)
	switch {
	case len(n.state.Users) == 0 && (lost || len(batch.Definitions) == 0):
		n.begin()
	case lost:
		if vhosts := found(n.state.Definitions, n.Journal.Streams()); len(vhosts) > 0 {
			n.happen(&Request{}, vhosts)
		}
	}
	if lost { // it stands for the record that cannot be read, so that the next start misses nothing
		n.writer.Snapshot(n.state.Snapshot())
	}
}

// begin makes the first user and the first vhost.
func (n *Node) begin() {
	f, err := n.First()
	if err != nil {
		panic(&supervision.Refusal{Err: err})
	}
	events, err := f.events(time.Now().UnixNano(), n.state.Definitions, n.Journal.Streams())
	if err != nil {
		panic(&supervision.Refusal{Err: err})
	}
	n.happen(&Request{}, events)
}

// request carries out a command. What is refused has changed nothing.
func (n *Node) request(ctx actor.Context, r *Request) {
	if !slices.Contains(n.state.requests, r.ID) {
		if name, is := n.leaving(r.Command); is {
			n.stopping[name] = append(n.stopping[name], func(ctx actor.Context) { n.request(ctx, r) })
			return
		}
		events, err := decide(n.state.Definitions, r.Command, time.Now().UnixNano())
		if err != nil {
			ctx.Send(r.From, &Answer{ID: r.ID, Err: err})
			return
		}
		before := n.Access.Now()
		n.happen(r, events)
		n.Access.Publish(n.state.Definitions.Clone())
		n.put(ctx, before, events)
	}
	n.answer(ctx, r)
}

// leaving is a vhost that a command makes, and whose namesake is on its way out.
func (n *Node) leaving(c Command) (name string, is bool) {
	for _, name := range vhostsOf(c) {
		if n.stopping[name] != nil && n.state.VHosts[name] == nil {
			if _, deletes := c.(DeleteVHost); !deletes {
				return name, true
			}
		}
	}
	return "", false
}

// happen makes events part of the node, as one atomic batch.
func (n *Node) happen(r *Request, events []*eventv1.NodeDefinition) {
	now := time.Now().UnixNano()
	for _, e := range events {
		e.TimeUnixNano, e.User = now, r.User
	}
	batch := &eventv1.NodeBatch{Definitions: events}
	n.enter(event{r.ID, batch})
	if len(events) > 0 {
		n.save(batch)
	}
}

func (n *Node) enter(e event) {
	if err := n.stream.Append(n.incarnation, e); err != nil {
		panic(err)
	}
	n.state.Apply(e)
}

// answer waits for the disk, and for vhosts that start or end.
func (n *Node) answer(ctx actor.Context, r *Request) {
	waits := 1
	var failed error
	done := func(ctx actor.Context, err error) {
		if failed == nil {
			failed = err
		}
		if waits--; waits == 0 {
			n.writer.WhenSafe(ctx, func(ctx actor.Context) { ctx.Send(r.From, &Answer{ID: r.ID, Err: failed}) })
		}
	}
	for _, name := range vhostsOf(r.Command) {
		if n.starting[name] != nil {
			waits++
			n.starting[name] = append(n.starting[name], done)
		}
		if n.stopping[name] != nil {
			waits++
			n.stopping[name] = append(n.stopping[name], func(ctx actor.Context) { done(ctx, nil) })
		}
	}
	done(ctx, nil)
}

// vhostsOf are the vhosts that a command may start or end.
func vhostsOf(c Command) []string {
	switch c := c.(type) {
	case AddVHost:
		return []string{c.Name}
	case DeleteVHost:
		return []string{c.Name}
	case Import:
		var names []string
		for _, v := range c.VHosts {
			names = append(names, v.Name)
		}
		return names
	}
	return nil
}
