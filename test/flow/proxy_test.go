package flow

import (
	"net"
	"strings"
	"testing"

	"warren/test/broker"
	"warren/test/raw"
)

// P-17: with proxy_protocol every connection begins with a PROXY header, whose addresses are the client's.
func TestP17_ProxyProtocol(t *testing.T) {
	b := broker.Start(t, broker.Set("proxy_protocol", "true"), broker.Set("default_user", "open"), broker.Set("default_pass", "open"))
	const (
		v1     = "PROXY TCP4 203.0.113.7 192.0.2.1 4321 5672\r\n"
		v2     = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x07\xc0\x00\x02\x01\x10\xe1\x16\x28"
		local  = "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"
		behind = "203.0.113.7:4321 -> 192.0.2.1:5672"
	)
	for _, row := range []struct{ what, header, name string }{
		{"P-17 version 1", v1, behind}, {"P-17 version 2", v2, behind}, {"P-17 LOCAL", local, "127.0.0.1:"}, {"P-17 UNKNOWN", "PROXY UNKNOWN\r\n", "127.0.0.1:"},
	} {
		t.Run(row.what, func(t *testing.T) {
			c := raw.Dial(t, b.Addr)
			c.Send([]byte(row.header), raw.Header)
			c.Expect(0, raw.ConnectionStart)
			c.Call(0, raw.ConnectionStartOk, raw.StartOk("open", "open"), raw.ConnectionTune)
			names := broker.Rows[struct{ Name string }](t, b, "list_connections", "name")
			if len(names) != 1 || !strings.HasPrefix(names[0].Name, row.name) {
				t.Errorf("list_connections says %+v", names)
			}
			c.Close()
			broker.Eventually(t, patience, "it is gone", func() (bool, any) {
				left := broker.Rows[struct{ Name string }](t, b, "list_connections", "name")
				return len(left) == 0, left
			})
		})
	}
	for _, row := range []struct{ what, send string }{
		{"P-17 no header", string(raw.Header)}, {"P-17 half a header", v1[:20]}, {"P-17 a broken one", "PROXY TCP4 here there 1 2\r\n"},
	} {
		t.Run(row.what, func(t *testing.T) {
			c := raw.Dial(t, b.Addr)
			c.Send([]byte(row.send))
			_ = c.Conn.(*net.TCPConn).CloseWrite() // the broker may have closed already
			if got := c.ExpectEOF(silentLimit); len(got) > 0 {
				t.Fatalf("got %q", got)
			}
			broker.Eventually(t, patience, "the log says why", func() (bool, any) { return strings.Contains(b.Log(), "proxy_protocol is on"), b.Log() })
		})
	}
	t.Run("P-17 a header where none is expected", func(t *testing.T) {
		other := broker.Start(t)
		c := raw.Dial(t, other.Addr)
		c.Send([]byte(v1))
		c.ExpectEOF(silentLimit)
		broker.Eventually(t, patience, "the log says why", func() (bool, any) {
			return strings.Contains(other.Log(), "PROXY header on a port that expects none"), other.Log()
		})
	})
}

// P-08, P-17: the loopback rule is about the client, not about its proxy.
func TestP08_LoopbackBehindAProxy(t *testing.T) {
	b := broker.Start(t, broker.Set("proxy_protocol", "true"))
	login := func(header string) *raw.Conn {
		c := raw.Dial(t, b.Addr)
		c.Send([]byte(header), raw.Header)
		c.Expect(0, raw.ConnectionStart)
		c.Method(0, raw.ConnectionStartOk, raw.StartOk("guest", "guest", "authentication_failure_close", true))
		return c
	}
	t.Run("P-08 guest from elsewhere", func(t *testing.T) {
		if got := login("PROXY TCP4 203.0.113.7 192.0.2.1 4321 5672\r\n").With(t).ExpectClose(); got.Code != 403 {
			t.Fatalf("got %+v", got)
		}
		broker.Eventually(t, patience, "the log says why", func() (bool, any) {
			return strings.Contains(b.Log(), "PLAIN login refused: user 'guest' can only connect via localhost"), b.Log()
		})
	})
	t.Run("P-08 guest from here", func(t *testing.T) {
		login("PROXY TCP4 127.0.0.1 127.0.0.1 4321 5672\r\n").With(t).Expect(0, raw.ConnectionTune)
	})
}

// P-18: any number of listeners, of both families; all of them on one broker.
func TestP18_Listeners(t *testing.T) {
	opts := []broker.Option{
		broker.Set("listeners.tcp.second", "127.0.0.1:0"), broker.Set("tcp_listen_options.backlog", "16"), broker.Set("tcp_listen_options.nodelay", "true"),
		broker.Set("tcp_listen_options.linger.on", "false"), broker.Set("tcp_listen_options.keepalive", "true"),
		broker.Set("tcp_listen_options.sndbuf", "65536"), broker.Set("tcp_listen_options.recbuf", "65536"),
	}
	names := []string{"default", "second"}
	if l, err := net.Listen("tcp", "[::1]:0"); err == nil {
		l.Close()
		opts, names = append(opts, broker.Set("listeners.tcp.six", "[::1]:0")), append(names, "six")
	}
	b := broker.Start(t, opts...)
	for _, name := range names {
		t.Run("P-18 "+name, func(t *testing.T) {
			alive(t, connectTo(t, "amqp://guest:guest@"+b.Listener(t, "amqp", name)+"/"))
		})
	}
	t.Run("P-18 an address that is taken", func(t *testing.T) {
		if _, err := broker.TryStart(t, broker.Set("listeners.tcp.other", b.Addr)); err == nil || !strings.Contains(err.Error(), "address already in use") {
			t.Fatalf("got %v", err)
		}
	})
}
