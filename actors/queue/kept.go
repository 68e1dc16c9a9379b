package queue

import (
	"slices"
	"sync/atomic"

	"warren/actors/queue/ready"
	"warren/actors/queue/record"
	"warren/persistence/segment"
	"warren/protocol"
)

// Kept is what several queues keep of a batch that goes to all of them. Whichever needs it first makes it, and the others share it:
// in memory as on disk a message in N queues is there once. Two that need it at the same moment may both make it, and one of the
// two is thrown away; nobody waits.
type Kept struct {
	own    atomic.Pointer[[]protocol.Message]
	stored atomic.Pointer[stored]
	shared atomic.Pointer[ready.Common]
}

// stored is a batch as durable queues keep it. The messages alias what the journal gets.
type stored struct {
	messages []protocol.Message
	encoded  *ready.Encoded
}

// messages are a batch that owns its bytes.
func (k *Kept) messages(batch []protocol.Message) []protocol.Message {
	if s := k.stored.Load(); s != nil {
		return s.messages
	}
	if own := k.own.Load(); own != nil {
		return *own
	}
	if own := protocol.CopyOut(batch); k.own.CompareAndSwap(nil, &own) {
		return own
	}
	return *k.own.Load()
}

func (k *Kept) store(exchange string, batch []protocol.Message) *stored {
	if s := k.stored.Load(); s != nil {
		return s
	}
	b, messages := record.Encode(exchange, batch)
	tail := segment.NewTail(b)
	if s := (&stored{messages, &ready.Encoded{ID: tail.ID, Bytes: b}}); k.stored.CompareAndSwap(nil, s) {
		return s
	}
	return k.stored.Load()
}

// share is the batch as the account of memory knows it.
func (k *Kept) share(a ready.Account, batch []protocol.Message) *ready.Common {
	if s := k.shared.Load(); s != nil {
		return s
	}
	bytes := 0
	for i := range batch {
		bytes += batch[i].Size()
	}
	if s := ready.NewCommon(len(batch), bytes, a); k.shared.CompareAndSwap(nil, s) {
		return s
	}
	return k.shared.Load()
}

// keep returns what the queue keeps of messages that arrive, which are the batch or its end: as it is stored, too, when other queues
// store the same, and as the batch that it shares with them.
func (q *Queue) keep(m *Enqueue, fresh []protocol.Message) (out ready.Content) {
	out.Exchange = m.Exchange
	whole := m.Kept != nil && len(fresh) == len(m.Messages)
	if whole {
		out.Common = m.Kept.share(q.Ledger, fresh)
	}
	switch {
	case whole && q.storesWhole(fresh):
		s := m.Kept.store(m.Exchange, fresh)
		out.Messages, out.Encoded = s.messages, s.encoded
	case q.passing(fresh), fills(fresh):
		out.Messages = fresh
	case whole:
		out.Messages = m.Kept.messages(fresh)
	default:
		out.Messages = protocol.CopyOut(fresh)
	}
	return out
}

// fillsFrom is how many bytes of bodies are most of the buffer they were read into, which has up to 256 KiB. One that is larger was made
// for a single frame.
const fillsFrom = 128 << 10

// fills says that messages which stay may go on aliasing the buffer they were read into: a copy of them would take no less than half
// of what the buffer does, and to make it is a fifth of what a body of 10 KiB costs that has to wait.
func fills(messages []protocol.Message) bool {
	bytes := 0
	for i := range messages {
		if bytes += len(messages[i].Body); bytes >= fillsFrom {
			return true
		}
	}
	return false
}

// storesWhole says that the persistent ones of a batch will be one record, of which a start need not read more than the summary.
func (q *Queue) storesWhole(batch []protocol.Message) bool {
	s := q.Slot.Settings()
	return q.state.Durable() && s.MaxPriority == 0 && !s.Holds.Set &&
		slices.ContainsFunc(batch, func(m protocol.Message) bool { return m.Flags.Has(protocol.FlagPersistent) })
}
