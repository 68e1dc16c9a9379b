//go:build !linux

package connection

import (
	"errors"
	"net"
)

// direct is Linux's: elsewhere net reads, and the writer writes.
type direct struct{}

const directMax = 0

func newDirect(net.Conn) *direct { return nil }

func (*direct) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }

func (*direct) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }
