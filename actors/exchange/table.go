package exchange

import (
	"fmt"
	"slices"
	"strings"

	"warren/actors/queue"
	"warren/protocol"
)

// Destination is a queue or an exchange; the other one is nil.
type Destination struct {
	Queue    *queue.Slot
	Exchange *Slot
}

// Binding leads from the exchange whose table holds it to a destination.
type Binding struct {
	To        Destination
	Key       string
	Arguments protocol.Table
	// Canonical are the arguments in one fixed encoding, for comparison.
	Canonical string

	rule *rule // of a headers table: the arguments, ready to be compared
}

// same is a binding's identity (contract X-19): destination, key and arguments.
func (b Binding) same(o Binding) bool {
	return b.To == o.To && b.Key == o.Key && b.Canonical == o.Canonical
}

// Table is an exchange's routing table. Tables are immutable: readers of any actor use one without a lock, and a change
// makes a new one that shares what did not change.
type Table interface {
	// With and Without make one new table, however many bindings change.
	With(...Binding) Table
	Without(...Binding) Table
	// Route calls visit for every binding that matches. A destination may come more than once. chance is the random number
	// of this message here, for tables that go by it.
	Route(m *protocol.Message, chance uint64, visit func(Destination)) error
	// Each calls f for every binding.
	Each(f func(Binding))
	// By says what decides where a message goes.
	By() By
}

// By is what decides where a message goes.
type By uint8

const (
	// ByNothing: every message goes one way.
	ByNothing By = iota
	// ByKeys: every routing key leads on by itself, those in CC and BCC too (contract P-36).
	ByKeys
	// ByKey: the routing key alone, and no other.
	ByKey
	// ByMessage: more than the routing key.
	ByMessage
	// ByChance: a random number.
	ByChance
)

// Cacheable says that messages with one routing key go one way.
func (b By) Cacheable() bool { return b <= ByKey }

// put and drop are with and without for a slice.
func put(list, bindings []Binding) []Binding {
	list = slices.Clip(list)
	for _, b := range bindings {
		if !slices.ContainsFunc(list, b.same) {
			list = append(list, b)
		}
	}
	return list
}

func drop(list, bindings []Binding) []Binding {
	for _, b := range bindings {
		if at := slices.IndexFunc(list, b.same); at >= 0 {
			list = slices.Concat(list[:at], list[at+1:])
		}
	}
	return list
}

// byKey calls f for the bindings of each key.
func byKey(bindings []Binding, f func(key string, bindings []Binding)) {
	if len(bindings) > 1 {
		bindings = slices.Clone(bindings)
		slices.SortStableFunc(bindings, func(a, b Binding) int { return strings.Compare(a.Key, b.Key) })
	}
	for len(bindings) > 0 {
		n := 1
		for n < len(bindings) && bindings[n].Key == bindings[0].Key {
			n++
		}
		f(bindings[0].Key, bindings[:n])
		bindings = bindings[n:]
	}
}

// fanoutTable sends everything everywhere (contract X-04).
type fanoutTable struct{ bindings set }

func (t fanoutTable) With(b ...Binding) Table    { return fanoutTable{t.bindings.with(b...)} }
func (t fanoutTable) Without(b ...Binding) Table { return fanoutTable{t.bindings.without(b...)} }
func (fanoutTable) By() By                       { return ByNothing }
func (t fanoutTable) Each(f func(Binding))       { t.bindings.each(func(b *Binding) { f(*b) }) }

func (t fanoutTable) Route(_ *protocol.Message, _ uint64, visit func(Destination)) error {
	t.bindings.visit(visit)
	return nil
}

func (d Destination) String() string {
	if d.Queue != nil {
		return fmt.Sprintf("queue '%s'", d.Queue.Name)
	}
	return fmt.Sprintf("exchange '%s'", d.Exchange.Name)
}
