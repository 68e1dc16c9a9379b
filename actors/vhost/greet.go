package vhost

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/exchange"
)

// greeting is a binding that is made, and answered when its queue has what its exchange remembers (contract X-10): whoever
// has heard bind-ok finds it there.
type greeting struct {
	number uint64
	Request
}

func (v *VHost) bind(ctx actor.Context, m *Bind) {
	d := v.defs.bindDecision(v.Directory.Name, m)
	x := v.Directory.Exchange(exchange.Name(m.Source))
	if d.err != nil || x.Type != exchange.RecentHistory {
		v.carryOut(ctx, m.Request, d)
		return
	}
	if len(d.events) > 0 {
		v.happen(m.User, d.events)
		v.put(ctx, d.events)
	}
	if len(v.greeting[x]) == 0 {
		x.Follow(ctx.Self())
	}
	v.greets++
	v.greeting[x] = append(v.greeting[x], greeting{v.greets, m.Request})
	v.greetAgain(ctx, x)
}

// greetAgain asks an exchange, also one that restarted and lost what it was asked.
func (v *VHost) greetAgain(ctx actor.Context, x *exchange.Slot) {
	if waiting := v.greeting[x]; len(waiting) > 0 {
		ctx.Send(x.PID, &exchange.Greet{From: ctx.Self(), Number: waiting[len(waiting)-1].number})
	}
}

// greeted answers all bindings up to a number.
func (v *VHost) greeted(ctx actor.Context, m *exchange.Greeted) {
	waiting := v.greeting[m.Exchange]
	n := 0
	for n < len(waiting) && waiting[n].number <= m.Number {
		v.answer(ctx, waiting[n].Request, &Answer{ID: waiting[n].ID})
		n++
	}
	if n == 0 {
		return
	}
	if v.greeting[m.Exchange] = waiting[n:]; n == len(waiting) {
		delete(v.greeting, m.Exchange)
		m.Exchange.Unfollow(ctx.Self())
	}
}
