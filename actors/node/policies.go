package node

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/auth"
	"warren/actors/policy"
	"warren/actors/vhost"
	eventv1 "warren/proto/event/v1"
)

// setPolicy is in RabbitMQ's order: what is wrong with the policy comes before the vhost.
func (d *draft) setPolicy(c SetPolicy) *Error {
	if err := checkName("policy", c.Name); err != nil {
		return err
	}
	if err := policy.Check(c.Spec); err != nil {
		return invalid("%v", err)
	}
	if d.defs.VHosts[c.VHost] == nil {
		return noSuchVHost(c.VHost)
	}
	if now := d.defs.Policies(c.VHost).Find(c.Name, c.Operator); now == nil || now.Spec != c.Spec {
		d.happen(auth.PolicyEvent(c.VHost, c.Spec))
	}
	return nil
}

func (d *draft) clearPolicy(c ClearPolicy) *Error {
	switch {
	case d.defs.VHosts[c.VHost] == nil:
		return noSuchVHost(c.VHost)
	case d.defs.Policies(c.VHost).Find(c.Name, c.Operator) == nil:
		return invalid("Parameter does not exist") // a policy is a parameter, for RabbitMQ
	}
	d.happen(&eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_PolicyCleared{
		PolicyCleared: &eventv1.PolicyCleared{Vhost: c.VHost, Name: c.Name, Operator: c.Operator},
	}})
	return nil
}

// policiesChanged has a vhost apply what is in force. One that starts does so by itself.
func (n *Node) policiesChanged(ctx actor.Context, name string) {
	if d := n.VHosts.Find(name); d != nil {
		ctx.Send(d.PID, &vhost.PoliciesChanged{})
	}
}
