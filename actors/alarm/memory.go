// Package alarm keeps the node's account of memory and says when publishers must wait, and who is turned away meanwhile.
package alarm

import (
	"sync"
	"sync/atomic"
	"time"
)

// Marks are where the alarm of memory goes up and where it comes down again, in bytes of the process's real use.
type Marks struct{ High, Low int64 }

// Policy is what happens above the high mark beside publishers having to wait. Nothing of it is RabbitMQ's way (contract S6).
type Policy struct {
	RefuseConnections  bool
	RefuseDeclarations bool
}

// Memory is the node's ledger of what queues hold in memory. Above the high mark whoever publishes is not read any more,
// below the low mark everybody is again (RabbitMQ, memory alarms; the low mark is Warren's). The ledger is what decides first,
// since it is always true; what the operating system counts ([Memory.Observe]) is looked at once in a while, decides as well,
// and says how many bytes a byte of the ledger really costs.
type Memory struct {
	contents Contents
	policy   Policy
	resident atomic.Int64
	high     atomic.Int64 // marks of the ledger
	low      atomic.Int64
	raised   atomic.Bool // publishers wait
	memory   atomic.Bool // ... because memory is short; written under mu
	ledgerUp atomic.Bool // the ledger's part of the alarm; written under mu

	mu      sync.Mutex
	marks   Marks
	cost    float64 // bytes of the process for one of the ledger
	rss     int64   // when it was last observed
	rssUp   bool    // what was observed has its part
	storage bool    // nothing can be stored
	number  uint64  // of the newest alarm of memory
	since   time.Time
	gate    chan struct{} // closed when the alarm clears; nil while there is none
}

// A byte of the ledger costs two at first: the collector needs room of its own, and what is on its way has windows beside it.
// What is observed corrects that within bounds: slowly, but at once where it is more and the mark is near, since the next burst may cost as much.
const (
	costFirst  = 2
	costLeast  = 1.25
	costMost   = 4
	costLearns = 16 // looks
)

// NewMemory makes a ledger with its marks.
func NewMemory(m Marks, p Policy) *Memory {
	out := &Memory{policy: p, cost: costFirst}
	out.Mark(m)
	return out
}

// Mark moves the marks. The low one never stands above the high one.
func (m *Memory) Mark(marks Marks) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.marks = Marks{marks.High, min(marks.Low, marks.High)}
	m.contents.mark(m.marks.High)
	m.weigh()
	m.turn()
}

// Observe enters what the process really uses.
func (m *Memory) Observe(rss int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rss = rss
	if held := m.resident.Load(); held > m.marks.High/8 { // below, what an idle broker needs would hide it
		seen := float64(rss) / float64(held)
		next := m.cost + (seen-m.cost)/costLearns
		if rss > m.marks.Low { // elsewhere it may be garbage of what is gone, and there is time
			next = max(next, seen)
		}
		m.cost = min(costMost, max(costLeast, next))
		m.weigh()
	}
	m.turn()
}

// weigh sets the marks of the ledger.
func (m *Memory) weigh() {
	m.high.Store(int64(float64(m.marks.High) / m.cost))
	m.low.Store(int64(float64(m.marks.Low) / m.cost))
}

// Resident adds delta bytes to what queues hold.
func (m *Memory) Resident(delta int) {
	now := m.resident.Add(int64(delta))
	if up := m.ledgerUp.Load(); now > m.high.Load() && !up || now < m.low.Load() && up {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.turn()
	}
}

// Storage enters whether the journal cannot be written, or has no room left. What is published then could only pile up, so
// publishers wait as they do for memory.
func (m *Memory) Storage(failing bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.storage = failing
	m.turn()
}

// turn brings the alarm in line with ledger and process, each of which has to fall below the low mark if it was above the
// high one. It looks at the ledger again behind every change: whoever wrote to it before that may not have seen the change,
// and nobody may write to it ever again while publishers wait.
func (m *Memory) turn() {
	for {
		was := m.short()
		now := m.resident.Load()
		m.ledgerUp.Store(now > m.high.Load() || m.ledgerUp.Load() && now >= m.low.Load())
		m.rssUp = m.rss > m.marks.High || m.rssUp && m.rss >= m.marks.Low
		memory := m.short()
		m.memory.Store(memory)
		if memory && !was {
			m.number++
			m.since = time.Now()
		}
		switch up := memory || m.storage; {
		case up && m.gate == nil:
			m.gate = make(chan struct{})
			m.raised.Store(true)
		case !up && m.gate != nil:
			close(m.gate)
			m.gate = nil
			m.raised.Store(false)
		default:
			return
		}
	}
}

// short says that the alarm of memory is up.
func (m *Memory) short() bool { return m.ledgerUp.Load() || m.rssUp }

// Bytes is what queues hold now.
func (m *Memory) Bytes() int64 { return m.resident.Load() }

// Pressed says that queues hold more than half of what they may, or that the process uses too much: they keep little in memory.
func (m *Memory) Pressed() bool { return m.resident.Load() > m.high.Load()/2 || m.memory.Load() }

// Short says that the alarm of memory is up: queues keep nothing in memory that nobody is about to get, until it has cleared.
func (m *Memory) Short() bool { return m.memory.Load() }

// Contents is what lies between sockets and queues, which has a part of memory of its own.
func (m *Memory) Contents() *Contents { return &m.contents }

// Raised says that publishers wait.
func (m *Memory) Raised() bool { return m.raised.Load() }

// Cleared returns a channel that closes when publishers may go on, or nil when they may.
func (m *Memory) Cleared() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.gate
}

// Reason is what publishers wait for, in RabbitMQ's words (contract P-16).
func (m *Memory) Reason() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch memory := m.short(); {
	case memory && m.storage:
		return "low on memory & low on disk"
	case m.storage:
		return "low on disk"
	}
	return "low on memory"
}
