package channel

import (
	"maps"
	"slices"

	"warren/actors/auth"
	"warren/actors/queue"
	"warren/actors/session"
)

// renew is contract P-15: once its user has a new secret, consumers of queues that it may not read from any more are cancelled, with
// basic.cancel for a client that takes it. What they have and did not settle stays theirs. A consumer that is being made was
// allowed before, so its turn comes when it is there.
func (c *Channel) renew() {
	op := c.state.Pending
	if c.state.Ending != Alive || op != nil && op.Asked {
		return
	}
	e := &Renewed{Renewals: c.Renewals.Load()}
	for _, tag := range slices.Sorted(maps.Keys(c.state.Consumers)) {
		consumer := c.state.Consumers[tag]
		if consumer.Queue.Hidden() { // replies: nobody needs a permission for them (contract P-38)
			continue
		}
		if err := c.may(auth.Read, "queue", string(consumer.Queue.Name)); err != nil {
			c.Log().Warn().Uint16("channel", c.Number).Str("consumer", tag).Str("error", err.ReplyText()).Msg("consumer cancelled")
			e.Events = append(e.Events, &session.Commanded{Queue: consumer.Queue, Op: &queue.Cancel{Consumer: consumer.Number, Revoked: true}})
		}
	}
	c.happen(0, e)
}
