//go:build unix

package connection

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// setBacklog listens once more: that changes how many connections may wait, and nothing else.
func setBacklog(l net.Listener, backlog int) error {
	raw, err := l.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.Listen(int(fd), backlog) }); err != nil {
		return err
	}
	return failed
}
