package session

import (
	"maps"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/actors/queue/ready"
)

// Session carries out what its state says is due: it sends what was not sent yet, and sends again what a restart on the
// other side may have lost. What it keeps itself is only how far it has got; a new Session over the same state begins with
// sending everything again, and whoever has it already takes it once.
type Session struct {
	ID    uint64
	State *State

	self  *actor.PID
	links map[uint64]*liveLink      // by the exchange's id
	peers map[*queue.Slot]*livePeer // by queue
	// Leaving is set when the session ends: the queues that have not let it go, with the command that says so to each.
	Leaving map[*queue.Slot]uint64
	// early are queues whose deliveries to a consumer came before the word that there is one, which was lost with this
	// session's last incarnation. They are asked to send them again.
	early map[*queue.Slot]struct{}
	// wanting are consumers that share a limit, and for which their queues have something, in order of their turn.
	wanting []uint32
	served  map[uint32]uint64 // the turn in which each of those was granted something last
	turn    uint64
	over    bool // nobody is followed any more
}

// liveLink is how far sending has got on a publish link.
type liveLink struct {
	incarnation uint64
	sent        uint64 // sequence of the newest message that was sent
	epoch       uint64 // of the Reset that must be answered
	waiting     bool   // for the routes of what was sent, before the link resumes
}

// livePeer is how far sending has got to a queue.
type livePeer struct {
	sent uint64 // newest command that was sent
	mark uint64 // command whose answer shows that the queue has heard of this incarnation; 0 for none
}

// Sender is as much of an actor's context as an end needs that comes from outside of the actor.
type Sender interface{ Send(to *actor.PID, m any) }

// New returns a session over a state. Nothing is sent before Recover or the first Flush.
func New(id uint64, state *State, self *actor.PID) *Session {
	return &Session{ID: id, State: state, self: self}
}

// Mark puts a command of no effect behind those that queues may have answered to the session's last incarnation, before
// Recover. An answer in front of its answer may have overtaken deliveries that were lost with that incarnation, and is the
// copy of one that comes behind them.
func (s *Session) Mark(happen func(*Commanded)) {
	for _, p := range s.State.busy { // which does not change: they are busy already
		s.livePeer(p.queue).mark = p.next()
		happen(&Commanded{Queue: p.queue, Op: &queue.Inspect{}})
	}
}

// Stale says that an answer is such a copy.
func (s *Session) Stale(m *queue.Done) bool {
	l := s.peers[m.Queue]
	return l != nil && m.Upto < l.mark
}

// Recover resumes every link and every queue, after a restart of the session itself.
func (s *Session) Recover(ctx actor.Context) {
	for _, p := range s.State.ledger.links {
		s.reopen(ctx, p, s.link(ctx, p.slot))
	}
	for q := range s.State.peers {
		s.QueueUp(ctx, q)
	}
}

func (s *Session) link(ctx actor.Context, x *exchange.Slot) *liveLink {
	l := s.links[x.ID]
	if l == nil {
		x.Follow(s.self)
		l = &liveLink{incarnation: x.Incarnation()}
		if s.links == nil {
			s.links = map[uint64]*liveLink{}
		}
		s.links[x.ID] = l
		s.lookAt(ctx, x)
	}
	return l
}

// SendPublishes sends what is new on the link to an exchange.
func (s *Session) SendPublishes(ctx actor.Context, x *exchange.Slot) {
	if p := s.State.ledger.links[x.ID]; p != nil {
		s.sendPublishes(ctx, p, s.link(ctx, x))
	}
}

func (s *Session) sendPublishes(ctx actor.Context, p *publishLink, l *liveLink) {
	if l.waiting || l.sent == p.last {
		return
	}
	runs := p.runs.all()
	at := len(runs)
	for at > 0 && runs[at-1].messages[0].Seq > l.sent {
		at--
	}
	for _, r := range runs[at:] {
		ctx.Send(p.slot.PID, &exchange.Publish{Session: s.ID, Incarnation: l.incarnation, Prev: r.prev, Settled: p.settled(), Messages: r.messages})
		l.sent = r.messages[len(r.messages)-1].Seq
	}
	s.lookAt(ctx, p.slot)
}

