package exchange

import (
	"fmt"
	"slices"

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
}

// same is a binding's identity (contract X-19): destination, key and arguments.
func (b Binding) same(o Binding) bool {
	return b.To == o.To && b.Key == o.Key && b.Canonical == o.Canonical
}

// Table is an exchange's routing table. Tables are immutable: readers of any actor use one without a lock, and a change
// makes a new one that shares what did not change.
type Table interface {
	With(Binding) Table
	Without(Binding) Table
	// Route calls visit for every binding that matches. A destination may come more than once.
	Route(m *protocol.Message, visit func(Destination)) error
	// Each calls f for every binding.
	Each(f func(Binding))
	// Cacheable says that the routing key alone decides.
	Cacheable() bool
}

// Exchange types (AMQP 0-9-1, 3.1.3).
const (
	Direct  = "direct"
	Fanout  = "fanout"
	Topic   = "topic"
	Headers = "headers"
)

// NewTable returns an empty table, or contract X-12's error for a type that does not exist.
func NewTable(kind string) (Table, *protocol.Error) {
	switch kind {
	case Direct:
		return newDirectTable(), nil
	case Fanout:
		return fanoutTable{}, nil
	case Topic:
		return topicTable{}, nil
	case Headers:
		return headersTable{}, nil
	}
	return nil, protocol.PreconditionFailed("unknown exchange type '%s'", kind)
}

// CheckBinding refuses what an exchange type cannot route.
func CheckBinding(kind, key string, arguments protocol.Table) *protocol.Error {
	switch kind {
	case Topic:
		return checkTopicKey(key)
	case Headers:
		return checkMatch(arguments)
	}
	return nil
}

// put and drop are With and Without for the bindings of one key.
func put(list []Binding, b Binding) []Binding {
	if slices.ContainsFunc(list, b.same) {
		return list
	}
	return append(slices.Clip(list), b)
}

func drop(list []Binding, b Binding) []Binding {
	at := slices.IndexFunc(list, b.same)
	if at < 0 {
		return list
	}
	return slices.Concat(list[:at], list[at+1:])
}

// fanoutTable sends everything everywhere (contract X-04).
type fanoutTable struct{ bindings []Binding }

func (t fanoutTable) With(b Binding) Table    { return fanoutTable{put(t.bindings, b)} }
func (t fanoutTable) Without(b Binding) Table { return fanoutTable{drop(t.bindings, b)} }
func (fanoutTable) Cacheable() bool           { return true }

func (t fanoutTable) Each(f func(Binding)) { each(t.bindings, f) }

func each(list []Binding, f func(Binding)) {
	for _, b := range list {
		f(b)
	}
}

func (t fanoutTable) Route(_ *protocol.Message, visit func(Destination)) error {
	for i := range t.bindings {
		visit(t.bindings[i].To)
	}
	return nil
}

func (d Destination) String() string {
	if d.Queue != nil {
		return fmt.Sprintf("queue '%s'", d.Queue.Name)
	}
	return fmt.Sprintf("exchange '%s'", d.Exchange.Name)
}
