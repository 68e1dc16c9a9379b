// Package deadletter is who publishes the dead letters of a vhost. It is a session with no client: a consumer on every queue that
// has a dead letter exchange, which gets what leaves the queue unconsumed, and publish links to those exchanges. A queue keeps a dead
// message until this session settles it, which it does when the dead letter is as safe as it asks to be: in every queue on its
// route, on disk where it is persistent (RabbitMQ, dead letter exchanges; contract ).
package deadletter

import (
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/actors/session"
	"warren/actors/vhost"
	"warren/persistence/volatile"
	"warren/protocol"
	"warren/supervision"
)

// Options are what the publisher needs of its vhost and of the node.
type Options struct {
	VHost    *vhost.Directory
	Sessions *session.Registry
	Streams  *volatile.Store
	Now      func() time.Time
	Log      zerolog.Logger
}

// Publisher is the actor.
type Publisher struct {
	Options
	incarnation uint64
	stream      *volatile.Stream[*State, any]
	state       *State
	session     *session.Session
	due         []*queue.Slot // that are to hear of settlements at the end of the turn
}

// New returns the actor for one incarnation.
func New(o Options, incarnation uint64) *Publisher {
	return &Publisher{Options: o, incarnation: incarnation}
}

// recovered is the turn behind the first: work is done there, so that a panic in it is a crash like another, and no failing start.
type recovered struct{}

// Receive is the publisher's table of contents.
func (p *Publisher) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		p.recover(ctx)
		return
	case *recovered:
		p.lookRound(ctx)
	case *queue.DeadLettering:
		p.attach(ctx, m.Queue)
	case *queue.Deliveries:
		if p.state.Expects(m) {
			p.happen(m)
		}
	case *queue.Done:
		p.done(ctx, m)
	case *queue.Up:
		p.session.QueueUp(ctx, m.Queue)
		p.mayAttach(ctx, m.Queue)
	case *queue.Gone:
		p.session.QueueGone(m.Queue)
		p.happen(m)
	case *queue.Crashed:
		p.session.QueueGone(m.Queue)
		p.happen(m)
	case *queue.Accepted:
		p.happen(m)
	case *exchange.Routed:
		if p.session.Current(m.Exchange, m.Incarnation) {
			p.happen(m)
			p.session.Routed(ctx, m.Exchange)
		}
	case *exchange.SetAside:
		if p.session.Current(m.Exchange, m.Incarnation) {
			p.happen(m)
		}
	case *exchange.Reset:
		p.session.Reset(ctx, m)
	case *exchange.Up:
		p.session.ExchangeUp(ctx, m)
	case *exchange.Gone:
		p.happen(m)
		p.session.ExchangeGone(ctx, m.Exchange)
	default:
		return
	}
	p.post(ctx)
	p.settle(ctx)
}

func (o *Options) streamName() string { return "dead-letters/" + o.VHost.Key }

// Terminate is called when the actor stops. With the vhost its session ends.
func (p *Publisher) Terminate(actor.Context, supervision.Reason) {
	if p.VHost.Gone() && p.state != nil {
		p.Sessions.Remove(p.state.ID)
		p.Streams.Drop(p.streamName())
	}
}

// recover folds the stream and takes up everything where it stood.
func (p *Publisher) recover(ctx actor.Context) {
	p.stream = volatile.Open(p.Streams, p.streamName(), newState)
	got, err := p.stream.Claim(p.incarnation)
	if err != nil {
		panic(err)
	}
	p.state = got.State
	if p.state.ID == 0 {
		p.happen(&Begun{ID: p.Sessions.NewID()})
	}
	p.session = session.New(p.state.ID, &p.state.State, ctx.Self())
	p.Sessions.Add(p.state.ID, ctx.Self())
	p.session.Recover(ctx)
	ctx.Send(ctx.Self(), &recovered{})
}

// happen makes an event part of the publisher: in the stream first, so that no panic can part the two.
func (p *Publisher) happen(e any) {
	if err := p.stream.Append(p.incarnation, e); err != nil {
		panic(err)
	}
	p.state.Apply(e)
	for _, q := range p.state.settled {
		if !slices.Contains(p.due, q) {
			p.due = append(p.due, q)
		}
	}
}

// lookRound attaches to every queue that may have dead letters: that some of them say so may be lost.
func (p *Publisher) lookRound(ctx actor.Context) {
	for _, q := range p.VHost.AllQueues() {
		p.mayAttach(ctx, q)
	}
}

func (p *Publisher) mayAttach(ctx actor.Context, q *queue.Slot) {
	// A policy that gave it a dead letter exchange may be gone, and those who died under it be there.
	if q.InForce().DeadLetterExchange.Set || q.Settings().Holds.Set || q.Dying.Load() > 0 {
		p.attach(ctx, q)
	}
}

// attach makes the consumer on a queue, unless it is there.
func (p *Publisher) attach(ctx actor.Context, q *queue.Slot) {
	if _, attached := p.state.sources[q]; attached || q.Gone() || q.Crashed() {
		return
	}
	p.happen(&Attached{Queue: q})
	p.session.SendCommandsTo(ctx, q)
}

// done is a queue's answer. It refuses the consumer only when it knows more commands of this session than this session does: it was
// given up, and is back. Then it is told to forget the session, and everything again.
func (p *Publisher) done(ctx actor.Context, m *queue.Done) {
	if slices.ContainsFunc(m.Replies, func(r queue.Reply) bool { return r.Err != nil && p.state.Awaits(m.Queue, r.Seq) }) {
		ctx.Send(m.Queue.PID(), &queue.Commands{To: m.Queue, Session: p.state.ID, Ops: []queue.Op{&queue.Leave{}}})
		p.session.QueueUp(ctx, m.Queue)
		return
	}
	p.happen(m)
}

// post publishes what was taken.
func (p *Publisher) post(ctx actor.Context) {
	for len(p.state.taken) > 0 {
		e := p.state.next(p.VHost.Exchange, protocol.Timestamp(p.Now().Unix()), func(d *session.Delivered, err error) {
			p.Log.Error().Str("vhost", p.VHost.Name).Str("queue", string(d.Queue.Name)).Err(err).Msg("dead letter dropped")
		})
		source := p.state.taken[0].Queue
		p.happen(e)
		if e.Exchange == nil {
			p.Log.Debug().Str("vhost", p.VHost.Name).Str("queue", string(source.Name)).Int("dropped", e.Taken).Msg("no dead letter exchange")
		} else if len(e.Messages) > 0 {
			p.session.SendPublishes(ctx, e.Exchange)
		}
		if len(e.Dropped) > 0 {
			p.due = append(p.due, source)
		}
	}
}

// settle tells queues which of their dead are seen to, and lets go of messages that the stream still holds when all are.
func (p *Publisher) settle(ctx actor.Context) {
	if len(p.due) > 0 && len(p.state.flights) == 0 {
		p.stream.Fold(p.incarnation)
	}
	for _, q := range p.due {
		p.session.SendCommandsTo(ctx, q)
	}
	clear(p.due)
	p.due = p.due[:0]
}
