package admin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

const socketName = "warren.sock"

// maxSocketPath is what fits into sockaddr_un: 108 bytes on Linux, 104 on macOS and the BSDs, one of them the final zero.
const maxSocketPath = 103

// SocketPath is where the broker of a data directory is spoken to.
func SocketPath(dataDir string) string {
	return filepath.Join(dataDir, socketName)
}

// directory is a data directory in which sockets are opened. A path too long for a socket's address is shortened by way of the
// directory's descriptor, which Linux shows under /proc: that needs no second place where somebody else could put a socket first.
type directory struct {
	path string
	fd   *os.File // nil when the path is short enough
}

func openDirectory(path string) (*directory, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("admin: socket in %s: %w", path, err)
	}
	// The temporary name of listen is the longest.
	if len(filepath.Join(path, socketName+".new")) <= maxSocketPath {
		return &directory{path: path}, nil
	}
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("admin: the path of the socket in %s is longer than the %d bytes this system allows: choose a shorter data directory",
			path, maxSocketPath)
	}
	fd, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("admin: socket: %w", err)
	}
	return &directory{path: path, fd: fd}, nil
}

func (d *directory) close() {
	if d.fd != nil {
		_ = d.fd.Close()
	}
}

// address returns what to put into a socket's address for a file of the directory.
func (d *directory) address(name string) string {
	if d.fd != nil {
		return fmt.Sprintf("/proc/self/fd/%d/%s", d.fd.Fd(), name)
	}
	return filepath.Join(d.path, name)
}

func (d *directory) dial(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	return dialer.DialContext(ctx, "unix", d.address(socketName))
}

// listen opens the socket for the broker's user alone. A socket left behind by a broker that was killed is replaced; one that
// somebody answers on is not.
//
// The socket gets its mode under another name and its own name after that, so that at no time anybody else can connect.
func (d *directory) listen() (net.Listener, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if conn, err := d.dial(ctx); err == nil {
		_ = conn.Close()
		return nil, fmt.Errorf("admin: another broker answers on %s", SocketPath(d.path))
	}

	temporary := filepath.Join(d.path, socketName+".new")
	if err := os.Remove(temporary); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("admin: remove a stale socket: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: d.address(socketName + ".new"), Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("admin: listen in %s: %w", d.path, err)
	}
	l.SetUnlinkOnClose(false) // it would unlink the temporary name; remove takes the real one
	if err := errors.Join(os.Chmod(temporary, 0o600), os.Rename(temporary, SocketPath(d.path))); err != nil {
		_ = l.Close()
		_ = os.Remove(temporary)
		return nil, fmt.Errorf("admin: put the socket in its place: %w", err)
	}
	return l, nil
}

func (d *directory) remove() {
	_ = os.Remove(SocketPath(d.path))
}
