package vhost

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/exchange"
	"warren/actors/policy"
	"warren/actors/queue"
	"warren/actors/queue/settings"
)

// PoliciesChanged: other policies are in force from now on, and Access has them. The node says so. A vhost that starts looks by itself.
type PoliciesChanged struct{}

// govern has every entity live by the policies that are in force (contract Q-27).
func (v *VHost) govern(ctx actor.Context) {
	policies := v.Access.Now().Policies(v.Directory.Name)
	routes := false
	for _, s := range v.Directory.Exchanges() {
		v.write(func() { routes = governExchange(s, policies) || routes })
	}
	if routes {
		v.write(func() { v.Directory.version.Add(1) })
	}
	for _, s := range v.Directory.AllQueues() {
		changed := false
		v.write(func() { changed = governQueue(s, policies) })
		if changed {
			ctx.Send(s.PID(), &queue.Govern{To: s})
		}
	}
}

func governExchange(s *exchange.Slot, policies *policy.Set) (changed bool) {
	e := policies.Of(policy.Exchange, string(s.Name))
	return s.Govern(e.Policy, e.Operator, e.Definition)
}

// governQueue leaves out queues that nobody declares: a policy for all queues means none of those.
func governQueue(s *queue.Slot, policies *policy.Set) (changed bool) {
	if s.Hidden() {
		return false
	}
	e := policies.Of(kinds[s.Settings().Type], string(s.Name))
	return s.Govern(e.Policy, e.Operator, e.Definition)
}

var kinds = map[settings.Type]policy.Kind{settings.Classic: policy.ClassicQueue, settings.Quorum: policy.QuorumQueue, settings.Stream: policy.Stream}
