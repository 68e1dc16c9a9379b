package exchange

import (
	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"warren/protocol"
)

// directTable routes by equal keys (contract X-03). The radix tree shares all but one path with the table before it, so
// that a binding costs the same whatever the number of bindings.
type directTable struct{ keys *iradix.Tree[set] }

func newDirectTable() directTable { return directTable{iradix.New[set]()} }

func (t directTable) With(bindings ...Binding) Table {
	txn := t.keys.Txn()
	byKey(bindings, func(key string, bindings []Binding) {
		s, _ := txn.Get([]byte(key))
		txn.Insert([]byte(key), s.with(bindings...))
	})
	return directTable{txn.CommitOnly()}
}

func (t directTable) Without(bindings ...Binding) Table {
	txn := t.keys.Txn()
	byKey(bindings, func(key string, bindings []Binding) {
		s, ok := txn.Get([]byte(key))
		if s = s.without(bindings...); s.len() > 0 {
			txn.Insert([]byte(key), s)
		} else if ok {
			txn.Delete([]byte(key))
		}
	})
	return directTable{txn.CommitOnly()}
}

// Each visits the bindings in the order of their keys.
func (t directTable) Each(f func(Binding)) {
	t.keys.Root().Walk(func(_ []byte, s set) bool {
		s.each(func(b *Binding) { f(*b) })
		return false
	})
}

func (directTable) By() By { return ByKeys }

func (t directTable) Route(m *protocol.Message, _ uint64, visit func(Destination)) error {
	s, _ := t.keys.Get([]byte(m.RoutingKey))
	s.visit(visit)
	return nil
}
