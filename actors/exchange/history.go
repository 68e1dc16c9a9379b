package exchange

import (
	"fmt"
	"maps"
	"slices"

	"warren/actors/queue"
	"warren/actors/queue/ready"
	"warren/protocol"
)

// RecentHistory is a fanout that remembers: a new binding gets the last messages (RabbitMQ's plugin; contract X-10).
const RecentHistory = "x-recent-history"

// historyDefault is how many messages it remembers unless x-recent-history-length says otherwise.
const historyDefault = 20

// historyTable is a fanout whose versions can be told apart.
type historyTable struct{ fanoutTable }

func newHistoryTable() *historyTable { return &historyTable{} }

func (t *historyTable) With(b ...Binding) Table {
	return &historyTable{fanoutTable{t.bindings.with(b...)}}
}

func (t *historyTable) Without(b ...Binding) Table {
	return &historyTable{fanoutTable{t.bindings.without(b...)}}
}

// history is what such an exchange remembers: the fold over its stream.
type history struct {
	kept  []kept // oldest first
	bytes int
	// table is the newest that was compared with the one before it: its bindings have got what they get.
	table *historyTable
	seq   uint64                             // newest sequence of the exchange's own session
	owed  map[*queue.Slot][]protocol.Message // to new bindings, and not yet in their queue
}

// kept is one message with its origin, by which a copy shows.
type kept struct {
	from    ready.Link       // its publish link, on which sequences increase
	message protocol.Message // it owns its bytes
}

// Events of a history.
type (
	// remembered: messages of a link came, of which the newest are kept up to limit.
	remembered struct {
		from     ready.Link
		messages []protocol.Message
		limit    int
	}
	// greeted: the bindings of a new table were found, and what is kept is owed to their queues, in copies with sequences of
	// the exchange's own session.
	greeted struct {
		table *historyTable
		last  uint64
		owed  map[*queue.Slot][]protocol.Message
	}
	// arrived: a queue has what was owed to it up to a sequence.
	arrived struct {
		queue *queue.Slot
		upto  uint64
	}
	// lost: a queue is gone.
	lost struct{ queue *queue.Slot }
)

func newHistory() *history { return &history{owed: map[*queue.Slot][]protocol.Message{}} }

// Apply changes the history by one event.
func (h *history) Apply(e any) {
	switch e := e.(type) {
	case *remembered:
		for i := range e.messages {
			h.kept = append(h.kept, kept{e.from, e.messages[i]})
			h.bytes += e.messages[i].Size()
		}
		if over := len(h.kept) - e.limit; over > 0 {
			for i := range h.kept[:over] {
				h.bytes -= h.kept[i].message.Size()
			}
			h.kept = slices.Delete(h.kept, 0, over)
		}
	case *greeted:
		h.table, h.seq = e.table, e.last
		for q, messages := range e.owed {
			h.owed[q] = append(h.owed[q], messages...)
		}
	case *arrived:
		messages := h.owed[e.queue]
		n := 0
		for n < len(messages) && messages[n].Seq <= e.upto {
			n++
		}
		if h.owed[e.queue] = messages[n:]; n == len(messages) {
			delete(h.owed, e.queue)
		}
	case *lost:
		delete(h.owed, e.queue)
	}
}

// Clone returns a copy; messages are never written to.
func (h *history) Clone() *history {
	c := *h
	c.kept, c.owed = slices.Clone(h.kept), maps.Clone(h.owed)
	for q, messages := range c.owed {
		c.owed[q] = slices.Clip(messages)
	}
	return &c
}

// remember decides what to keep of a link's messages: not what has been kept, since a crash has messages come again, and
// not what asks for it by its header. It is nil for nothing.
func (h *history) remember(from ready.Link, messages []protocol.Message, limit int) *remembered {
	newest := uint64(0)
	for i := range h.kept {
		if k := &h.kept[i]; k.from == from {
			newest = max(newest, k.message.Seq)
		}
	}
	var keep []protocol.Message
	for i := len(messages) - 1; i >= 0 && messages[i].Seq > newest && len(keep) < limit; i-- {
		if !unremembered(&messages[i]) {
			keep = append(keep, messages[i])
		}
	}
	if len(keep) == 0 {
		return nil
	}
	slices.Reverse(keep)
	keep = protocol.CopyOut(withoutBCC(keep))
	for i := range keep {
		keep[i].Flags &^= protocol.FlagMandatory
	}
	return &remembered{from, keep, limit}
}

// withoutBCC are messages as an exchange remembers them: their hidden keys led to those who were there then. They are copied if there is
// something to hide.
func withoutBCC(messages []protocol.Message) []protocol.Message {
	first := 0
	for first < len(messages) && !messages[first].Flags.Has(protocol.FlagBCC) {
		first++
	}
	if first == len(messages) {
		return messages
	}
	messages = slices.Clone(messages)
	for i := first; i < len(messages); i++ {
		messages[i] = protocol.WithoutBCC(messages[i])
	}
	return messages
}

// unremembered says that a message is not to be kept.
func unremembered(m *protocol.Message) bool {
	if !m.Flags.Has(protocol.FlagHeaders) {
		return false
	}
	headers, err := headersOf(m)
	v, ok := protocol.LookupField(headers, "x-recent-history-no-store")
	return err == nil && ok && v.Equal(true)
}

// greet decides what is owed to the bindings of a table that were not in the one before. route finds the queues behind one
// that leads to an exchange. It is nil when there is nothing new.
func (h *history) greet(t *historyTable, route func(*Slot, *protocol.Message) []*queue.Slot) *greeted {
	if t == h.table {
		return nil
	}
	e := &greeted{table: t, last: h.seq, owed: map[*queue.Slot][]protocol.Message{}}
	if len(h.kept) == 0 {
		return e
	}
	owe := func(q *queue.Slot, m protocol.Message) {
		e.last++
		m.Seq = e.last
		e.owed[q] = append(e.owed[q], m)
	}
	t.bindings.each(func(b *Binding) {
		if h.table != nil && h.table.bindings.has(b) {
			return
		}
		for i := range h.kept {
			m := &h.kept[i].message
			if b.To.Queue != nil {
				owe(b.To.Queue, *m)
				continue
			}
			for _, q := range route(b.To.Exchange, m) {
				owe(q, *m)
			}
		}
	})
	return e
}

// historyLength is the argument, or the default.
func historyLength(arguments protocol.Table) int {
	if n, ok := protocol.AsInt(arguments["x-recent-history-length"]); ok {
		return int(n)
	}
	return historyDefault
}

func checkHistoryArguments(arguments protocol.Table) *protocol.Error {
	v, ok := arguments["x-recent-history-length"]
	if !ok {
		return nil
	}
	shown := fmt.Sprint(v)
	switch v := v.(type) {
	case int8, int16, int32, int64, int: // as in RabbitMQ, no unsigned ones
		if n, _ := protocol.AsInt(v); n > 0 {
			return nil
		}
	case string:
		shown = protocol.Binary(v)
	}
	return protocol.PreconditionFailed("Invalid argument %s, 'x-recent-history-length' must be a positive integer", shown)
}
