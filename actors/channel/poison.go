package channel

import (
	"bytes"
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/actors/session"
	"warren/protocol"
)

// poison remembers, from one incarnation of a channel to the next, the step over which a turn has panicked. It lives in the channel's
// Info. A step that kills twice would kill for ever, so it is set aside (DESIGN section 5, poison).
type poison struct {
	mu     sync.Mutex
	step   uint64
	deaths int
}

// deadly is how many deaths are enough.
const deadly = 2

func (p *poison) killed(step uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.step != step {
		p.step, p.deaths = step, 0
	}
	p.deaths++
}

// poisoned is the step that has killed twice; 0 for none.
func (p *poison) poisoned() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.deaths < deadly {
		return 0
	}
	return p.step
}

// DeadlyEvent says whether an event brings a publish whose body is deadly on order (chaos.poison) for the session that remembers it.
func DeadlyEvent(word string) func(event any) bool {
	start := []byte(word + "-session")
	return func(event any) bool {
		e, _ := event.(Event)
		published, is := e.What.(*session.Published)
		if is {
			for i := range published.Messages {
				if bytes.HasPrefix(published.Messages[i].Body, start) {
					return true
				}
			}
		}
		return false
	}
}

// Crashed notes the step over which the turn has panicked, if it was one.
func (c *Channel) Crashed(any) {
	if c.doing != 0 {
		c.Info.poison.killed(c.doing)
	}
}

// setAside takes a step that has killed twice as one without effect, as far as that goes: a publisher with confirms is nacked. Whoever
// else sent it would go on believing that it was done, so the channel is closed with 541, and its siblings are not.
func (c *Channel) setAside(_ actor.Context, s *Step) {
	n, bytes, keys := queue.Summary(s.Messages)
	log := c.Log().Error().Uint16("channel", c.Number).Uint64("step", s.Ordinal).Str("exchange", s.Exchange).Strs("routing_keys", keys).
		Int("messages", n).Int("bytes", bytes).Int("settlements", len(s.Acks))
	if s.Method != nil {
		log = log.Type("method", s.Method)
	}
	log.Msg("step set aside: two turns with it panicked; its sender is told")
	if len(s.Messages) > 0 && c.state.Mode != session.Tx {
		c.happen(s.Ordinal, &session.Lost{Messages: s.Messages})
		return
	}
	err := protocol.SetAside("channel")
	if s.Method != nil {
		err = err.At(s.Method.ID().Class(), s.Method.ID().Method())
	}
	c.happen(s.Ordinal, &Failed{Err: err})
}

// giveUpPending does the same to a method that has begun.
func (c *Channel) giveUpPending(ctx actor.Context) {
	c.setAside(ctx, &Step{Ordinal: c.state.step, Method: c.state.Pending.Method})
}
