package supervision

import "github.com/asynkron/protoactor-go/actor"

// This file is the end of a mailbox: its actor has stopped, or it is killed.

// buryIfEnded: Proto.Actor has no hook for the end of a process, but the registry does not know it any more then.
func (m *mailbox) buryIfEnded() {
	if m.registered() != m.process {
		m.bury()
		if m.life != nil && !m.killed.Load() {
			m.life.ended()
		}
	}
}

// bury sends what is left to the dead letters; later posts go there directly. The consumer calls it.
func (m *mailbox) bury() {
	m.mu.Lock()
	m.sealed = true
	user, system := append(m.user.rest(), m.bulk.Load().rest()...), m.system.Load().rest()
	m.watchers = nil
	m.mu.Unlock()
	m.buried.Store(true)
	c := m.context()
	for _, msg := range user {
		c.ActorSystem().DeadLetter.SendUserMessage(c.Self(), msg)
	}
	for _, msg := range system {
		m.burySystem(msg)
	}
}

// burySystem: a Watch must be answered, everything else is moot when nobody is there.
func (m *mailbox) burySystem(msg any) {
	if _, ok := msg.(*actor.Watch); ok {
		c := m.context()
		c.ActorSystem().DeadLetter.SendSystemMessage(c.Self(), msg)
	}
}

// kill takes the process out of the registry whatever its actor is doing. The turn it is stuck in goes on, but it is its
// last one: whatever it returns to is dropped, and the guard sees to it that Proto.Actor does not unregister a successor
// of the same name. Anybody may call it.
func (m *mailbox) kill() {
	m.mu.Lock()
	if m.killed.Swap(true) || m.process == nil { // before Start: that will see to it
		m.mu.Unlock()
		return
	}
	m.sealed = true // what is queued already is the consumer's to bury
	process, watchers := m.process, m.watchers
	m.watchers = nil
	m.mu.Unlock()
	self, registry := m.context().Self(), m.context().ActorSystem().ProcessRegistry
	if m.registered() == process {
		registry.Remove(self)
	}
	if watchers != nil {
		watchers.ForEach(func(_ int, w *actor.PID) {
			if p, ok := registry.Get(w); ok {
				p.SendSystemMessage(w, &actor.Terminated{Who: self})
			}
		})
	}
	m.schedule()
}
