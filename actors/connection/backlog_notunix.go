//go:build !unix

package connection

import (
	"errors"
	"net"
)

func setBacklog(net.Listener, int) error {
	return errors.New("tcp_listen_options.backlog cannot be set on this system")
}
