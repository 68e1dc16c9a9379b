package connection

import (
	"io"
	"net"
	"syscall"
	"unsafe"
)

// direct reads from and writes to a socket that never blocks, as far as it goes at once, and waits for more as net does. Unlike net's, its
// calls are not announced to the scheduler, since they do not wait: after each time that nobody had anything to do, an announced one
// has the scheduler wake the thread that looks after those which do. With messages one by one those are as many wakes as messages.
//
// One goroutine at a time reads, and one writes.
type direct struct {
	raw   syscall.RawConn
	in    piece
	out   piece
	read  func(fd uintptr) bool // made once, so that a call makes nothing
	write func(fd uintptr) bool
}

// piece is what a call is about.
type piece struct {
	b   []byte
	n   int
	err syscall.Errno
}

// directMax is how much goes with one call: more takes so long that the scheduler should know.
const directMax = 16 << 10

// newDirect returns nil for what is not a plain socket.
func newDirect(conn net.Conn) *direct {
	tcp, is := conn.(*net.TCPConn)
	if !is {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil
	}
	d := &direct{raw: raw}
	d.read = func(fd uintptr) bool {
		d.in.call(syscall.SYS_READ, fd)
		return d.in.err != syscall.EAGAIN
	}
	d.write = func(fd uintptr) bool {
		d.out.call(syscall.SYS_WRITE, fd)
		return true
	}
	return d
}

func (p *piece) call(number, fd uintptr) {
	for {
		n, _, err := syscall.RawSyscall(number, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p.b))), uintptr(len(p.b)))
		if err != syscall.EINTR {
			p.n, p.err = int(n), err
			return
		}
	}
}

// Read waits until there is something.
func (d *direct) Read(b []byte) (int, error) {
	d.in.b = b
	err := d.raw.Read(d.read)
	d.in.b = nil
	switch {
	case err != nil:
		return 0, err
	case d.in.err != 0:
		return 0, d.in.err
	case d.in.n == 0 && len(b) > 0:
		return 0, io.EOF
	}
	return d.in.n, nil
}

// Write does not wait: n is less than there is, without an error, when the socket is full.
func (d *direct) Write(b []byte) (int, error) {
	d.out.b = b
	err := d.raw.Write(d.write)
	d.out.b = nil
	switch {
	case err != nil:
		return 0, err
	case d.out.err == syscall.EAGAIN:
		return 0, nil
	case d.out.err != 0:
		return 0, d.out.err
	}
	return d.out.n, nil
}
