package exchange

import (
	"encoding/binary"
	"slices"

	iradix "github.com/hashicorp/go-immutable-radix/v2"
)

// set is an immutable set of bindings. A few are a slice, which is the fastest to walk and to copy; more are a radix tree by
// identity, which shares all but one path with the set before it, so that a binding costs the same however many there are.
type set struct {
	few  []Binding
	many *iradix.Tree[Binding]
}

const fewBindings = 8

func (s set) len() int {
	if s.many != nil {
		return s.many.Len()
	}
	return len(s.few)
}

func (s set) with(bindings ...Binding) set {
	if s.many == nil && len(s.few)+len(bindings) <= fewBindings {
		return set{few: put(s.few, bindings)}
	}
	tree := s.many
	if tree == nil {
		tree = iradix.New[Binding]()
		bindings = append(s.few[:len(s.few):len(s.few)], bindings...)
	}
	txn := tree.Txn()
	for _, b := range bindings {
		if id := b.identity(); !has(txn, id) {
			txn.Insert(id, b)
		}
	}
	return set{many: txn.CommitOnly()}
}

func (s set) has(b *Binding) bool {
	if s.many != nil {
		_, ok := s.many.Get(b.identity())
		return ok
	}
	return slices.ContainsFunc(s.few, b.same)
}

func has(txn *iradix.Txn[Binding], id []byte) bool {
	_, ok := txn.Get(id)
	return ok
}

func (s set) without(bindings ...Binding) set {
	if s.many == nil {
		return set{few: drop(s.few, bindings)}
	}
	txn := s.many.Txn()
	for _, b := range bindings {
		txn.Delete(b.identity())
	}
	left := set{many: txn.CommitOnly()}
	if left.len() > fewBindings/2 { // a binding that comes and goes does not turn it over and over
		return left
	}
	var few []Binding
	left.each(func(b *Binding) { few = append(few, *b) })
	return set{few: few}
}

// each must not be given anything that changes the bindings.
func (s set) each(f func(*Binding)) {
	if s.many != nil {
		s.many.Root().Walk(func(_ []byte, b Binding) bool { f(&b); return false })
		return
	}
	for i := range s.few {
		f(&s.few[i])
	}
}

// visit is each for routing: it copies no binding to the heap.
func (s set) visit(f func(Destination)) {
	if s.many != nil {
		s.many.Root().Walk(func(_ []byte, b Binding) bool { f(b.To); return false })
		return
	}
	for i := range s.few {
		f(s.few[i].To)
	}
}

// identity has the same bytes for the same binding, and no others (contract X-19).
func (b *Binding) identity() []byte {
	id := make([]byte, 0, 1+8+binary.MaxVarintLen16+len(b.Key)+len(b.Canonical))
	if b.To.Queue != nil {
		id = binary.BigEndian.AppendUint64(append(id, 'q'), b.To.Queue.ID)
	} else {
		id = binary.BigEndian.AppendUint64(append(id, 'x'), b.To.Exchange.ID)
	}
	id = binary.AppendUvarint(id, uint64(len(b.Key)))
	return append(append(id, b.Key...), b.Canonical...)
}
