package exchange

import (
	"cmp"
	"math/bits"
	"slices"
	"strings"
	"sync"

	"warren/protocol"
)

// pickTable sends every message to one of the destinations that are bound, each of which counts once whatever its bindings:
// x-random, x-local-random, x-modulus-hash and x-consistent-hash (contract ).
type pickTable struct {
	kind     string
	on       hashOn
	bindings set
	// ends are made when the first message asks for them: not for each of the bindings that come one behind the other.
	ends func() []end
}

// end is one destination. Their order is that of their names, and so is the same after a restart.
type end struct {
	to     Destination
	name   string
	hash   uint64
	weight float64 // of a consistent hash
}

func newPickTable(kind string, arguments protocol.Table) *pickTable {
	t := &pickTable{kind: kind, on: newHashOn(arguments)}
	return t.over(set{})
}

// over is the table over other bindings.
func (t *pickTable) over(bindings set) *pickTable {
	n := &pickTable{kind: t.kind, on: t.on, bindings: bindings}
	n.ends = sync.OnceValue(n.makeEnds)
	return n
}

func (t *pickTable) With(b ...Binding) Table    { return t.over(t.bindings.with(b...)) }
func (t *pickTable) Without(b ...Binding) Table { return t.over(t.bindings.without(b...)) }
func (t *pickTable) Each(f func(Binding))       { t.bindings.each(func(b *Binding) { f(*b) }) }

func (t *pickTable) By() By {
	switch {
	case t.kind == Random, t.kind == LocalRandom:
		return ByChance
	case t.kind == ConsistentHash && t.on != (hashOn{}):
		return ByMessage
	}
	return ByKey
}

func (t *pickTable) makeEnds() []end {
	ends := make([]end, 0, t.bindings.len())
	t.bindings.each(func(b *Binding) {
		e := end{to: b.To, weight: weightOf(b.Key)}
		if b.To.Queue != nil {
			e.name = "q" + string(b.To.Queue.Name)
		} else {
			e.name = "x" + string(b.To.Exchange.Name)
		}
		e.hash = hashText(e.name)
		ends = append(ends, e)
	})
	// Differs: of several bindings of one queue RabbitMQ's consistent hash counts the one that was made first, we the one of
	// the least weight: which was first is not known any more after a restart, and the ring must be the same then.
	slices.SortFunc(ends, func(a, b end) int {
		return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.weight, b.weight))
	})
	return slices.CompactFunc(ends, func(a, b end) bool { return a.name == b.name })
}

func (t *pickTable) Route(m *protocol.Message, chance uint64, visit func(Destination)) error {
	ends := t.ends()
	if len(ends) == 0 {
		return nil
	}
	switch t.kind {
	case Random:
		visit(ends[upTo(chance, len(ends))].to)
	case LocalRandom: // one that is there to take it
		from := upTo(chance, len(ends))
		for i := range ends {
			if q := ends[(from+i)%len(ends)].to.Queue; !q.Gone() && !q.Crashed() {
				visit(Destination{Queue: q})
				return nil
			}
		}
	case ModulusHash:
		visit(ends[hashText(m.RoutingKey)%uint64(len(ends))].to)
	case ConsistentHash:
		hash, err := t.on.hash(m)
		if err != nil {
			return err
		}
		visit(ends[weigh(ends, hash)].to)
	}
	return nil
}

// upTo makes a number below n of a random one.
func upTo(chance uint64, n int) int {
	hi, _ := bits.Mul64(chance, uint64(n))
	return int(hi)
}

// hashText is FNV-1a with its bits mixed. It is the same in every process: where a key leads outlives a restart.
func hashText[T string | []byte](text T) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return mix(h)
}

// mix spreads a number over all bits (the finalizer of SplitMix64).
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