// lookAt is for an exchange that was deleted before it was followed, or before it was sent anything.
func (s *Session) lookAt(ctx actor.Context, x *exchange.Slot) {
	if x.Gone() {
		ctx.Send(s.self, &exchange.Gone{Exchange: x})
	}
}

// ExchangeUp opens the link to a new incarnation of an exchange.
func (s *Session) ExchangeUp(ctx actor.Context, m *exchange.Up) {
	if s.over {
		return
	}
	if p := s.State.ledger.links[m.Exchange.ID]; p != nil {
		l := s.link(ctx, m.Exchange)
		l.incarnation = m.Incarnation
		s.reopen(ctx, p, l)
	}
}

// reopen resumes a link whose other side knows nothing of it.
func (s *Session) reopen(ctx actor.Context, p *publishLink, l *liveLink) {
	l.epoch, l.waiting = 0, false
	s.resume(ctx, p, l)
}

// Reset answers an exchange that stopped the link because a queue behind it restarted. Everything that was sent must have its
// route first, so that what is sent again goes where it went.
func (s *Session) Reset(ctx actor.Context, m *exchange.Reset) {
	p := s.State.ledger.links[m.Exchange.ID]
	if p == nil || s.over {
		return
	}
	if l := s.link(ctx, m.Exchange); l.incarnation == m.Incarnation {
		l.epoch, l.waiting = m.Epoch, true
		s.resumeIfRouted(ctx, p, l)
	}
}

// Routed goes on with a link that waits for routes.
func (s *Session) Routed(ctx actor.Context, x *exchange.Slot) {
	l, p := s.links[x.ID], s.State.ledger.links[x.ID]
	if l != nil && p != nil && l.waiting {
		s.resumeIfRouted(ctx, p, l)
	}
}

// Current says whether a message is from the exchange's present incarnation: one that was replaced may still talk.
func (s *Session) Current(x *exchange.Slot, incarnation uint64) bool {
	l := s.links[x.ID]
	return l != nil && l.incarnation == incarnation
}

func (s *Session) resumeIfRouted(ctx actor.Context, p *publishLink, l *liveLink) {
	if p.routedUpTo() >= l.sent {
		s.resume(ctx, p, l)
	}
}

func (s *Session) resume(ctx actor.Context, p *publishLink, l *liveLink) {
	l.waiting = false
	l.sent = p.routedUpTo()
	ctx.Send(p.slot.PID, &exchange.Resume{Session: s.ID, Incarnation: l.incarnation, Epoch: l.epoch, Prev: l.sent})
	l.epoch = 0
	routed, _ := p.outstanding()
	again := &exchange.Republish{Session: s.ID, Incarnation: l.incarnation}
	for _, r := range routed {
		if r.accepted < len(r.messages) || r.confirmed < len(r.messages) {
			again.Runs = append(again.Runs, exchange.Run{Route: r.route, Messages: r.messages[min(r.accepted, r.confirmed):]})
		}
	}
	if len(again.Runs) > 0 {
		ctx.Send(p.slot.PID, again)
	}
	s.sendPublishes(ctx, p, l)
}

// SendCommands sends every command that was not sent yet.
func (s *Session) SendCommands(ctx Sender) {
	for _, p := range s.State.busy {
		s.sendCommands(ctx, p.queue, p)
	}
}

// SendCommandsTo sends a queue every command that it was not sent yet. It is for a session that knows whom it has told something.
func (s *Session) SendCommandsTo(ctx actor.Context, q *queue.Slot) {
	if p := s.State.peers[q]; p != nil && len(p.pending) > 0 {
		s.sendCommands(ctx, q, p)
	}
}

func (s *Session) sendCommands(ctx Sender, q *queue.Slot, p *peer) {
	l := s.peers[q]
	if l == nil {
		l = s.livePeer(q)
		s.follow(ctx, q)
	}
	last := p.next() - 1
	l.sent = max(l.sent, p.first-1)
	if l.sent == last {
		return
	}
	ops := append([]queue.Op(nil), p.pending[l.sent+1-p.first:]...)
	ctx.Send(q.PID(), &queue.Commands{To: q, Session: s.ID, First: l.sent + 1, Ops: ops})
	l.sent = last
}

