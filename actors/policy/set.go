package policy

import (
	"cmp"
	"slices"
	"strings"

	"warren/protocol"
)

// Set is the policies of one vhost. Sets are immutable: a change makes a new one. The zero value, and nil, is none.
type Set struct {
	policies, operators []*Policy // the highest priority first
}

// Effective is what applies to one entity: a policy, an operator policy, and what both say together. All are empty where nothing does.
type Effective struct {
	Policy, Operator string
	Definition       protocol.Table
}

// With returns a set with that policy, in the place of one of its name.
func (s *Set) With(p *Policy) *Set {
	next := s.Without(p.Name, p.Operator)
	all := next.of(p.Operator)
	at, _ := slices.BinarySearchFunc(*all, p, order)
	*all = slices.Insert(slices.Clone(*all), at, p)
	return next
}

// Without returns a set without the policy of that name.
func (s *Set) Without(name string, operator bool) *Set {
	next := &Set{}
	if s != nil {
		*next = *s
	}
	all := next.of(operator)
	*all = slices.DeleteFunc(slices.Clone(*all), func(p *Policy) bool { return p.Name == name })
	return next
}

// order is by priority. RabbitMQ leaves it open which of two with the same one wins; here it is the one whose name is first.
func order(a, b *Policy) int {
	return cmp.Or(cmp.Compare(b.Priority, a.Priority), strings.Compare(a.Name, b.Name))
}

func (s *Set) of(operator bool) *[]*Policy {
	if operator {
		return &s.operators
	}
	return &s.policies
}

// All are the policies, or the operator policies, the highest priority first. The slice must not be changed.
func (s *Set) All(operator bool) []*Policy {
	if s == nil {
		return nil
	}
	return *s.of(operator)
}

// Find returns a policy by its name, or nil.
func (s *Set) Find(name string, operator bool) *Policy {
	for _, p := range s.All(operator) {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Of is what applies to an entity: one policy, one operator policy, of each the one with the highest priority.
func (s *Set) Of(k Kind, name string) Effective {
	p, o := first(s.All(false), k, name), first(s.All(true), k, name)
	var e Effective
	if p != nil {
		e.Policy, e.Definition = p.Name, p.Keys
	}
	if o != nil {
		e.Operator, e.Definition = o.Name, o.Keys
	}
	if p != nil && o != nil {
		e.Definition = merge(p.Keys, o.Keys)
	}
	return e
}

func first(all []*Policy, k Kind, name string) *Policy {
	for _, p := range all {
		if p.applies(k, name) {
			return p
		}
	}
	return nil
}

// merge is what a policy and an operator policy say together (rabbit_policy:merge_operator_definitions).
func merge(policy, operator protocol.Table) protocol.Table {
	out := make(protocol.Table, len(policy)+len(operator))
	for name, v := range policy {
		out[name] = v
	}
	for name, o := range operator {
		out[name] = o
		if p, both := policy[name]; both {
			if k := find(name); k != nil && k.merge != nil {
				out[name] = k.merge(p, o)
			}
		}
	}
	return out
}
