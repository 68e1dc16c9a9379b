package settings

import "warren/protocol"

// Consumer decodes the arguments of basic.consume on a classic queue: the priority (contract P-45), or why they are refused.
// Arguments that belong to streams are refused as those of another type are; x-cancel-on-ha-failover, of the mirrored queues that
// are no more, is looked at and does nothing, as in RabbitMQ.
func Consumer(resource string, arguments protocol.Table) (priority int64, err *protocol.Error) {
	if v, ok := arguments["x-priority"]; ok {
		if why := integer(v, arguments); why != "" {
			return 0, invalid("x-priority", resource, string(why))
		}
		priority, _ = protocol.AsInt(v)
	}
	if v, ok := arguments["x-cancel-on-ha-failover"]; ok {
		if why := boolean(v, arguments); why != "" {
			return 0, invalid("x-cancel-on-ha-failover", resource, string(why))
		}
	}
	for _, name := range []string{"x-stream-offset", "x-stream-filter", "x-stream-match-unfiltered"} {
		if _, ok := arguments[name]; ok {
			return 0, protocol.PreconditionFailed("invalid arg '%s' for %s of queue type %s", name, resource, Classic.module())
		}
	}
	return priority, nil
}
