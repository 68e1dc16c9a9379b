package supervision

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
)

// Bulk is a message that others overtake: what is published, behind which those who take would otherwise wait. Bulk messages keep their
// order among themselves, and one in a while goes first however many others there are.
type Bulk interface{ Bulk() }

// overtakes is how many messages in a row may pass one that is bulk.
const overtakes = 16

// signal is a message that travels with the priority of a system message but is the actor's own: a child's start, crash
// or end must not queue behind user messages.
type signal interface{ signal() }

var (
	stopMessage = &actor.Stop{}
	errGoexit   = errors.New("supervision: runtime.Goexit in a turn")
)

// mailbox is an unbounded actor.Mailbox for an actor that is replaced, not repaired:
//
//   - nothing runs before Started. Proto.Actor registers a process before its mailbox has handlers: a sender that knows
//     the name crashes there, and the new actor is deaf for ever;
//   - the consumer takes a whole burst under one lock;
//   - what is Bulk does not keep others waiting;
//   - a panic suspends the mailbox, and the stack goes to whose life it is from where it happened;
//   - once the actor stops, no user message reaches it any more; what is queued, and what comes later, goes to the dead
//     letters, so that a future fails at once;
//   - it can be killed: the nearest thing to exit(Pid, kill) for a goroutine that does not come back.
type mailbox struct {
	mu       sync.Mutex // guards the in of each lane and the rest of this block; never held during a turn
	user     lane
	bulk     atomic.Pointer[lane] // nil before the first message
	system   atomic.Pointer[lane] // nil while there is none: an actor gets few in its life
	watchers *actor.PIDSet        // only to tell them when the actor is killed
	process  *actor.ActorProcess  // how this mailbox is registered; nil before Start
	sealed   bool                 // nothing is queued any more
	blocks   bool                 // its turns wait for the disk; never changes
	drains   bool                 // what waits is done before it stops; never changes

	running   atomic.Bool
	open      atomic.Bool // Start was called
	suspended atomic.Bool
	killed    atomic.Bool
	buried    atomic.Bool

	turn      turn
	pace      pace
	overtaken int32 // messages that were not bulk since one that was

	life       *incarnation // whose mailbox it is, which hears what happens to it, in the actor's goroutine; nil: Proto.Actor's own supervision
	invoker    actor.MessageInvoker
	dispatcher actor.Dispatcher
}

// NewMailbox is a mailbox for an actor that no Supervisor looks after: an actor.MailboxProducer. Children of a
// Supervisor have theirs already.
func NewMailbox() actor.Mailbox { return &mailbox{} }

func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	m.invoker, m.dispatcher = invoker, dispatcher
}

// own is the dispatcher, when it is ours: an actor may also run on one of somebody else's, whose goroutines are not known.
func (m *mailbox) own() *dispatcher {
	own, _ := m.dispatcher.(*dispatcher)
	return own
}

// registered is what the registry has under the actor's name.
func (m *mailbox) registered() *actor.ActorProcess {
	c := m.context()
	p, _ := c.ActorSystem().ProcessRegistry.GetLocal(c.Self().Id)
	process, _ := p.(*actor.ActorProcess)
	return process
}

func (m *mailbox) Start() {
	c := m.context()
	m.mu.Lock()
	m.process = m.registered()
	killed := m.killed.Load()
	m.mu.Unlock()
	if killed {
		c.ActorSystem().ProcessRegistry.Remove(c.Self())
	}
	m.open.Store(true)
	m.schedule()
}

// context: the invoker is always Proto.Actor's actorContext.
func (m *mailbox) context() actor.Context { return m.invoker.(actor.Context) }

// UserMessageCount is an upper bound: a burst counts until it is done.
func (m *mailbox) UserMessageCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, l := range []*lane{&m.user, m.bulk.Load()} {
		if l == nil {
			continue
		}
		n += len(l.in)
		if m.running.Load() {
			n += int(l.taken)
		}
	}
	return n
}

func (m *mailbox) PostUserMessage(msg any) {
	if msg == nil {
		m.refuseNil()
		return
	}
	m.mu.Lock()
	if m.sealed {
		m.mu.Unlock()
		c := m.context()
		c.ActorSystem().DeadLetter.SendUserMessage(c.Self(), msg)
		return
	}
	if _, bulk := msg.(Bulk); bulk {
		made(&m.bulk).put(msg)
	} else {
		m.user.put(msg)
	}
	m.mu.Unlock()
	m.schedule()
}

func (m *mailbox) PostSystemMessage(msg any) {
	m.mu.Lock()
	if m.sealed {
		m.mu.Unlock()
		m.burySystem(msg)
		return
	}
	l := made(&m.system)
	l.put(msg)
	switch x := msg.(type) {
	case *actor.Started: // first, whoever was quicker
		copy(l.in[1:], l.in)
		l.in[0] = x
	case *actor.Watch:
		if m.watchers == nil {
			m.watchers = actor.NewPIDSet()
		}
		m.watchers.Add(x.Watcher)
	case *actor.Unwatch:
		if m.watchers != nil {
			m.watchers.Remove(x.Watcher)
		}
	}
	m.mu.Unlock()
	m.schedule()
}