// livePeer makes the record of a queue.
func (s *Session) livePeer(q *queue.Slot) *livePeer {
	l := &livePeer{}
	if s.peers == nil {
		s.peers = map[*queue.Slot]*livePeer{}
	}
	s.peers[q] = l
	return l
}

// follow lets the session hear of a queue, also of an end that was before.
func (s *Session) follow(ctx Sender, q *queue.Slot) {
	q.Follow(s.self)
	switch {
	case q.Gone():
		ctx.Send(s.self, &queue.Gone{Queue: q})
	case q.Crashed():
		ctx.Send(s.self, &queue.Crashed{Queue: q})
	}
}

// QueueUp resumes with a new incarnation of a queue: what it delivers that did not arrive, what it was told that it did not
// hear.
func (s *Session) QueueUp(ctx actor.Context, q *queue.Slot) {
	if s.over {
		return
	}
	s.forwardTo(ctx, q)
	p := s.State.peers[q]
	if p == nil {
		return
	}
	if l := s.peers[q]; l != nil {
		l.sent = 0
	}
	if _, leaving := s.Leaving[q]; leaving {
		s.leave(ctx, q, p)
		return
	}
	s.follow(ctx, q)
	s.resumeQueue(ctx, q, p)
	s.sendCommands(ctx, q, p)
}

func (s *Session) resumeQueue(ctx actor.Context, q *queue.Slot, p *peer) {
	ctx.Send(q.PID(), &queue.Resume{To: q, Session: s.ID, Received: maps.Clone(p.received)})
}

// Unexpected takes note of deliveries that the state does not expect.
func (s *Session) Unexpected(m *queue.Deliveries) {
	if m.Consumer < s.State.NextNumber() {
		return // copies
	}
	if s.early == nil {
		s.early = map[*queue.Slot]struct{}{}
	}
	s.early[m.Queue] = struct{}{}
}

// Subscribed asks for what came too early for a consumer that is there now. The queue forgets the commands that it has put off, as with
// every Resume, so that all of them follow.
func (s *Session) Subscribed(ctx actor.Context, q *queue.Slot) {
	if _, early := s.early[q]; early {
		delete(s.early, q)
		s.QueueUp(ctx, q)
	}
}

// Credit tells a queue that deliveries have left for the client.
func (s *Session) Credit(ctx actor.Context, q *queue.Slot, consumer uint32, written uint64) {
	ctx.Send(q.PID(), &queue.Credit{To: q, Key: ready.Key{Session: s.ID, Consumer: consumer}, Written: written})
}

// Leave tells every queue that the session ends. Nothing else may be under way any more.
func (s *Session) Leave(ctx Sender) {
	s.Leaving = map[*queue.Slot]uint64{}
	for q, p := range s.State.peers {
		s.Leaving[q] = s.State.NextCommand(q)
		s.leave(ctx, q, p)
	}
}

func (s *Session) leave(ctx Sender, q *queue.Slot, p *peer) {
	leave := &queue.Leave{Received: maps.Clone(p.received)}
	ctx.Send(q.PID(), &queue.Commands{To: q, Session: s.ID, First: s.State.NextCommand(q), Ops: []queue.Op{leave}})
}

// Left enters that a queue has applied what it was told up to a command: it has let the session go when that was to leave.
func (s *Session) Left(q *queue.Slot, upto uint64) {
	if upto >= s.Leaving[q] {
		delete(s.Leaving, q)
	}
}

// QueueGone forgets a queue.
func (s *Session) QueueGone(q *queue.Slot) {
	delete(s.Leaving, q)
	delete(s.peers, q)
	delete(s.early, q)
}

// Unfollow ends what the session hears of others. It is the last thing it does.
func (s *Session) Unfollow() {
	s.over = true
	for _, p := range s.State.ledger.links {
		p.slot.Unfollow(s.self)
	}
	for q := range s.peers {
		q.Unfollow(s.self)
	}
	for q := range s.State.peers { // followed by an incarnation before this one
		q.Unfollow(s.self)
	}
}
