package vhost

import "warren/protocol"

// overLimit refuses a queue that is one too many (contract P-61).
func (v *VHost) overLimit(queueName string) *protocol.Error {
	limits := v.Access.Now().VHostLimits[v.Directory.Name]
	if limits == nil || limits.MaxQueues == nil || *limits.MaxQueues < 0 || int64(len(v.defs.Queues)) < *limits.MaxQueues {
		return nil
	}
	return protocol.PreconditionFailed("cannot declare queue '%s': queue limit in vhost '%s' (%d) is reached",
		queueName, v.Directory.Name, *limits.MaxQueues)
}
