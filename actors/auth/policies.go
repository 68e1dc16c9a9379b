package auth

import (
	"fmt"
	"maps"
	"slices"

	"warren/actors/policy"
	eventv1 "warren/proto/event/v1"
)

// Policies are those of a vhost.
func (d *Definitions) Policies(vhost string) *policy.Set { return d.policies[vhost] }

// SpecOf is a policy as an event has it.
func SpecOf(e *eventv1.PolicySet) policy.Spec {
	return policy.Spec{Name: e.Name, Operator: e.Operator, Pattern: e.Pattern, Definition: e.Definition, Priority: e.Priority, ApplyTo: e.ApplyTo}
}

// PolicyEvent is the event that makes a policy.
func PolicyEvent(vhost string, s policy.Spec) *eventv1.NodeDefinition {
	return &eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_PolicySet{PolicySet: &eventv1.PolicySet{
		Vhost: vhost, Name: s.Name, Operator: s.Operator, Pattern: s.Pattern, Definition: s.Definition, Priority: s.Priority, ApplyTo: s.ApplyTo,
	}}}
}

func (d *Definitions) setPolicy(e *eventv1.PolicySet) {
	p, err := policy.Compile(SpecOf(e))
	if err != nil { // it was compiled before the event was written
		panic(fmt.Sprintf("auth: a policy in an event: %v", err))
	}
	d.policies[e.Vhost] = d.policies[e.Vhost].With(p)
}

// policyEvents make all policies there are.
func (d *Definitions) policyEvents() (out []*eventv1.NodeDefinition) {
	for _, vhost := range slices.Sorted(maps.Keys(d.policies)) {
		for _, operator := range []bool{false, true} {
			for _, p := range d.policies[vhost].All(operator) {
				out = append(out, PolicyEvent(vhost, p.Spec))
			}
		}
	}
	return out
}
