package vhost

import "warren/protocol"

// overLimit refuses a queue that is one too many (contract P-61).
func (v *VHost) overLimit(queueName string) *protocol.Error {
	limits := v.Access.Now().VHostLimits[v.Directory.Name]
	if limits == nil || limits.MaxQueues == nil || *limits.MaxQueues < 0 || int64(v.defs.Queues.Len()) < *limits.MaxQueues {
		return nil
	}
	return protocol.PreconditionFailed("cannot declare queue '%s': queue limit in vhost '%s' (%d) is reached",
		queueName, v.Directory.Name, *limits.MaxQueues)
}

// Memory says how short of memory the node is.
type Memory interface {
	// Declarations says whether new entities are refused.
	Declarations() (refused bool)
	// Pressed says that queues keep as little in memory as they can.
	Pressed() bool
	// Short says that the alarm of memory is up: they keep nothing that nobody is about to get.
	Short() bool
	// Reason is why.
	Reason() string
}

// shortOfMemory refuses a new entity while memory is short (contract S6). Whatever is there can be declared again, and what an
// operator asks for is his decision.
func (v *VHost) shortOfMemory(kind, name string, r Request) *protocol.Error {
	if v.Memory == nil || r.Connection == 0 || !v.Memory.Declarations() {
		return nil
	}
	return protocol.PreconditionFailed("cannot declare %s '%s' in vhost '%s': the node is %s, and takes new ones again when that is over",
		kind, name, v.Directory.Name, v.Memory.Reason())
}
