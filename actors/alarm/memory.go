// Package alarm keeps the node's account of memory and says when publishers must wait.
package alarm

import (
	"sync"
	"sync/atomic"
)

// Memory is the node's ledger of what queues hold in memory. Above the high mark whoever publishes is not read any more,
// below the low mark everybody is again (RabbitMQ, memory alarms; the low mark is Warren's).
type Memory struct {
	high, low int64
	resident  atomic.Int64
	raised    atomic.Bool
	storage   atomic.Bool // nothing can be stored

	mu   sync.Mutex
	gate chan struct{} // closed when the alarm clears; nil while there is none
}

// NewMemory makes a ledger with its marks, in bytes.
func NewMemory(high, low int64) *Memory { return &Memory{high: high, low: low} }

// Resident adds delta bytes to what queues hold.
func (m *Memory) Resident(delta int) {
	now := m.resident.Add(int64(delta))
	if now > m.high && !m.raised.Load() || now < m.low && m.raised.Load() {
		m.turn()
	}
}

// Storage enters whether the journal cannot be written. What is published then could only pile up, so publishers wait as
// they do for memory.
func (m *Memory) Storage(failing bool) {
	m.storage.Store(failing)
	m.turn()
}

// Reason is what the alarm is on for, in RabbitMQ's words.
func (m *Memory) Reason() string {
	if m.storage.Load() {
		return "low on disk"
	}
	return "low on memory"
}

// turn brings the alarm in line with the ledger. It looks at the ledger again behind every change: whoever wrote to it
// before that may not have seen the change, and nobody may write to it ever again while publishers wait.
func (m *Memory) turn() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		now, storage := m.resident.Load(), m.storage.Load()
		switch {
		case (now > m.high || storage) && m.gate == nil:
			m.gate = make(chan struct{})
			m.raised.Store(true)
		case now < m.low && !storage && m.gate != nil:
			close(m.gate)
			m.gate = nil
			m.raised.Store(false)
		default:
			return
		}
	}
}

// Bytes is what queues hold now.
func (m *Memory) Bytes() int64 { return m.resident.Load() }

// Raised says that the alarm is on.
func (m *Memory) Raised() bool { return m.raised.Load() }

// Cleared returns a channel that closes when the alarm clears, or nil when there is none.
func (m *Memory) Cleared() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gate
}
