package exchange

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/actors/queue/ready"
)

// Crashed notes the batch whose turn has panicked.
func (x *Exchange) Crashed(message any) {
	if m, ok := message.(*Publish); ok {
		x.Slot.poison.Killed(ready.Link{Session: m.Session, Exchange: x.Slot.ID}, m.Messages)
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
			count, bytes, keys := queue.Summary(rest[:n])
			x.Log.Error().Str("vhost", x.Slot.VHost).Str("exchange", string(x.Slot.Name)).Strs("routing_keys", keys).Int("messages", count).
				Int("bytes", bytes).Uint64("session", m.Session).Uint64("first", rest[0].Seq).
				Msg("batch set aside: two turns with it panicked; its publisher is told")
			routed.Routes = append(routed.Routes, RoutedTo{Last: rest[n-1].Seq, Route: &Route{}, Lost: true})
		}
		rest = rest[n:]
	}
}

// survived is for a turn with a batch that has come to its end.
func (x *Exchange) survived(m *Publish) {
	x.Slot.poison.Survived(ready.Link{Session: m.Session, Exchange: x.Slot.ID}, m.Messages)
	x.suspicious = x.Slot.poison.Any()
}
