package settings

import "warren/protocol"

// maxNamePrefix is in bytes.
const maxNamePrefix = 64

// ServerNamed is what the name of a queue begins with that its client leaves to the broker (contract P-62): a hyphen and random
// characters follow. Queues of other types than classic must have a name of their own.
func ServerNamed(arguments protocol.Table) (prefix string, err *protocol.Error) {
	if t := TypeOf(arguments); t == Quorum || t == Stream {
		return "", protocol.PreconditionFailed("Cannot declare a server-named queue for type %s", t.module())
	}
	prefix, ok := arguments["x-name-prefix"].(string)
	switch {
	case !ok:
		return "amq.gen", nil
	case len(prefix) > maxNamePrefix:
		return "", protocol.PreconditionFailed("Queue name prefix '%s' exceeds the %d-byte limit", prefix, maxNamePrefix)
	}
	return prefix, nil
}
