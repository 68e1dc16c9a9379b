package connection

import (
	"sync"

	"warren/actors/auth"
	"warren/protocol"
)

// NodeLimit bounds what all clients of a node may open together (contract P-12, P-23); a negative number is no limit.
type NodeLimit struct {
	Connections int64 // connection_max
	Channels    int64 // channel_max_per_node
}

// over says whether one more is one too many. No limit is nil or negative (contract P-24).
func over(count int64, limit *int64) bool { return limit != nil && *limit >= 0 && count >= *limit }

// counts are the connections and channels of a node that count against limits.
type counts struct {
	mu          sync.Mutex
	connections int64
	channels    int64
	vhosts      map[string]int64 // connections
	users       map[string]use
	reserve     reserve
}

// reserve is how many connections were let in while memory is short. Whoever drains the queues may be among the first.
type reserve struct {
	alarm uint64 // that it is for: each has one
	used  int
}

const reserveSize = 64

// take says whether a connection may come in while an alarm is up, and if so, whether it takes a place of the reserve.
func (r *reserve) take(alarm uint64, refused, local bool) (in, taken bool) {
	if r.alarm != alarm {
		*r = reserve{alarm: alarm}
	}
	switch {
	case !refused || local:
		return true, false
	case r.used >= reserveSize:
		return false, false
	}
	r.used++
	return true, true
}

// back gives a place back.
func (r *reserve) back(alarm uint64) {
	if r.alarm == alarm {
		r.used--
	}
}

// use is what a user has open.
type use struct{ connections, channels int64 }

// seat is what a connection counts as, empty until it is admitted.
type seat struct{ user, vhost string }

func (c *counts) change(s seat, connections, channels int64) {
	if c.vhosts == nil {
		c.vhosts, c.users = map[string]int64{}, map[string]use{}
	}
	c.connections += connections
	c.channels += channels
	if c.vhosts[s.vhost] += connections; c.vhosts[s.vhost] == 0 {
		delete(c.vhosts, s.vhost)
	}
	u := c.users[s.user]
	u.connections += connections
	u.channels += channels
	if c.users[s.user] = u; u == (use{}) {
		delete(c.users, s.user)
	}
}

// admit is contract P-12: what speaks against a connection, in RabbitMQ's order. One that nothing speaks against counts from now on.
func (p *peer) admit(user, vhost string) *protocol.Error {
	now, c := p.Users.Now(), &p.Connections.counts
	c.leave(p.info) // an actor that crashed in this very turn does it again
	c.mu.Lock()
	defer c.mu.Unlock()
	directory := p.VHosts(vhost)
	limits := now.VHostLimits[vhost]
	switch {
	case over(c.connections, &p.Limit.Connections):
		return protocol.NotAllowed("connection refused: node connection limit (%d) is reached", p.Limit.Connections)
	case directory == nil:
		return protocol.NotAllowed("vhost %s not found", vhost)
	case limits != nil && over(c.vhosts[vhost], limits.MaxConnections):
		return protocol.NotAllowed("access to vhost '%s' refused for user '%s': connection limit (%d) is reached", vhost, user, *limits.MaxConnections)
	}
	if limits := now.UserLimits[user]; limits != nil && over(c.users[user].connections, limits.MaxConnections) {
		return protocol.NotAllowed("connection refused for user '%s': user connection limit (%d) is reached", user, *limits.MaxConnections)
	}
	if err := p.reach(user, vhost); err != nil {
		return err
	}
	if directory.Down() {
		return protocol.InternalError("access to vhost '%s' refused for user '%s': vhost '%s' is down", vhost, user, vhost)
	}
	if alarm, refused := p.Memory.Connections(); alarm != 0 {
		in, taken := c.reserve.take(alarm, refused, auth.Local(p.address))
		if !in { // contract S6: a new connection is not what memory gets better by
			return protocol.ResourceError("connection refused: node '%s' is %s, and takes new connections again when that is over",
				p.Name, p.Memory.Reason())
		}
		if taken {
			p.info.reserved = alarm
		}
	}
	p.info.directory = directory
	p.info.seat = seat{user, vhost}
	c.change(p.info.seat, 1, 0)
	return nil
}

// reach is the part of contract P-12 that is looked at again later: the vhost, and whether the user may be in it.
func (p *peer) reach(user, vhost string) *protocol.Error {
	switch {
	case p.VHosts(vhost) == nil:
		return protocol.NotAllowed("vhost %s not found", vhost)
	case p.Users.Now().Of(user, vhost) == nil:
		return protocol.NotAllowed("access to vhost '%s' refused for user '%s'", vhost, user)
	}
	return nil
}

// admitChannel is contract P-23's part that is not the connection's own.
func (p *peer) admitChannel(user string) *protocol.Error {
	c := &p.Connections.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	limits := p.Users.Now().UserLimits[user]
	switch {
	case limits != nil && over(c.users[user].channels, limits.MaxChannels):
		return protocol.NotAllowed("number of channels opened for user '%s' has reached the maximum allowed user limit of %d", user, *limits.MaxChannels)
	case over(c.channels, &p.Limit.Channels):
		return protocol.NotAllowed("number of channels opened on node '%s' has reached the maximum allowed limit of %d", p.Name, p.Limit.Channels)
	}
	c.count(p.info, 1)
	return nil
}

// channelLeft ends what admitChannel began.
func (p *peer) channelLeft() {
	c := &p.Connections.counts
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count(p.info, -1)
}

// count is for a channel of a connection that counts itself. One that has ended took its channels along.
func (c *counts) count(i *Info, channels int64) {
	if i.seat != (seat{}) {
		i.counted += channels
		c.change(i.seat, 0, channels)
	}
}

// leave ends what admit began.
func (c *counts) leave(i *Info) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i.seat != (seat{}) {
		c.change(i.seat, -1, -i.counted)
		i.seat, i.counted = seat{}, 0
		if i.reserved != 0 {
			c.reserve.back(i.reserved)
			i.reserved = 0
		}
	}
}

// impersonator is the tag of users who may publish in another's name (contract P-37).
const impersonator = "impersonator"

func mayImpersonate(a *auth.Access, user string) bool { return a.Now().HasTag(user, impersonator) }
