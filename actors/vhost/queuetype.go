package vhost

import (
	"maps"

	"warren/actors/queue/settings"
	"warren/protocol"
)

// withDefaultType is a declaration with the type that the vhost has for queues which name none (contract Q-07). As in RabbitMQ the queue
// then has it among its arguments, wherever the declaration comes from.
func (v *VHost) withDefaultType(m *DeclareQueue) *DeclareQueue {
	of := v.Access.Now().VHosts[v.Directory.Name]
	if of == nil || of.DefaultQueueType != string(settings.Classic) { // no other type can be one yet
		return m
	}
	if _, named := m.Arguments["x-queue-type"]; named {
		return m
	}
	with := *m // whoever sent it may send it again
	if with.Arguments = maps.Clone(m.Arguments); with.Arguments == nil {
		with.Arguments = protocol.Table{}
	}
	with.Arguments["x-queue-type"] = of.DefaultQueueType
	return &with
}
