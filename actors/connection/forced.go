package connection

import "warren/protocol"

// force closes the connection when an operator wants that (Node.Close), or when its vhost or its user has gone meanwhile: whoever
// deletes one closes the connections that it sees, and this one may have been let in just before and not have been seen.
func (c *Connection) force() {
	p := *c.state.Params
	if p.Phase == Closing {
		return
	}
	err := c.info.forced.Load()
	if err == nil && p.Phase == Running {
		switch {
		case c.directory.Gone():
			err = protocol.ConnectionForced("vhost '%s' is deleted", p.VHost)
		case c.Users.Now().Users[p.User] == nil:
			err = protocol.ConnectionForced("user '%s' is deleted", p.User)
		}
	}
	if err != nil {
		c.fail(0, err, 0)
	}
}
