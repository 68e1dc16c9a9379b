package exchange

import (
	"fmt"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/actors/queue/ready"
	"warren/persistence/volatile"
	"warren/protocol"
)

// recent is what an exchange of type x-recent-history has beside others. It publishes what it remembers to new bindings with
// a session of its own, so that a queue takes each message once however often it is sent.
type recent struct {
	x      *Exchange
	stream *volatile.Stream[*history, any]
	state  *history
	limit  int
	self   *actor.PID
	greets []*Greet // that wait until nothing is owed
}

func (s *Slot) streamName() string { return fmt.Sprintf("exchange/%s/%d", s.VHost, s.ID) }

// recoverRecent goes on with what an incarnation before this one remembered.
func (x *Exchange) recoverRecent(ctx actor.Context) {
	r := &recent{x: x, limit: historyLength(x.Slot.Arguments), self: ctx.Self()}
	r.stream = volatile.Open(x.Streams, x.Slot.streamName(), newHistory)
	got, err := r.stream.Claim(x.incarnation)
	if err != nil {
		panic(err)
	}
	r.state = got.State
	x.recent = r
	if r.state.table != nil {
		x.router.resolver.own = r.state.table
	}
	if x.Slot.session.Load() == 0 {
		x.Slot.session.Store(x.Sessions.NewID())
	}
	x.Sessions.Add(x.Slot.session.Load(), r.self)
	r.account()
	for q := range r.state.owed {
		r.send(ctx, q)
	}
	r.greet(ctx)
}

func (r *recent) receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *queue.Accepted:
		r.accepted(ctx, m)
	case *Greet:
		r.greeting(ctx, m)
	case *Passed:
		if m.Through == r.x.Slot {
			r.remember(m.From, m.Messages)
		}
	}
}

func (r *recent) happen(e any) {
	if err := r.stream.Append(r.x.incarnation, e); err != nil {
		panic(err)
	}
	r.state.Apply(e)
	r.account()
}

// account tells the node's ledger what is kept.
func (r *recent) account() {
	r.x.Slot.hold(r.x.incarnation)
	if delta := r.state.bytes - int(r.x.Slot.kept.Swap(int64(r.state.bytes))); delta != 0 {
		r.x.Ledger.Resident(delta)
	}
}

// greet gives new bindings what is kept. It comes before messages are routed by their table, so that these get what came
// before them, and nothing twice.
func (r *recent) greet(ctx actor.Context) {
	router := r.x.router
	e := r.state.greet(r.x.Slot.Table().(*historyTable), router.resolver.from)
	if e == nil {
		return
	}
	r.happen(e)
	router.reset() // nothing is routed by another table than the one whose bindings were greeted
	router.resolver.own = e.table
	for q := range e.owed {
		r.send(ctx, q)
	}
}

// send sends a queue all that is owed to it; what it has it does not take again.
func (r *recent) send(ctx actor.Context, q *queue.Slot) {
	x := r.x
	if _, follows := x.follows[q]; !follows {
		x.follows[q] = struct{}{}
		q.Follow(r.self)
	}
	if q.Gone() || q.Crashed() {
		r.happen(&lost{q})
		return
	}
	ctx.Send(q.PID(), &queue.Enqueue{
		Link:        ready.Link{Session: x.Slot.session.Load(), Exchange: x.Slot.ID},
		Incarnation: q.Incarnation(), Exchange: string(x.Slot.Name), Messages: r.state.owed[q],
	})
}

// remember keeps what came in.
func (r *recent) remember(from ready.Link, messages []protocol.Message) {
	if e := r.state.remember(from, messages, r.limit); e != nil {
		r.happen(e)
	}
}

func (r *recent) accepted(ctx actor.Context, m *queue.Accepted) {
	if m.Exchange == r.x.Slot.ID && len(r.state.owed[m.Queue]) > 0 {
		r.happen(&arrived{m.Queue, m.Accepted})
		r.answer(ctx)
	}
}

func (r *recent) queueUp(ctx actor.Context, q *queue.Slot) {
	if len(r.state.owed[q]) > 0 {
		r.send(ctx, q)
		r.answer(ctx)
	}
}

func (r *recent) queueGone(ctx actor.Context, q *queue.Slot) {
	if len(r.state.owed[q]) > 0 {
		r.happen(&lost{q})
		r.answer(ctx)
	}
}

// greeting is the vhost's: there is a new binding.
func (r *recent) greeting(ctx actor.Context, m *Greet) {
	r.greet(ctx)
	r.greets = append(r.greets, m)
	r.answer(ctx)
}

// answer tells the vhost when new bindings have what they get.
func (r *recent) answer(ctx actor.Context) {
	if len(r.state.owed) > 0 {
		return
	}
	for _, m := range r.greets {
		ctx.Send(m.From, &Greeted{Exchange: r.x.Slot, Number: m.Number})
	}
	r.greets = nil
}

// Forget drops what a deleted exchange remembered. Its actor is in its last turn, or ended before the exchange was deleted.
func (s *Slot) Forget(streams *volatile.Store, sessions Sessions, ledger queue.Ledger) {
	if s.Type != RecentHistory {
		return
	}
	ledger.Resident(-int(s.kept.Swap(0)))
	streams.Drop(s.streamName())
	if id := s.session.Swap(0); id != 0 {
		sessions.Remove(id)
	}
}
