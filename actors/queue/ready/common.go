package ready

import (
	"runtime"
	"sync/atomic"
)

// Account is a ledger of memory.
type Account interface {
	// Resident adds delta bytes to what is held in memory.
	Resident(delta int)
}

// Common is a batch that several queues have in memory, and that is there once: the first of them enters its bytes into the account,
// the last takes them out. A queue whose live state is lost in a crash never says that it does not hold the batch any more; then it is
// the collector that finds that nobody does.
type Common struct {
	*holders
	// Spooled is the batch as spools have it, once one of the queues has needed that.
	Spooled atomic.Pointer[Encoded]
}

// holders is apart, since it must not keep its batch from being collected.
type holders struct {
	n        atomic.Int32
	bytes    int
	messages int
	account  Account
}

// NewCommon returns a batch of so many messages with so many bytes, which nobody holds yet.
func NewCommon(messages, bytes int, a Account) *Common {
	s := &Common{holders: &holders{bytes: bytes, messages: messages, account: a}}
	runtime.AddCleanup(s, (*holders).forgotten, s.holders)
	return s
}

// Whole says that the messages of a content are all of the batch.
func (s *Common) Whole(c *Content) bool { return len(c.Messages) == s.messages }

func (h *holders) enter() {
	if h.n.Add(1) == 1 {
		h.account.Resident(h.bytes)
	}
}

func (h *holders) leave() {
	if h.n.Add(-1) == 0 {
		h.account.Resident(-h.bytes)
	}
}

func (h *holders) forgotten() {
	if h.n.Load() > 0 {
		h.account.Resident(-h.bytes)
	}
}

// Hold has this state, which is the live one of its queue, hold what it shares with other queues.
func (s *State) Hold() {
	s.holding = true
	s.eachCommon((*holders).enter)
}

// LetGo ends it: the queue is gone.
func (s *State) LetGo() {
	if s.holding {
		s.eachCommon((*holders).leave)
	}
	s.holding = false
}

func (s *State) eachCommon(f func(*holders)) {
	for i := range s.lines {
		s.lines[i].extents.eachListed(0, func(x *extent) bool {
			if c := x.content; c != nil && c.Common != nil {
				f(c.Common.holders)
			}
			return true
		})
	}
}

// Own are the bytes in memory that no other queue may have as well: what is resident, and what is on its way to the disk.
func (s *State) Own() int { return s.resident - s.common + s.saving.copied }

// comes and goes enter content that the state gets, or lets go of, with so many resident bytes of it.
func (s *State) comes(c *Content, bytes int) {
	s.resident += bytes
	if c.Common == nil {
		return
	}
	s.common += bytes
	if s.holding {
		c.Common.enter()
	}
}

func (s *State) goes(c *Content, bytes int) {
	s.resident -= bytes
	if c.Common == nil {
		return
	}
	s.common -= bytes
	if s.holding {
		c.Common.leave()
	}
}
