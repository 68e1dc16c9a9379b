package alarm

import "time"

// patience is how long new connections are turned away. Whoever could drain the queues may be among them.
const patience = 30 * time.Second

// Connections says whether new connections are turned away (contract S6, A-04). Not any more when the alarm stays up, nor when
// the disk is short as well: then nothing gets better by itself, and somebody must come to consume. alarm is the number of the
// alarm of memory that is up, 0 for none: each has a reserve of its own.
func (m *Memory) Connections() (alarm uint64, refused bool) {
	if !m.raised.Load() {
		return 0, false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.short() {
		return 0, false
	}
	return m.number, m.policy.RefuseConnections && !m.storage && time.Since(m.since) < patience
}

// Declarations says whether new exchanges and queues are refused: those would be filled.
func (m *Memory) Declarations() (refused bool) {
	if !m.policy.RefuseDeclarations || !m.raised.Load() {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.short()
}

// Status is what an operator sees.
type Status struct {
	Marks
	RSS, Ledger  int64
	Memory, Disk bool // alarms that are up
}

// Status of now.
func (m *Memory) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Status{m.marks, m.rss, m.resident.Load(), m.short(), m.storage}
}

// State is contract A-08's.
func (s Status) State() string {
	switch {
	case s.Memory:
		return "blocked"
	case s.RSS > s.Low:
		return "warning"
	}
	return "normal"
}
