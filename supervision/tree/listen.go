package tree

import (
	"github.com/rs/zerolog"

	"warren/actors/connection"
	"warren/internal/certificates"
	"warren/internal/config"
)

// Socket is a listening socket.
type Socket = connection.Socket

// Listen opens every listening socket, before anything else is started: an address that is taken, or a certificate that is of
// no use, is found at once.
func Listen(c config.Config, log zerolog.Logger) ([]*Socket, error) {
	var sockets []*Socket
	var store *certificates.Store
	fail := func(err error) ([]*Socket, error) {
		for _, open := range sockets {
			_ = open.Close()
		}
		return nil, err
	}
	options := socketOptions(c.Socket)
	for _, l := range c.Listeners {
		s := &Socket{Name: l.Name, Options: options, Proxy: c.ProxyProtocol}
		var err error
		if l.TLS {
			if store == nil { // all of them share one
				if store, err = certificates.Open(c.TLS, log); err != nil {
					return fail(err)
				}
			}
			s.TLS = store.Config()
		}
		if s.Listener, err = connection.Listen(l.Address, options); err != nil {
			return fail(err)
		}
		sockets = append(sockets, s)
	}
	return sockets, nil
}

func socketOptions(s config.Socket) connection.SocketOptions {
	o := connection.SocketOptions{
		Backlog: s.Backlog, NoDelay: s.NoDelay, KeepAlive: s.KeepAlive, SendBuffer: s.SendBuffer, ReceiveBuffer: s.ReceiveBuffer,
	}
	if s.Linger != nil {
		seconds := -1
		if *s.Linger {
			seconds = s.LingerSeconds
		}
		o.LingerSeconds = &seconds
	}
	return o
}

// channelMax is what connection.tune offers, 0 for no limit.
func channelMax(c config.Config) int {
	if limit := int(c.MaxChannelsPerConnection); limit > 0 && (c.ChannelMax == 0 || limit < int(c.ChannelMax)) {
		return limit
	}
	return int(c.ChannelMax)
}
