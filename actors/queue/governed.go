package queue

import (
	"sync/atomic"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/actors/queue/settings"
	"warren/protocol"
)

// Governed is what policies make of a queue. It is immutable, but for since.
type Governed struct {
	// Policy and OperatorPolicy are the names of those that apply, Definition what both say together.
	Policy, OperatorPolicy string
	Definition             protocol.Table
	// Settings are in force: what the arguments come to under Definition.
	Settings settings.Settings
	// since is when the queue took up a time to live, in Unix milliseconds; 0 as long as it has not. Messages of which nobody knows when they
	// came have it from then on. It is kept here for the queue's next incarnation, and from one time to live to the next.
	since atomic.Int64
	// Where the dead go: by Settings, or by those before, when they say nothing any more and some are still on their way.
	deadLetterExchange, deadLetterRoutingKey settings.Option[string]
}

// Governed is nil for a queue that no policy has ever applied to.
func (s *Slot) Governed() *Governed { return s.governed.Load() }

// InForce are the settings of the queue, those of its policies included. They must not be changed.
func (s *Slot) InForce() *settings.Settings {
	if g := s.governed.Load(); g != nil {
		return &g.Settings
	}
	return s.Settings()
}

// DeadLetters are the exchange and the routing key for what died here. The exchange is not set when there is none.
func (s *Slot) DeadLetters() (exchange, key settings.Option[string]) {
	if g := s.governed.Load(); g != nil {
		return g.deadLetterExchange, g.deadLetterRoutingKey
	}
	return s.Settings().DeadLetterExchange, s.Settings().DeadLetterRoutingKey
}

// Govern puts policies in force, and says whether that changes anything. Only the vhost calls it. The queue's actor hears of it by
// a [Govern], or finds it when it starts.
func (s *Slot) Govern(policy, operatorPolicy string, definition protocol.Table) (changed bool) {
	before := s.governed.Load()
	switch {
	case before == nil && policy == "" && operatorPolicy == "":
		return false
	case before == nil:
		before = &Governed{Settings: *s.Settings()}
	case before.Policy == policy && before.OperatorPolicy == operatorPolicy && protocol.EqualTable(before.Definition, definition):
		return false
	}
	g := &Governed{Policy: policy, OperatorPolicy: operatorPolicy, Definition: definition, Settings: s.Settings().Under(definition, s.Arguments)}
	g.deadLetterExchange, g.deadLetterRoutingKey = g.Settings.DeadLetterExchange, g.Settings.DeadLetterRoutingKey
	if !g.deadLetterExchange.Set {
		g.deadLetterExchange, g.deadLetterRoutingKey = before.deadLetterExchange, before.deadLetterRoutingKey
	}
	if g.Settings.MessageTTL.Set {
		g.since.Store(before.since.Load()) // 0 where there was no time to live
	}
	s.governed.Store(g)
	return true
}

// heed takes up the settings that are in force.
func (q *Queue) heed() {
	g := q.Slot.Governed()
	q.settings, q.age = q.Slot.Settings(), ready.Age{}
	if g != nil {
		q.settings = &g.Settings
	}
	ttl := q.settings.MessageTTL
	if !ttl.Set {
		return
	}
	q.age = ready.Age{Limited: true, TTL: ttl.Value.Milliseconds()}
	if g != nil {
		g.since.CompareAndSwap(0, q.now())
		q.age.Since = g.since.Load()
	}
}

// govern has other policies hold at once: for what waits as for what comes (contract Q-27).
func (q *Queue) govern(ctx actor.Context, m *Govern) {
	if m.To != q.Slot {
		return
	}
	before := q.settings.Expires
	q.heed()
	if q.settings.Expires != before { // its time without use begins now
		q.queueArmed = false
		q.expiryRound++
		q.used(ctx)
	}
	q.pump(ctx)
}
