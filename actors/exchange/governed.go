package exchange

import "warren/protocol"

// Governed is what policies make of an exchange. It is immutable.
type Governed struct {
	// Policy and OperatorPolicy are the names of those that apply, Definition what both say together.
	Policy, OperatorPolicy string
	Definition             protocol.Table
	alternate              Name
}

// Governed is nil for an exchange that no policy has ever applied to.
func (s *Slot) Governed() *Governed { return s.governed.Load() }

// AlternateInForce is where messages go that reach nothing here; empty for nowhere.
func (s *Slot) AlternateInForce() Name {
	if g := s.governed.Load(); g != nil {
		return g.alternate
	}
	return s.Alternate
}

// Govern puts policies in force, and says whether that changes anything. Only the vhost calls it, and says so to routers by its
// RoutingVersion. An alternate exchange of the arguments goes before one of a policy's, and the default exchange has none (contract X-17).
func (s *Slot) Govern(policy, operatorPolicy string, definition protocol.Table) (changed bool) {
	before := s.governed.Load()
	if before == nil {
		before = &Governed{alternate: s.Alternate}
	}
	if before.Policy == policy && before.OperatorPolicy == operatorPolicy && protocol.EqualTable(before.Definition, definition) {
		return false
	}
	g := &Governed{Policy: policy, OperatorPolicy: operatorPolicy, Definition: definition, alternate: s.Alternate}
	if _, argued := s.Arguments["alternate-exchange"]; !argued && s.Name != "" {
		alternate, _ := definition["alternate-exchange"].(string)
		g.alternate = Name(alternate)
	}
	s.governed.Store(g)
	return true
}
