package tree

import (
	"fmt"
	"maps"
	"slices"

	"warren/actors/auth"
	"warren/actors/node"
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

// exportPolicies adds policies, and operator policies as the parameters that RabbitMQ has for them.
func exportPolicies(d *definitions.Definitions, now *auth.Definitions) error {
	for _, vhost := range slices.Sorted(maps.Keys(now.VHosts)) {
		for _, p := range now.Policies(vhost).All(false) {
			d.Policies = append(d.Policies, exportedPolicy(vhost, p))
		}
		for _, p := range now.Policies(vhost).All(true) {
			parameter, err := definitions.OperatorPolicyParameter(exportedPolicy(vhost, p))
			if err != nil {
				return err
			}
			d.Parameters = append(d.Parameters, parameter)
		}
	}
	return nil
}

func exportedPolicy(vhost string, p *policy.Policy) definitions.Policy {
	return definitions.Policy{
		VHost: vhost, Name: p.Name, Pattern: p.Pattern, ApplyTo: p.ApplyTo, Definition: definitions.Arguments(p.Keys), Priority: p.Priority,
	}
}

func importPolicies(c *node.Import, d *definitions.Definitions) error {
	for _, operator := range []bool{false, true} {
		policies := d.Policies
		if operator {
			policies = d.OperatorPolicies
		}
		for _, p := range policies {
			definition, err := p.Definition.MarshalJSON()
			if err != nil {
				return fmt.Errorf("cannot import policy '%s' in vhost '%s': %w", p.Name, p.VHost, err)
			}
			c.Policies = append(c.Policies, node.SetPolicy{VHost: p.VHost, Spec: policy.Spec{
				Name: p.Name, Operator: operator, Pattern: p.Pattern, Definition: string(definition), Priority: p.Priority, ApplyTo: p.ApplyTo,
			}})
		}
	}
	return nil
}