// refuseNil: Proto.Actor's mailbox takes a nil for "empty" and spins for ever.
func (m *mailbox) refuseNil() {
	if m.open.Load() {
		m.context().Logger().Error("nil message refused", "actor", m.context().Self().Id)
	}
}

func (m *mailbox) schedule() {
	if m.open.Load() && !m.running.Load() && m.running.CompareAndSwap(false, true) {
		if own := m.own(); own != nil {
			own.schedule(job{mailbox: m})
		} else {
			m.dispatcher.Schedule(func() { m.consume(0) }) // which never says again: nobody else's dispatcher is crowded
		}
	}
}

// consume handles what waits. again says that there is more, and that others are to have their turn first.
func (m *mailbox) consume(goroutine uint64) (again bool) {
	m.turn.on(goroutine)
	for {
		if m.run() {
			return true
		}
		m.running.Store(false)
		if !m.pending() || !m.running.CompareAndSwap(false, true) {
			return false
		}
	}
}

func (m *mailbox) pending() bool {
	if m.killed.Load() {
		return !m.buried.Load()
	}
	return m.system.Load().waits() || (m.user.waits() || m.bulk.Load().waits()) && !m.suspended.Load()
}

// run handles messages until there is none, a turn panics, or it had its share and others wait.
func (m *mailbox) run() (more bool) {
	var msg any
	completed := false
	defer func() {
		if completed {
			return
		}
		if reason := recover(); reason != nil {
			m.recovered(reason, msg)
			return
		}
		// Somebody called runtime.Goexit (a test's FailNow): this goroutine ends, another one goes on.
		m.recovered(errGoexit, msg)
		m.running.Store(false)
		m.schedule()
	}()
	m.pace.begin()
	own, turns, throughput := m.own(), 0, m.dispatcher.Throughput()
	for {
		if m.killed.Load() {
			m.bury()
			break
		}
		if turns++; turns == dispatcherBusy && own != nil {
			own.hurry()
		}
		if m.pace.due() && m.pace.look(sinceStart(), throughput) {
			if own != nil && own.crowded() {
				more = true
				break
			}
			m.pace.yield()
		}
		if msg = m.nextSystem(); msg != nil {
			m.turn.begin(msg)
			m.invokeSystem(msg)
			continue
		}
		if m.suspended.Load() {
			break
		}
		if msg = m.nextUser(); msg == nil {
			break
		}
		m.turn.begin(msg)
		m.invoker.InvokeUserMessage(msg)
	}
	m.turn.end()
	completed = true
	return more
}

// nextSystem takes the first system message. Behind the last one nothing is kept.
func (m *mailbox) nextSystem() any {
	l := m.system.Load()
	if l == nil {
		return nil
	}
	if msg := m.next(l); msg != nil {
		return msg
	}
	m.mu.Lock()
	if !l.waits() {
		m.system.Store(nil)
	}
	m.mu.Unlock()
	return nil
}

func (m *mailbox) nextUser() any {
	if m.overtaken < overtakes {
		if msg := m.next(&m.user); msg != nil {
			m.overtaken++
			return msg
		}
	}
	m.overtaken = 0
	if l := m.bulk.Load(); l != nil {
		if msg := m.next(l); msg != nil {
			return msg
		}
	}
	return m.next(&m.user)
}

// next takes the first message of a lane, or nil.
func (m *mailbox) next(l *lane) any {
	if l.drained() {
		if l.queued.Load() == 0 {
			return nil
		}
		m.mu.Lock()
		l.swap()
		m.mu.Unlock()
	}
	return l.pop()
}

func (m *mailbox) invokeSystem(msg any) {
	switch x := msg.(type) {
	case *actor.SuspendMailbox:
		m.suspended.Store(true)
	case *actor.ResumeMailbox:
		m.suspended.Store(false)
	case *actor.Started:
		m.invoker.InvokeSystemMessage(x)
		if m.life != nil {
			m.life.started()
		}
	case *actor.Stop:
		m.stop(x)
	case *actor.Terminated:
		m.invoker.InvokeSystemMessage(x)
		m.buryIfEnded()
	case signal:
		m.invoker.InvokeUserMessage(x)
	default:
		m.invoker.InvokeSystemMessage(x)
	}
}

func (m *mailbox) stop(msg *actor.Stop) {
	if m.life != nil {
		if instead := m.life.holdStop(); instead != nil {
			m.invoker.InvokeUserMessage(instead)
			return
		}
	}
	if m.drains {
		m.drain()
	}
	// Unlike Proto.Actor's, an actor that waits for its children's end gets no user messages any more.
	m.suspended.Store(true)
	m.invoker.InvokeSystemMessage(msg)
	m.buryIfEnded()
}

// drain does what waits now, and not what comes meanwhile.
func (m *mailbox) drain() {
	for n := m.UserMessageCount(); n > 0 && !m.killed.Load(); n-- {
		msg := m.nextUser()
		if msg == nil {
			return
		}
		m.turn.begin(msg)
		m.invoker.InvokeUserMessage(msg)
	}
}

// recovered: the turn of msg panicked.
func (m *mailbox) recovered(reason, msg any) {
	if m.killed.Load() {
		m.bury()
		return
	}
	if m.life == nil {
		m.invoker.EscalateFailure(reason, msg)
		return
	}
	m.suspended.Store(true)
	m.life.failed(reason, actor.UnwrapEnvelopeMessage(msg), panicStack())
}
