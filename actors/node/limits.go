package node

import (
	"google.golang.org/protobuf/proto"

	"warren/actors/auth"
	eventv1 "warren/proto/event/v1"
)

// put enters limits into an event. One that there is not is refused (contract P-24).
func (l Limits) put(what string, fields []auth.LimitField) *Error {
	known := map[string]auth.LimitField{}
	var names []string
	for _, f := range fields {
		known[f.Name], names = f, append(names, f.Name)
	}
	for name, n := range l {
		f, is := known[name]
		if !is {
			return invalid("Unrecognised %s limit '%s': there are %v", what, name, names)
		}
		*f.Value = proto.Int64(n)
	}
	return nil
}

// userLimitsNow are those in force, to change.
func (d *draft) userLimitsNow(user string) *eventv1.UserLimitsSet {
	if now := d.defs.UserLimits[user]; now != nil {
		return proto.CloneOf(now)
	}
	return &eventv1.UserLimitsSet{User: user}
}

func (d *draft) setUserLimits(c SetUserLimits) *Error {
	next := d.userLimitsNow(c.User)
	if err := c.Limits.put("user", auth.UserLimitFields(next)); err != nil {
		return err
	}
	if d.defs.Users[c.User] == nil {
		return noSuchUser(c.User)
	}
	d.userLimits(next)
	return nil
}

func (d *draft) clearUserLimits(c ClearUserLimits) *Error {
	next, found := d.userLimitsNow(c.User), c.Limit == "all"
	var names []string
	for _, f := range auth.UserLimitFields(next) {
		names = append(names, f.Name)
		if f.Name == c.Limit || c.Limit == "all" {
			*f.Value, found = nil, true
		}
	}
	if !found {
		return invalid("Unrecognised user limit '%s': there are %v and all", c.Limit, names)
	}
	if d.defs.Users[c.User] == nil {
		return noSuchUser(c.User)
	}
	if d.defs.UserLimits[c.User] != nil {
		d.userLimits(next)
	}
	return nil
}

func (d *draft) userLimits(next *eventv1.UserLimitsSet) {
	if !proto.Equal(d.defs.UserLimits[next.User], next) {
		d.happen(&eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_UserLimitsSet{UserLimitsSet: next}})
	}
}

func (d *draft) setVHostLimits(c SetVHostLimits) *Error {
	next := &eventv1.VHostLimitsSet{Vhost: c.VHost}
	if err := c.Limits.put("vhost", auth.VHostLimitFields(next)); err != nil {
		return err
	}
	if d.defs.VHosts[c.VHost] == nil {
		return noSuchVHost(c.VHost)
	}
	d.vhostLimits(next)
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
