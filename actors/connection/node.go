package connection

import (
	"time"

	"github.com/rs/zerolog"

	"warren/actors/auth"
	"warren/actors/session"
	"warren/actors/vhost"
	"warren/persistence/volatile"
	"warren/protocol"
	"warren/supervision"
)

// Node is what connections need of the broker.
type Node struct {
	System      *supervision.System
	Streams     *volatile.Store
	Sessions    *session.Registry
	Connections *Registry
	Users       *auth.Access
	VHosts      func(name string) *vhost.Directory // nil for one that does not exist
	Memory      Memory
	Poison      supervision.Poison
	Log         zerolog.Logger

	// Name is the node's, as some errors say it.
	Name string
	// Limit bounds connections and channels of the whole node.
	Limit NodeLimit

	FrameMax        int
	FrameMaxMinimum int // the least that a client may take
	InitialFrameMax int // before connection.tune-ok
	ChannelMax      int
	// ConsumerMax is how many consumers a channel may have, 0 for no limit.
	ConsumerMax int
	// GlobalQos says that basic.qos with global=true is a limit of the channel.
	GlobalQos        bool
	Heartbeat        time.Duration
	HandshakeTimeout time.Duration
	MaxMessageSize   int64
	ServerProperties protocol.Table
	Logins           auth.Logins
}

// Close closes a connection for an operator (contract P-14): the client is told the code and the text of err, usually
// protocol.ConnectionForced("Closed via management plugin"). Of two the first one counts, and a connection that is closing does not
// hear it. Whoever restarts meanwhile finds it in the connection's info.
func (n *Node) Close(i *Info, err *protocol.Error) {
	if i.forced.CompareAndSwap(nil, err) {
		n.System.Send(n.System.PID(i.Path+"/"+actorName), &forced{})
	}
}
