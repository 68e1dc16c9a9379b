package connection

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"
)

// Socket is a listening socket with what its connections are to be. It is opened before anything else is started.
type Socket struct {
	net.Listener
	Name    string // in the configuration: default
	Options SocketOptions
	// TLS is nil for a listener that speaks none.
	TLS *tls.Config
	// Proxy says that every connection begins with a PROXY header (contract P-17).
	Proxy bool
}

// SocketOptions are RabbitMQ's tcp_listen_options (contract P-18). What is nil or 0 is left to the operating system.
type SocketOptions struct {
	Backlog       int
	NoDelay       bool
	KeepAlive     bool
	LingerSeconds *int // below 0: a close does not wait, and nothing is lost
	SendBuffer    int  // bytes
	ReceiveBuffer int
}

// Listen opens a listening socket. Connections wait in the operating system until the listener's actor runs.
func Listen(address string, o SocketOptions) (net.Listener, error) {
	config := net.ListenConfig{KeepAlive: -1}
	if o.KeepAlive {
		config.KeepAlive = 0
	}
	l, err := config.Listen(context.Background(), "tcp", address)
	if err == nil && o.Backlog > 0 {
		if err = setBacklog(l, o.Backlog); err != nil {
			_ = l.Close()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", address, err)
	}
	return l, nil
}

// Protocol is the listener's in logs and lists, as RabbitMQ calls it.
func (s *Socket) Protocol() string {
	if s.TLS != nil {
		return "amqp/ssl"
	}
	return "amqp"
}

// dress gives an accepted connection what the configuration asks for. Go has set TCP_NODELAY already.
func (o *SocketOptions) dress(conn net.Conn) error {
	tcp, is := conn.(*net.TCPConn)
	if !is {
		return nil
	}
	if !o.NoDelay {
		if err := tcp.SetNoDelay(false); err != nil {
			return err
		}
	}
	if o.LingerSeconds != nil {
		if err := tcp.SetLinger(*o.LingerSeconds); err != nil {
			return err
		}
	}
	if o.SendBuffer > 0 {
		if err := tcp.SetWriteBuffer(o.SendBuffer); err != nil {
			return err
		}
	}
	if o.ReceiveBuffer > 0 {
		return tcp.SetReadBuffer(o.ReceiveBuffer)
	}
	return nil
}

// secureConn closes without waiting: TLS says goodbye first, and a peer that does not read would have an actor wait for that.
type secureConn struct{ *tls.Conn }

func (c secureConn) Close() error {
	go func() {
		_ = c.NetConn().SetWriteDeadline(time.Now().Add(time.Second))
		_ = c.Conn.Close()
	}()
	return nil
}
