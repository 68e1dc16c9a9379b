package raw

import (
	"bufio"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

// Limit is how long a test waits for a frame that must come.
const Limit = 15 * time.Second

// Conn is a socket with the frames that come out of it.
type Conn struct {
	net.Conn
	t testing.TB
	r *bufio.Reader
}

// Dial opens the socket and says nothing yet.
func Dial(t testing.TB, addr string) *Conn {
	t.Helper()
	s, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &Conn{Conn: s, t: t, r: bufio.NewReader(s)}
}

// With reports failures to another test: a subtest that goes on with a connection of its parent.
func (c *Conn) With(t testing.TB) *Conn { return &Conn{Conn: c.Conn, t: t, r: c.r} }

// Send writes bytes as they are. The broker may have closed already because of the ones before; the answer tells, not the write.
func (c *Conn) Send(parts ...[]byte) {
	c.t.Helper()
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	_ = c.SetWriteDeadline(time.Now().Add(Limit))
	if _, err := c.Write(all); err != nil {
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			c.t.Fatalf("the broker does not read: %v", err)
		}
	}
}

// Method sends one method.
func (c *Conn) Method(channel uint16, id ID, args Fields) {
	c.t.Helper()
	c.Send(MethodFrame(channel, id, args))
}

// Read returns the next frame that is no heartbeat; an error is the socket's end.
func (c *Conn) Read() (Frame, error) {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(Limit))
	for {
		f, err := ReadFrame(c.r)
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			c.t.Fatalf("nothing came within %v", Limit)
		}
		if err != nil || f.Type != FrameHeartbeat {
			return f, err
		}
	}
}

// Expect reads the next frame, which must be this method on this channel.
func (c *Conn) Expect(channel uint16, id ID) Decoder {
	c.t.Helper()
	f, err := c.Read()
	if err != nil {
		c.t.Fatalf("expected %v on channel %d: %v", id, channel, err)
	}
	if closed, is := f.ReadClose(); is && f.Method() != id {
		c.t.Fatalf("expected %v on channel %d, got a close: %+v", id, channel, closed)
	}
	if f.Method() != id || f.Channel != channel {
		c.t.Fatalf("expected %v on channel %d, got %v", id, channel, f)
	}
	return Decoder{f.Payload[4:]}
}

// Call sends a method and expects its answer.
func (c *Conn) Call(channel uint16, id ID, args Fields, answer ID) Decoder {
	c.t.Helper()
	c.Method(channel, id, args)
	return c.Expect(channel, answer)
}

// ExpectClose reads on until a close method comes.
func (c *Conn) ExpectClose() Close {
	c.t.Helper()
	for {
		f, err := c.Read()
		if err != nil {
			c.t.Fatalf("expected a close method: %v", err)
		}
		if closed, is := f.ReadClose(); is {
			return closed
		}
	}
}

// ExpectEOF reads until the broker closes the socket and returns the raw bytes before that.
func (c *Conn) ExpectEOF(limit time.Duration) []byte {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(limit))
	b, err := io.ReadAll(c.r)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		c.t.Fatalf("the socket is still open after %v; it brought % .80x", limit, b)
	}
	return b
}
