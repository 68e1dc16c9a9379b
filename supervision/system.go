package supervision

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/eventstream"
	"github.com/rs/zerolog"
)

// System is the actor system of one broker process: Proto.Actor's, with our dispatcher and logger, and the top of the
// supervision tree.
type System struct {
	log          zerolog.Logger
	actors       *actor.ActorSystem
	dispatcher   *dispatcher
	spawner      *spawner
	nodes        nodes
	incarnations atomic.Uint64
	deadLetters  atomic.Uint64

	mu       sync.Mutex // guards the next four; never held while an actor is waited for
	top      *child     // nil before Start
	err      error
	stopping bool
	lost     []string // paths abandoned during Stop

	ready chan struct{}
	done  chan struct{}
}

// NewSystem makes a system without actors.
func NewSystem(log zerolog.Logger) *System {
	s := &System{
		log: log, dispatcher: newDispatcher(dispatcherIdle),
		nodes: newNodes(),
		ready: make(chan struct{}), done: make(chan struct{}),
	}
	config := actor.NewConfig()
	config.LoggerFactory = bridge(log)
	s.actors = actor.NewActorSystemWithConfig(config)
	shrinkRegistry(s.actors)
	s.spawner = newSpawner(s.dispatcher, s.actors.Root)
	// A stream of our own: Proto.Actor's comes with subscribers that log dead letters and start timers for it.
	s.actors.EventStream = eventstream.NewEventStream()
	s.actors.EventStream.Subscribe(s.deadLetter)
	return s
}

// Actors is Proto.Actor's system behind it.
func (s *System) Actors() *actor.ActorSystem { return s.actors }

// Send a message from outside of any actor.
func (s *System) Send(pid *actor.PID, msg any) { s.actors.Root.Send(pid, msg) }

// Calm says that no actor waits for the one that asks, and that others can wait for what takes some microseconds.
func (s *System) Calm() bool { return s.dispatcher.isCalm() }

// Await calls f, which waits for the disk, in the turn of an actor. Others that are ready do not wait behind it, and those that it makes
// ready when it is through find its worker awake.
func (s *System) Await(f func()) { s.dispatcher.await(f) }

// PID of a path such as "warren/core/journal". Nobody need live there: a PID is a registered name.
func (s *System) PID(path string) *actor.PID { return s.actors.NewLocalPID(path) }

// Tree is a snapshot of all actors, each behind its supervisor, siblings in start order.
func (s *System) Tree() []Node { return s.nodes.tree() }

// DeadLetters counts the messages that found nobody.
func (s *System) DeadLetters() uint64 { return s.deadLetters.Load() }

// Start boots the top supervisor and returns when all static children, recursively, have acknowledged their start; or
// with the error of the first that did not, when everything started before it has been stopped. A System starts once.
func (s *System) Start(name string, spec Spec) error {
	top := ChildSpec{ID: name, Supervisor: &spec, Restart: Temporary}
	if err := top.validate(); err != nil {
		return err
	}
	s.mu.Lock()
	if s.top != nil {
		s.mu.Unlock()
		return errors.New("supervision: system already started")
	}
	c := &child{spec: top, path: name, slot: -1}
	c.status = status{state: Starting, life: s.newIncarnation(c, nil), since: time.Now().UnixNano()}
	s.nodes.add(c)
	s.top = c
	s.mu.Unlock()
	if err := s.spawner.spawn(c); err != nil {
		s.nodes.remove(c)
		close(s.done)
		return fmt.Errorf("supervision: start %s: %w", name, err)
	}
	select {
	case <-s.ready:
		return nil
	case <-s.done:
		return s.Err()
	}
}

// Stop shuts the tree down in reverse order and returns when it is gone. Whoever did not stop in its time was abandoned
// and is named in the error.
func (s *System) Stop() error {
	s.mu.Lock()
	top := s.top
	s.stopping = true
	s.mu.Unlock()
	if top == nil {
		return nil
	}
	top.life.stopFor(Shutdown)
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.lost) > 0 {
		return fmt.Errorf("supervision: abandoned, because they did not stop in time: %q", s.lost)
	}
	return nil
}

// Done is closed when the top supervisor is gone: after Stop, or because it gave up.
func (s *System) Done() <-chan struct{} { return s.done }

// Err says why the top supervisor gave up: the chain of Escalations down to the last crash, or the child that did not
// start. It is nil while it runs, and after Stop.
func (s *System) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// hear is for what the top supervisor reports. It runs in that actor's goroutine.
func (s *System) hear(m signal) {
	switch m := m.(type) {
	case childStarted:
		s.nodes.set(s.top, func(st *status) { st.state = Running })
		close(s.ready)
	case childFailed:
		s.mu.Lock()
		if s.err == nil {
			s.err = m.err
		}
		s.mu.Unlock()
		s.nodes.set(s.top, func(st *status) { st.state, st.last = Failed, m.err })
		m.who.stopFor(Shutdown)
	case childExited:
		s.nodes.remove(s.top)
		s.dispatcher.close()
		close(s.done)
	}
}

// abandoned notes a child that did not start or stop in its time.
func (s *System) abandoned(c *child) {
	s.log.Error().Str("path", c.path).Str("kind", c.spec.kind()).Uint64("incarnation", c.life.number).
		Stringer("state", c.state).Msg("actor abandoned: its turn does not end")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		s.lost = append(s.lost, c.path)
	}
}

// killBelow kills everything under an abandoned supervisor.
func (s *System) killBelow(path string) {
	for _, c := range s.nodes.below(path) {
		if life := s.nodes.status(c).life; life != nil {
			life.kill()
		}
		s.nodes.remove(c)
	}
}
