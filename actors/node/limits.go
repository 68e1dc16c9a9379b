package node

import (
	"slices"

	"google.golang.org/protobuf/proto"

	eventv1 "warren/proto/event/v1"
)

// check refuses a limit that there is not (contract P-24).
func (l Limits) check(what string, known ...string) *Error {
	for name := range l {
		if !slices.Contains(known, name) {
			return invalid("Unrecognised %s limit '%s': there are %v", what, name, known)
		}
	}
	return nil
}

// get returns a limit as an event has it.
func (l Limits) get(name string) *int64 {
	n, set := l[name]
	if !set {
		return nil
	}
	return proto.Int64(n)
}

func (d *draft) setUserLimits(c SetUserLimits) *Error {
	if err := c.Limits.check("user", MaxConnections, MaxChannels); err != nil {
		return err
	}
	if d.defs.Users[c.User] == nil {
		return noSuchUser(c.User)
	}
	now := d.defs.UserLimits[c.User]
	next := &eventv1.UserLimitsSet{User: c.User, MaxConnections: c.Limits.get(MaxConnections), MaxChannels: c.Limits.get(MaxChannels)}
	if next.MaxConnections == nil && now != nil {
		next.MaxConnections = now.MaxConnections
	}
	if next.MaxChannels == nil && now != nil {
		next.MaxChannels = now.MaxChannels
	}
	d.userLimits(now, next)
	return nil
}

func (d *draft) clearUserLimits(c ClearUserLimits) *Error {
	if c.Limit != "all" && c.Limit != MaxConnections && c.Limit != MaxChannels {
		return invalid("Unrecognised user limit '%s': there are %s, %s and all", c.Limit, MaxConnections, MaxChannels)
	}
	if d.defs.Users[c.User] == nil {
		return noSuchUser(c.User)
	}
	now := d.defs.UserLimits[c.User]
	if now == nil {
		return nil
	}
	next := &eventv1.UserLimitsSet{User: c.User}
	if c.Limit == MaxConnections {
		next.MaxChannels = now.MaxChannels
	}
	if c.Limit == MaxChannels {
		next.MaxConnections = now.MaxConnections
	}
	d.userLimits(now, next)
	return nil
}

func (d *draft) userLimits(now, next *eventv1.UserLimitsSet) {
	if !proto.Equal(now, next) {
		d.happen(&eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_UserLimitsSet{UserLimitsSet: next}})
	}
}

func (d *draft) setVHostLimits(c SetVHostLimits) *Error {
	if err := c.Limits.check("vhost", MaxConnections, MaxQueues); err != nil {
		return err
	}
	if d.defs.VHosts[c.VHost] == nil {
		return noSuchVHost(c.VHost)
	}
	d.vhostLimits(&eventv1.VHostLimitsSet{Vhost: c.VHost, MaxConnections: c.Limits.get(MaxConnections), MaxQueues: c.Limits.get(MaxQueues)})
	return nil
}

func (d *draft) clearVHostLimits(c ClearVHostLimits) *Error {
	if d.defs.VHosts[c.VHost] == nil {
		return noSuchVHost(c.VHost)
	}
	if d.defs.VHostLimits[c.VHost] != nil {
		d.vhostLimits(&eventv1.VHostLimitsSet{Vhost: c.VHost})
	}
	return nil
}

func (d *draft) vhostLimits(next *eventv1.VHostLimitsSet) {
	if !proto.Equal(d.defs.VHostLimits[next.Vhost], next) {
		d.happen(&eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_VhostLimitsSet{VhostLimitsSet: next}})
	}
}
