package exchange

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/actors/queue/ready"
	"warren/protocol"
	"warren/supervision"
)

// Crashed notes the batch whose turn has panicked.
func (x *Exchange) Crashed(message any) {
	switch m := message.(type) {
	case *Publish:
		x.Slot.poison.Killed(ready.Link{Session: m.Session, Exchange: x.Slot.ID}, m.Messages)
	case *Republish:
		x.Slot.poison.Killed(ready.Link{Session: m.Session, Exchange: x.Slot.ID}, x.again)
	}
}

// spare takes out of a run that is sent again what has killed twice, and says so to the session: it counts as lost wherever it is not.
func (x *Exchange) spare(ctx actor.Context, l *link, messages []protocol.Message) []protocol.Message {
	fine, poison := x.Slot.poison.Part(ready.Link{Session: l.session, Exchange: x.Slot.ID}, messages)
	if len(poison) > 0 {
		x.say(l.session, poison)
		aside := &SetAside{Exchange: x.Slot, Incarnation: x.incarnation}
		for i := range poison {
			aside.Sequences = append(aside.Sequences, ready.Interval{First: poison[i].Seq, N: 1})
		}
		ctx.Send(l.pid, aside)
	}
	return fine
}

// say logs what is set aside.
func (x *Exchange) say(session uint64, poison []protocol.Message) {
	count, bytes, keys := queue.Summary(poison)
	x.Log.Error().Str("vhost", x.Slot.VHost).Str("exchange", string(x.Slot.Name)).Strs("routing_keys", keys).Int("messages", count).
		Int("bytes", bytes).Uint64("session", session).Uint64("first", poison[0].Seq).
		Msg("batch set aside: two turns with it panicked; its publisher is told")
}

// taste is for what is deadly on order.
func (x *Exchange) taste(messages []protocol.Message) {
	for i := range messages {
		supervision.Taste(x.Poison, "exchange", messages[i].Body)
	}
}

// publishSuspicious routes a batch that may have panicked before, piece by piece: what has killed twice is set aside, and the session
// told that it is lost (DESIGN section 5, poison).
func (x *Exchange) publishSuspicious(ctx actor.Context, m *Publish, routed *Routed) {
	link := ready.Link{Session: m.Session, Exchange: x.Slot.ID}
	for rest := m.Messages; len(rest) > 0; {
		_, poison := x.Slot.poison.Part(link, rest[:1])
		bad, n := len(poison) > 0, 1
		for n < len(rest) {
			if _, poison := x.Slot.poison.Part(link, rest[n:n+1]); (len(poison) > 0) != bad {
				break
			}
			n++
		}
		if !bad {
			x.routeAll(ctx, m, rest[:n:n], routed)
		} else {
			x.say(m.Session, rest[:n])
			routed.Routes = append(routed.Routes, RoutedTo{Last: rest[n-1].Seq, Route: &Route{}, Lost: true})
		}
		rest = rest[n:]
	}
}

// survived is for a turn with a batch that has come to its end.
func (x *Exchange) survived(session uint64, messages []protocol.Message) {
	x.Slot.poison.Survived(ready.Link{Session: session, Exchange: x.Slot.ID}, messages)
	x.suspicious = x.Slot.poison.Any()
}
