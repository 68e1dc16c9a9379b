// Package channel is the AMQP 0-9-1 adapter: methods in, replies out. Everything that is not AMQP is in package session.
//
// A channel is a fold over its stream. It takes steps from its inbox in their order, none before the one in front has
// taken effect, makes an event of each, and hands what the client is to hear to its outlet. Inbox and outlet belong to the
// connection's transport: a channel that crashes starts again behind the last step of its stream, over the same socket.
package channel

import (
	"strconv"
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/auth"
	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/actors/rate"
	"warren/actors/session"
	"warren/actors/vhost"
	"warren/persistence/volatile"
	"warren/protocol"
	"warren/supervision"
)

// Options are what a channel is made with.
type Options struct {
	*Client
	Session uint64
	Number  uint16
	ID      string // of its actor, below its connection's supervisor
	Inbox   *Inbox
	Outlet  *Outlet
	Info    *Info
}

// Client is what all channels of a connection need of it and of the node.
type Client struct {
	Path       string // of the supervisor
	Connection uint64 // owner of exclusive queues
	User       string
	Owner      *actor.PID // the connection's actor
	VHost      *vhost.Directory
	Access     *auth.Access
	Sessions   *session.Registry
	Streams    *volatile.Store
	Ledger     queue.Ledger
	System     *supervision.System
	// Log makes a logger that names the connection. Few have anything to log, and a logger is half a kibibyte.
	Log func() *zerolog.Logger
	// CancelNotify says that the client takes basic.cancel (contract P-44).
	CancelNotify bool
	// VHostRates and UserRates are where the limits of what it is delivered are.
	VHostRates, UserRates *rate.Scope
	Poison                supervision.Poison
	// GlobalQos says that basic.qos with global=true sets a limit for the whole channel (contract P-46).
	GlobalQos bool
	// Renewals counts the secrets that the connection's user has renewed (contract P-15).
	Renewals *atomic.Uint64
	// ConsumerMax is how many consumers it may have, 0 for no limit.
	ConsumerMax int
}

// To the connection.
type (
	// Fault closes the connection: a hard error on this channel.
	Fault struct {
		Number uint16
		Err    *protocol.Error
	}
	// Closed says that the session is over and its queues have let it go.
	Closed struct{ Session uint64 }
)

// Channel is the actor.
type Channel struct {
	Options
	incarnation uint64
	self        *actor.PID
	stream      *volatile.Stream[*State, Event]
	state       *State
	session     *session.Session
	todo        []Step
	encoded     uint64  // newest output that is in frames
	frames      *Frames // of this turn
	replies     int     // bytes in frames that are not deliveries
	flights     []flight
	credited    map[credited]struct{} // scratch of credit; nil until several are credited at once
	granted     *granted              // nil before anything was asked for
	doing       uint64                // step that this turn is at; 0 for none
	poisoned    uint64                // step that has killed two incarnations; 0 for none
	following   bool
	halted      bool            // a fault was raised: the connection ends everything
	left        bool            // the session is over
	waiters     [2]*rate.Waiter // for the limits of vhost and user; nil before it was first limited
}

// flight is deliveries in the outlet, whose queue gets credit when they have left.
type flight struct {
	position uint64 // in bytes given to the outlet
	queue    *queue.Slot
	consumer uint32
	seq      uint64
}

// credited is whom a turn has given credit.
type credited struct {
	queue    *queue.Slot
	consumer uint32
}

// New returns the actor for one incarnation.
func New(o Options, incarnation uint64) *Channel {
	return &Channel{Options: o, incarnation: incarnation}
}

func (o *Options) streamName() string { return "session/" + strconv.FormatUint(o.Session, 16) }

// Receive is the channel's table of contents.
func (c *Channel) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		c.recover(ctx)
		c.flush(ctx)
		return
	case *Wake:
		c.todo = c.Inbox.After(c.state.step)
	case *Drained:
		c.credit(ctx)
	case *exchange.Routed:
		if c.session.Current(m.Exchange, m.Incarnation) {
			c.happen(0, m)
			c.session.Routed(ctx, m.Exchange)
		}
	case *exchange.SetAside:
		if c.session.Current(m.Exchange, m.Incarnation) {
			c.happen(0, m)
		}
	case *exchange.Reset:
		c.session.Reset(ctx, m)
	case *exchange.Up:
		c.session.ExchangeUp(ctx, m)
	case *exchange.Gone:
		c.happen(0, m)
		c.session.ExchangeGone(ctx, m.Exchange)
	case *queue.Accepted:
		c.happen(0, m)
	case *queue.Deliveries:
		c.deliveries(m)
	case *queue.Wants:
		c.session.Wants(m)
	case *queue.Done:
		c.done(ctx, m)
	case *queue.Up:
		c.session.QueueUp(ctx, m.Queue)
		c.askAgain(ctx)
	case *queue.Gone:
		c.queueGone(m.Queue, m, c.noQueue(string(m.Queue.Name)))
	case *queue.Crashed:
		c.queueGone(m.Queue, m, m.Queue.CrashedError())
	case *vhost.Answer:
		c.answer(ctx, m)
	case *vhost.Up, *vhost.Down:
		c.askAgain(ctx)
	default:
		return
	}
	c.goOn(ctx)
	c.flush(ctx)
}

