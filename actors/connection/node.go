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
	Users       *auth.Users
	VHosts      func(name string) *vhost.Directory // nil for one that does not exist
	Memory      Memory
	Log         zerolog.Logger

	FrameMax         int
	ChannelMax       int
	Heartbeat        time.Duration
	HandshakeTimeout time.Duration
	MaxMessageSize   int64
	ServerProperties protocol.Table
}
