package exchange

import (
	"encoding/binary"
	"hash/maphash"

	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"warren/protocol"
)

// headersTable routes by the headers of a message (contract X-06). A binding that wants all of its arguments is found by one
// of them, the one that the fewest others are found by; a binding that wants any of them is found by each. So a message looks
// at those bindings that share one of its headers, and compares these whole: the index may name too many and never too few.
type headersTable struct {
	all    set               // every binding
	always set               // all of nothing: they match whatever comes
	values *iradix.Tree[set] // by a name and a value
	names  *iradix.Tree[set] // by a name, where any value will do, or where it is a table or an array
}

func newHeadersTable() headersTable {
	return headersTable{values: iradix.New[set](), names: iradix.New[set]()}
}

func (t headersTable) With(bindings ...Binding) Table {
	values, names := t.values.Txn(), t.names.Txn()
	before := t.all.len()
	for _, b := range bindings {
		b.rule = newRule(b.Arguments)
		if t.all = t.all.with(b); t.all.len() == before {
			continue // it was there
		}
		before++
		if b.rule.all && len(b.rule.conditions) == 0 {
			t.always = t.always.with(b)
			continue
		}
		least := -1
		var at place
		for i := range b.rule.conditions {
			p := placeOf(values, names, &b.rule.conditions[i])
			s := p.get()
			if !b.rule.all {
				p.put(s.with(b))
			} else if least < 0 || s.len() < least {
				least, at = s.len(), p
			}
		}
		if least >= 0 {
			at.put(at.get().with(b))
		}
	}
	t.values, t.names = values.CommitOnly(), names.CommitOnly()
	return t
}

func (t headersTable) Without(bindings ...Binding) Table {
	values, names := t.values.Txn(), t.names.Txn()
	for _, b := range bindings {
		rule := newRule(b.Arguments)
		for i := range rule.conditions { // it is in one of them, or in all
			p := placeOf(values, names, &rule.conditions[i])
			p.put(p.get().without(b))
		}
	}
	t.all, t.always = t.all.without(bindings...), t.always.without(bindings...)
	t.values, t.names = values.CommitOnly(), names.CommitOnly()
	return t
}

func (headersTable) By() By { return ByMessage }

func (t headersTable) Each(f func(Binding)) { t.all.each(func(b *Binding) { f(*b) }) }

func (t headersTable) Route(m *protocol.Message, _ uint64, visit func(Destination)) error {
	t.always.visit(visit)
	if m.Flags.Has(protocol.FlagBCC) { // a hidden header does not route
		seen := protocol.WithoutBCC(*m)
		m = &seen
	}
	headers, err := headersOf(m)
	if err != nil || headers == nil {
		return err
	}
	for name, value := range protocol.Fields(headers) {
		hash := maphash.Bytes(seed, name)
		if t.names.Len() > 0 {
			t.try(t.names, hash, headers, visit)
		}
		if v, ok := value.Hash(seed); ok {
			t.try(t.values, join(hash, v), headers, visit)
		}
	}
	return nil
}

// headersOf are the headers of a message, a field table as it came, or nil.
func headersOf(m *protocol.Message) ([]byte, error) {
	if !m.Flags.Has(protocol.FlagHeaders) {
		return nil, nil
	}
	scan, err := protocol.ScanProperties(m.Properties)
	return scan.Headers, err
}

// try visits what an entry of the index leads to.
func (t headersTable) try(index *iradix.Tree[set], hash uint64, headers []byte, visit func(Destination)) {
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], hash)
	s, ok := index.Get(key[:])
	if !ok {
		return
	}
	if s.many != nil {
		s.many.Root().Walk(func(_ []byte, b Binding) bool {
			if b.rule.matches(headers) {
				visit(b.To)
			}
			return false
		})
		return
	}
	for i := range s.few {
		if s.few[i].rule.matches(headers) {
			visit(s.few[i].To)
		}
	}
}

// seed keeps clients from choosing headers that all fall into one place.
var seed = maphash.MakeSeed()

func join(name, value uint64) uint64 { return name*0x9e3779b97f4a7c15 ^ value }

// place is where in the index a binding is found by one condition.
type place struct {
	index *iradix.Txn[set]
	key   [8]byte
}

func placeOf(values, names *iradix.Txn[set], c *condition) place {
	hash := maphash.String(seed, c.name)
	p := place{index: names}
	if v, ok := protocol.HashValue(seed, c.want); ok && c.want != nil {
		p.index, hash = values, join(hash, v)
	}
	binary.BigEndian.PutUint64(p.key[:], hash)
	return p
}

func (p *place) get() set {
	s, _ := p.index.Get(p.key[:])
	return s
}

func (p *place) put(s set) {
	if s.len() == 0 {
		p.index.Delete(p.key[:])
		return
	}
	p.index.Insert(append([]byte(nil), p.key[:]...), s)
}