// recover folds the stream and takes up everything where it stood.
func (c *Channel) recover(ctx actor.Context) {
	c.stream = volatile.Open(c.Streams, c.streamName(), newState)
	got, err := c.stream.Claim(c.incarnation)
	if err != nil {
		panic(err)
	}
	c.state, c.self, c.poisoned = got.State, ctx.Self(), c.Info.poison.poisoned()
	c.encoded = c.Outlet.Claim(ctx.Self(), c.incarnation)
	c.session = session.New(c.Session, &c.state.State, ctx.Self())
	c.Sessions.Add(c.Session, ctx.Self())
	c.Inbox.Attach(ctx.Self(), c.incarnation)
	c.session.Mark(func(e *session.Commanded) { c.happen(0, e) })
	c.session.Recover(ctx)
	c.creditAll(ctx)
	c.askAgain(ctx)
	c.encode()
	// Steps are done in turns of their own: a panic in one of them is a crash like another, and no failing start.
	ctx.Send(ctx.Self(), wake)
}

// happen makes an event part of the channel: in the stream first, so that no panic can part the two.
func (c *Channel) happen(step uint64, what any) {
	e := Event{Handed: c.Outlet.Last(), Step: step, What: what}
	if err := c.stream.Append(c.incarnation, e); err != nil {
		panic(err)
	}
	c.state.Apply(e)
	c.encode()
}

// goOn does steps until one has to wait, then ends what is to end.
func (c *Channel) goOn(ctx actor.Context) {
	if c.Renewals.Load() > c.state.renewed {
		c.renew()
	}
	for !c.halted {
		if c.state.Pending != nil {
			c.doing = c.state.step
			if c.doing == c.poisoned {
				c.giveUpPending(ctx)
			} else if !c.proceed(ctx) {
				break
			}
			continue
		}
		if len(c.todo) == 0 {
			break
		}
		step := &c.todo[0]
		c.todo = c.todo[1:]
		c.step(ctx, step)
		if len(c.todo) == 0 {
			c.todo = c.Inbox.After(c.state.step)
		}
	}
	c.doing = 0
	if c.state.Ending != Alive {
		c.end(ctx)
	}
}

func (c *Channel) step(ctx actor.Context, s *Step) {
	c.doing = s.Ordinal
	switch {
	case s.Closed:
		c.happen(s.Ordinal, &Over{Ending: ConnectionEnd})
	case c.state.Ending != Alive:
		c.afterClose(s)
	case s.Ordinal == c.poisoned:
		c.setAside(ctx, s)
	case s.Refused != nil:
		c.refused(s)
	case s.Err != nil:
		c.fail(s.Ordinal, s.Err)
	case s.Messages != nil:
		c.publish(ctx, s)
	case s.Acks != nil:
		c.settle(s)
	default:
		c.method(s)
	}
}

// fail raises an error in place of a step: on the channel, or on the connection (contract P-20).
func (c *Channel) fail(step uint64, err *protocol.Error, events ...any) {
	if err.IsConnection() { // the connection closes with it, and the step that says so is the next that counts
		c.raise(err)
		c.happen(step, &Over{Ending: ClosedByUs})
		return
	}
	c.Log().Warn().Uint16("channel", c.Number).Str("error", err.ReplyText()).Msg("channel exception")
	c.happen(step, &Failed{Err: err, Events: events})
}

// raise ends the connection. A connection that restarts, and so may not have heard it, finds it in the channel's info.
func (c *Channel) raise(err *protocol.Error) {
	fault := &Fault{Number: c.Number, Err: err}
	c.Info.Fault.Store(fault)
	c.System.Send(c.Owner, fault)
}

// flush ends a turn: what was said goes to the socket, what was commanded to the queues, what is done leaves the inbox.
func (c *Channel) flush(ctx actor.Context) {
	if c.state.Ending == Alive && c.state.Pending == nil { // an operation waits until nothing is on its way
		c.session.Grant(func(e *session.Commanded) { c.happen(0, e) })
	}
	c.session.SendCommands(ctx)
	c.hand()
	held := c.state.UnacceptedBytes()
	if held == 0 && (c.state.Published() > 0 || c.state.NewestTag() > 0) {
		c.stream.Fold(c.incarnation) // its last events may hold messages that are in their queues, and nothing may follow for long
	}
	c.Inbox.Done(c.incarnation, c.state.step, held)
	c.inform()
}

// slowBytes is how much has to wait for queues before it is worth to know for which.
const slowBytes = 64 << 10

func slowest(s *State, slow bool) *queue.Slot {
	if !slow {
		return nil
	}
	return s.Slowest()
}

// account enters into the node's ledger what an open transaction holds.
func (o *Options) account(bytes int) {
	if delta := int64(bytes) - o.Info.staged.Swap(int64(bytes)); delta != 0 {
		o.Ledger.Resident(int(delta))
	}
}

func (c *Channel) inform() {
	i, s := c.Info, c.state
	if slow := s.UnacceptedBytes() >= slowBytes; slow || i.Slowest.Load() != nil {
		i.Slowest.Store(slowest(s, slow))
	}
	i.Mode.Store(int32(s.Mode))
	i.Consumers.Store(int64(len(s.Consumers)))
	i.Prefetch.Store(int64(s.Prefetch))
	i.Limit.Store(int64(s.Limit))
	i.Unacked.Store(int64(s.Unacked.Count()))
	i.Unconfirmed.Store(int64(s.Unconfirmed()))
	if s.Mode == session.Tx {
		messages, acks := s.Uncommitted()
		i.Uncommitted.Store(int64(messages))
		i.Unsettled.Store(int64(acks))
	}
	i.Ending.Store(int32(s.Ending))
	i.PublishCount.Store(int64(s.Published()))
	c.account(s.StagedBytes())
}
