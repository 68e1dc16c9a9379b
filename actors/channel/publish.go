package channel

import (
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/exchange"
	"warren/actors/session"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// publish takes messages to one exchange: all of them, or none with a channel exception (contract P-31).
func (c *Channel) publish(ctx actor.Context, s *Step) {
	x := c.VHost.Exchange(exchange.Name(s.Exchange))
	class, method := amqp091.MethodBasicPublish.Class(), amqp091.MethodBasicPublish.Method()
	switch {
	case x == nil:
		c.fail(s.Ordinal, protocol.NotFound("no exchange '%s' in vhost '%s'", s.Exchange, c.VHost.Name).At(class, method))
		return
	case x.Internal:
		c.fail(s.Ordinal, protocol.AccessRefused("cannot publish to internal exchange '%s' in vhost '%s'", s.Exchange, c.VHost.Name).At(class, method))
		return
	}
	messages, err := c.withReplyTo(s.Messages)
	if err != nil {
		c.failReply(ctx, s, &session.Published{Exchange: x, Messages: messages}, err.At(class, method))
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
