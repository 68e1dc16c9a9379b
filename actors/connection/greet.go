package connection

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"warren/protocol/amqp091"
	"warren/protocol/proxyprotocol"
)

// caller is who has connected, as far as it is known before AMQP begins.
type caller struct {
	conn        net.Conn // what AMQP is read from and written to
	peer, local net.Addr
	tls         *tls.ConnectionState // nil without
	// proxied is the client's TLS connection with a proxy, when that said so.
	proxied *proxyprotocol.TLS
}

// rude is an error for the log: whoever it was is not told, or has been.
type rude string

func (r rude) Error() string { return string(r) }

// greet takes an accepted connection up to the protocol header: what a proxy has to say, then TLS, then the header itself. All
// of it must be over by the deadline. Nobody but this connection waits meanwhile. The caller is there
// also with an error.
func (s *Socket) greet(conn net.Conn, deadline time.Time) (*caller, error) {
	c := &caller{conn: conn, peer: conn.RemoteAddr(), local: conn.LocalAddr()}
	_ = conn.SetDeadline(deadline)
	if s.Proxy {
		if err := c.readProxyHeader(); err != nil {
			return c, err
		}
	}
	if s.TLS != nil {
		secure := tls.Server(conn, s.TLS)
		c.conn = secureConn{secure}
		if err := secure.Handshake(); err != nil {
			return c, notTLS(err)
		}
		state := secure.ConnectionState()
		c.tls = &state
	}
	if err := readHeader(c.conn); err != nil {
		return c, err
	}
	_ = conn.SetDeadline(time.Time{})
	return c, nil
}

// errProbe is a port probe, which is not worth a line (contract A-23).
var errProbe = errors.New("the peer left without a word")

// readProxyHeader reads exactly the header: what follows belongs to TLS or to AMQP.
func (c *caller) readProxyHeader() error {
	var b []byte
	for {
		h, n, least, err := proxyprotocol.Parse(b)
		switch {
		case err != nil:
			return rude("proxy_protocol is on: " + err.Error())
		case n > 0:
			if !h.Local {
				c.peer, c.local, c.proxied = net.TCPAddrFromAddrPort(h.Source), net.TCPAddrFromAddrPort(h.Destination), h.TLS
			}
			return nil
		}
		have := len(b)
		b = append(b, make([]byte, least-have)...)
		if got, err := io.ReadFull(c.conn, b[have:]); err != nil {
			if have+got == 0 {
				return errProbe
			}
			return rude("proxy_protocol is on, and the peer left within the PROXY header")
		}
	}
}

// notTLS says why a TLS handshake came to nothing.
func notTLS(err error) error {
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record) && strings.HasPrefix(string(record.RecordHeader[:]), "AMQP"):
		return rude("AMQP client without TLS on a TLS port: connect with TLS, or to a port of listeners.tcp")
	case errors.Is(err, io.EOF):
		return errProbe
	}
	return rude(fmt.Sprintf("TLS handshake failed: %v", err))
}

// readHeader reads the protocol header (contract P-01). For anything else than AMQP 0-9-1 it writes the header that is
// spoken here, and it is the end.
func readHeader(conn net.Conn) error {
	header := make([]byte, 8)
	n, err := io.ReadFull(conn, header)
	switch {
	case n == 0:
		return errProbe
	case err != nil:
		return rude(fmt.Sprintf("not AMQP 0-9-1: the peer left within the protocol header, %q", header[:n]))
	}
	switch h := string(header); {
	case h == amqp091.ProtocolHeader || h == protocol09:
		return nil
	case h[:4] == "AMQP" && h[4] <= 1: // another version of what we speak
		_, _ = conn.Write([]byte(amqp091.ProtocolHeader))
		return rude(fmt.Sprintf("not AMQP 0-9-1: protocol header %q", h))
	default:
		_, _ = conn.Write([]byte(protocol10SASL))
		return rude(explain(h))
	}
}

// explain says what a header of something else is likely to be.
func explain(header string) string {
	switch {
	case header[0] == 0x16 && header[1] == 3:
		return "TLS client on a port without TLS: connect to a port of listeners.ssl"
	case strings.HasPrefix(header, "PROXY ") || strings.HasPrefix(header, "\r\n\r\n\x00\r\nQ"):
		return "PROXY header on a port that expects none: proxy_protocol is off"
	case strings.HasPrefix(header, "GET "), strings.HasPrefix(header, "POST "), strings.HasPrefix(header, "HEAD "),
		strings.HasPrefix(header, "PUT "), strings.HasPrefix(header, "OPTIONS "):
		return "HTTP request on the AMQP port"
	}
	return fmt.Sprintf("not AMQP 0-9-1: protocol header %q", header)
}

const (
	protocol09     = "AMQP\x01\x01\x00\x09" // 0-9, taken as 0-9-1
	protocol10SASL = "AMQP\x03\x01\x00\x00"
)
