package vhost

import (
	"strings"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/exchange"
	"warren/actors/queue"
)

// supervised: the supervisor of queues or of exchanges has started. It begins with what the directory holds. What it was asked
// before it was there, and what the one before it refused because it was ending, is lost.
type supervised struct{ path string }

// supervised asks again for every start and every end that is waited for. What the supervisor has done, or begun, it says.
func (v *VHost) supervised(ctx actor.Context, m *supervised) {
	for key := range v.waiting {
		if name, is := strings.CutPrefix(key, queueKey("")); is && m.path == v.Queues {
			if s := v.Directory.Queue(queue.Name(name)); s != nil {
				v.startQueue(ctx, s)
			}
		}
		if name, is := strings.CutPrefix(key, exchangeKey("")); is && m.path == v.Exchanges {
			if s := v.Directory.Exchange(exchange.Name(name)); s != nil {
				v.startExchange(ctx, s)
			}
		}
	}
	for key := range v.stopping {
		if name, is := strings.CutPrefix(key, queueKey("")); is && m.path == v.Queues {
			v.terminate(ctx, v.Queues, name, key)
		}
		if name, is := strings.CutPrefix(key, exchangeKey("")); is && m.path == v.Exchanges {
			v.terminate(ctx, v.Exchanges, name, key)
		}
	}
}

func (v *VHost) startQueue(ctx actor.Context, s *queue.Slot) {
	v.start(ctx, v.Queues, queueKey(string(s.Name)), QueueSpec(v.queues, v.Directory, s), func(r *removal) { r.queue(string(s.Name)) })
}

func (v *VHost) startExchange(ctx actor.Context, s *exchange.Slot) {
	v.start(ctx, v.Exchanges, exchangeKey(string(s.Name)), v.ExchangeSpec(s), func(r *removal) { r.exchange(string(s.Name)) })
}
