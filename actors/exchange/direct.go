package exchange

import (
	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"warren/protocol"
)

// directTable routes by equal keys (contract X-03). The radix tree shares all but one path with the table before it, so
// that a binding costs the same whatever the number of bindings.
type directTable struct{ keys *iradix.Tree[[]Binding] }

func newDirectTable() directTable { return directTable{iradix.New[[]Binding]()} }

func (t directTable) With(b Binding) Table {
	list, _ := t.keys.Get([]byte(b.Key))
	keys, _, _ := t.keys.Insert([]byte(b.Key), put(list, b))
	return directTable{keys}
}

func (t directTable) Without(b Binding) Table {
	list, ok := t.keys.Get([]byte(b.Key))
	if !ok {
		return t
	}
	if list = drop(list, b); len(list) > 0 {
		keys, _, _ := t.keys.Insert([]byte(b.Key), list)
		return directTable{keys}
	}
	keys, _, _ := t.keys.Delete([]byte(b.Key))
	return directTable{keys}
}

// Each visits the bindings in the order of their keys.
func (t directTable) Each(f func(Binding)) {
	for it := t.keys.Root().Iterator(); ; {
		_, list, ok := it.Next()
		if !ok {
			return
		}
		each(list, f)
	}
}

func (directTable) Cacheable() bool { return true }

func (t directTable) Route(m *protocol.Message, visit func(Destination)) error {
	list, _ := t.keys.Get([]byte(m.RoutingKey))
	for i := range list {
		visit(list[i].To)
	}
	return nil
}
