package channel

import (
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/auth"
	"warren/actors/exchange"
	"warren/actors/session"
	"warren/protocol"
	"warren/protocol/amqp091"
	"warren/supervision"
)

// publish takes messages to one exchange: all of them, or none with a channel exception (contract P-31).
func (c *Channel) publish(ctx actor.Context, s *Step) {
	if c.Poison != "" {
		for i := range s.Messages {
			supervision.Taste(c.Poison, "channel", s.Messages[i].Body)
		}
	}
	x, err := c.mayPublish(s.Exchange)
	if err == nil {
		err = c.mayRoute(x, s.Messages)
	}
	if err != nil {
		c.failPublish(s, err)
		return
	}
	messages, err := c.withReplyTo(s.Messages)
	if err != nil {
		c.failReply(ctx, s, &session.Published{Exchange: x, Messages: messages},
			err.At(amqp091.MethodBasicPublish.Class(), amqp091.MethodBasicPublish.Method()))
		return
	}
	if c.state.Mode == session.Tx { // they stay: not in the reader's buffer
		messages = protocol.CopyOut(messages)
		c.happen(s.Ordinal, &session.Staged{Exchange: x, Messages: messages})
		return
	}
	c.happen(s.Ordinal, &session.Published{Exchange: x, Messages: messages})
	c.session.SendPublishes(ctx, x)
}

// mayPublish is the first half of contract P-31: what speaks against any publish to an exchange.
func (c *Channel) mayPublish(name string) (*exchange.Slot, *protocol.Error) {
	if err := c.may(auth.Write, "exchange", name); err != nil {
		return nil, err
	}
	x := c.VHost.Exchange(exchange.Name(name))
	switch {
	case x == nil:
		return nil, protocol.NotFound("no exchange '%s' in vhost '%s'", name, c.VHost.Name)
	case x.Internal:
		return nil, protocol.AccessRefused("cannot publish to internal exchange '%s' in vhost '%s'", name, c.VHost.Name)
	}
	return x, nil
}

// refused is for a publish that the reader has refused: what would have been said before that is said instead.
func (c *Channel) refused(s *Step) {
	x, err := c.mayPublish(s.Refused.Exchange)
	if err == nil && s.Refused.BehindKey {
		err = c.mayUseKey(auth.Write, x, s.Refused.Key)
	}
	if err == nil {
		err = s.Err
	}
	c.failPublish(s, err)
}

func (c *Channel) failPublish(s *Step, err *protocol.Error) {
	c.fail(s.Ordinal, err.At(amqp091.MethodBasicPublish.Class(), amqp091.MethodBasicPublish.Method()))
}

// settle takes acknowledgements, joining those that can be one.
func (c *Channel) settle(s *Step) {
	e := &session.Settled{Ranges: make([]session.TagRange, 0, 1)}
	taken := func(tag uint64) bool {
		return slices.ContainsFunc(e.Ranges, func(r session.TagRange) bool { return r.First <= tag && tag <= r.Last }) || c.state.Staged(tag)
	}
	for i := range s.Acks {
		a := &s.Acks[i]
		r := session.TagRange{First: a.Tag, Last: a.Tag, Outcome: a.Outcome}
		switch {
		case a.Multiple && a.Tag == 0: // everything on the channel
			r.First, r.Last = 1, c.state.NewestTag()
		case !c.state.Unacked.Has(a.Tag) || taken(a.Tag):
			// Those before it did count.
			c.fail(s.Ordinal, protocol.PreconditionFailed("unknown delivery tag %d", a.Tag).At(a.Method.Class(), a.Method.Method()), e)
			return
		case a.Multiple:
			r.First = 1
		}
		if n := len(e.Ranges); n > 0 && e.Ranges[n-1].Last+1 == r.First && e.Ranges[n-1].Outcome == r.Outcome {
			e.Ranges[n-1].Last = r.Last
		} else {
			e.Ranges = append(e.Ranges, r)
		}
	}
	c.happen(s.Ordinal, e)
}
