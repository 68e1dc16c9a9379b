package tree

import (
	"slices"

	"warren/actors/policy"
	"warren/internal/definitions"
	adminv1 "warren/proto/admin/v1"
)

// Policies implements admin.Broker. As in RabbitMQ the one with the highest priority is the last.
func (b *Broker) Policies(r *adminv1.ListPoliciesRequest) ([]*adminv1.Policy, error) {
	now := b.node.Users.Now()
	if err := b.exists(now, false, "", r.GetVhost()); err != nil {
		return nil, err
	}
	var out []*adminv1.Policy
	for _, p := range slices.Backward(now.Policies(r.GetVhost()).All(r.GetOperator())) {
		definition, err := definitionOf(p)
		if err != nil {
			return nil, err
		}
		out = append(out, &adminv1.Policy{
			Vhost: r.GetVhost(), Name: p.Name, Pattern: p.Pattern, ApplyTo: p.ApplyTo, Definition: string(definition), Priority: p.Priority,
		})
	}
	return out, nil
}

// definitionOf is a policy's definition as JSON, its keys in order.
func definitionOf(p *policy.Policy) ([]byte, error) {
	return definitions.Arguments(p.Keys).MarshalJSON()
}
