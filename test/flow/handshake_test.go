package flow

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"warren/test/broker"
	"warren/test/raw"
)

// silentLimit bounds the end of a connection that gets no answer: RabbitMQ waits up to 3 s, so that nobody can try passwords fast.
const silentLimit = 8 * time.Second

// P-01: what is not AMQP 0-9-1 is told what would be, and closed.
func TestP01_ProtocolHeader(t *testing.T) {
	b := broker.Shared(t)
	ours := []byte("AMQP\x00\x00\x09\x01")
	sasl := []byte("AMQP\x03\x01\x00\x00")
	for _, row := range []struct {
		what, send string
		answer     []byte
		modern     bool
	}{
		{"P-01 0-8", "AMQP\x00\x00\x08\x00", ours, false},
		{"P-01 0-10", "AMQP\x00\x00\x0a\x00", ours, false},
		{"P-01 garbage", "BUNNIES!", sasl, true},
		{"P-01 http", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", sasl, true},
	} {
		t.Run(row.what, func(t *testing.T) {
			if row.modern {
				modern(t, "garbage is answered with 0-9-1's header")
			}
			c := raw.Dial(t, b.Addr)
			c.Send([]byte(row.send))
			if got := c.ExpectEOF(silentLimit); !bytes.Equal(got, row.answer) {
				t.Fatalf("got % x, not % x", got, row.answer)
			}
		})
	}
	t.Run("P-01 0-9 is 0-9-1", func(t *testing.T) {
		c := raw.Dial(t, b.Addr)
		c.Send([]byte("AMQP\x01\x01\x00\x09"))
		c.Expect(0, raw.ConnectionStart)
	})
	t.Run("P-01 half a header", func(t *testing.T) {
		c := raw.Dial(t, b.Addr)
		c.Send(raw.Header[:4])
		c.Send(raw.Header[4:])
		c.Expect(0, raw.ConnectionStart)
	})
}

// P-03, P-09: what the server offers.
func TestP03_P09_StartAndTune(t *testing.T) {
	c := raw.Dial(t, broker.Shared(t).Addr)
	c.Send(raw.Header)
	start := c.Expect(0, raw.ConnectionStart)
	if major, minor := start.Octet(), start.Octet(); major != 0 || minor != 9 {
		t.Fatalf("version %d-%d", major, minor)
	}
	start.LongStr() // server-properties
	mechanisms, locales := start.LongStr(), start.LongStr()
	if !bytes.Contains([]byte(" "+mechanisms+" "), []byte(" PLAIN ")) || !bytes.Contains([]byte(mechanisms), []byte("AMQPLAIN")) || locales != "en_US" {
		t.Fatalf("mechanisms %q, locales %q", mechanisms, locales)
	}
	tune := c.Call(0, raw.ConnectionStartOk, raw.StartOk("guest", "guest"), raw.ConnectionTune)
	if channels, frame, heartbeat := tune.Short(), tune.Long(), tune.Short(); channels != 2047 || frame != 131072 || heartbeat != 60 {
		t.Fatalf("tune %d, %d, %d", channels, frame, heartbeat)
	}
}

// P-06: AMQPLAIN is a table without its length.
func TestP06_AMQPLAIN(t *testing.T) {
	c := raw.Start(t, broker.Shared(t).Addr)
	table := raw.Fields{}.Table("LOGIN", "guest", "PASSWORD", "guest")[4:]
	c.Call(0, raw.ConnectionStartOk, raw.Fields{}.Table().ShortStr("AMQPLAIN").LongStr(string(table)).ShortStr("en_US"), raw.ConnectionTune)
}

// P-07: the wrong password, with and without authentication_failure_close; P-06: an empty one never passes.
func TestP07_WrongPassword(t *testing.T) {
	const text = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile."
	b := broker.Shared(t)
	var attempts attempts
	for _, row := range []struct{ what, user, password string }{
		{"P-07 wrong password", "guest", "wrong"}, {"P-06 empty password", "guest", ""}, {"P-07 unknown user", "nobody", "guest"},
	} {
		told, silent := raw.Start(t, b.Addr), raw.Start(t, b.Addr)
		told.Method(0, raw.ConnectionStartOk, raw.StartOk(row.user, row.password, "authentication_failure_close", true))
		silent.Method(0, raw.ConnectionStartOk, raw.StartOk(row.user, row.password))
		attempts = append(attempts,
			attempt{row.what, told, func(t *testing.T, c *raw.Conn) {
				if got := c.ExpectClose(); got.Channel != 0 || got.Code != 403 || got.Text != text {
					t.Fatalf("got %+v", got)
				}
			}},
			attempt{row.what + ", without the capability", silent, expectSilence})
	}
	attempts.check(t)
}

func expectSilence(t *testing.T, c *raw.Conn) {
	t.Helper()
	if got := c.ExpectEOF(silentLimit); len(got) > 0 {
		t.Fatalf("got % x", got)
	}
}

// P-12: the vhost must exist.
func TestP12_UnknownVhost(t *testing.T) {
	c, tuning := raw.Tune(t, broker.Shared(t).Addr)
	c.Method(0, raw.ConnectionTuneOk, raw.TuneOk(tuning))
	c.Method(0, raw.ConnectionOpen, raw.OpenVhost("burrow"))
	want := raw.Close{Code: 530, Text: "NOT_ALLOWED - vhost burrow not found", Failing: raw.ConnectionOpen}
	if got := c.ExpectClose(); got != want {
		t.Fatalf("got %+v", got)
	}
}

// P-10: a client may lower what was offered, not raise it.
func TestP10_TuneOk(t *testing.T) {
	lowest := 4096
	b := broker.Shared(t)
	if !b.Own() && isModern(t) {
		lowest = 8192 // W-12: that breaks frameworks
	}
	var attempts attempts
	for _, row := range []struct {
		what   string
		tuning raw.Tuning
		text   string // how the refusal begins; empty: it is taken
	}{
		{"P-10 all lower", raw.Tuning{ChannelMax: 1, FrameMax: 8192, Heartbeat: 0}, ""},
		{"P-10 heartbeat raised", raw.Tuning{ChannelMax: 2047, FrameMax: 131072, Heartbeat: 600}, ""},
		{"P-10 frame_max too low", raw.Tuning{ChannelMax: 2047, FrameMax: 2048}, fmt.Sprintf("negotiated frame_max = 2048 is lower than the minimum allowed value (%d)", lowest)},
		{"P-10 frame_max raised", raw.Tuning{ChannelMax: 2047, FrameMax: 131073}, "negotiated frame_max = 131073 is higher than the maximum allowed value (131072)"},
		{"P-10 frame_max without limit", raw.Tuning{ChannelMax: 2047, FrameMax: 0}, "negotiated frame_max = 0"},
		{"P-10 channel_max raised", raw.Tuning{ChannelMax: 2048, FrameMax: 131072}, "negotiated channel_max = 2048 is higher than the maximum allowed value (2047)"},
		{"P-10 channel_max without limit", raw.Tuning{ChannelMax: 0, FrameMax: 131072}, "negotiated channel_max = 0 (no limit) is higher than the maximum allowed value (2047)"},
	} {
		c, _ := raw.Tune(t, b.Addr)
		c.Method(0, raw.ConnectionTuneOk, raw.TuneOk(row.tuning))
		attempts = append(attempts, attempt{row.what, c, func(t *testing.T, c *raw.Conn) {
			if row.text == "" {
				c.Call(0, raw.ConnectionOpen, raw.OpenVhost("/"), raw.ConnectionOpenOk)
				return
			}
			if !b.Own() { // RabbitMQ only writes the text into its log, waits 3 s and resets
				c.ExpectEOF(silentLimit)
				return
			}
			if got := c.ExpectClose(); got.Channel != 0 || got.Code != 530 || !strings.HasPrefix(got.Text, "NOT_ALLOWED - "+row.text) {
				t.Fatalf("got %+v", got)
			}
		}})
	}
	attempts.check(t)
}

// attempts are handshakes that fail at the same time, since each failure is slow on purpose.
type attempts []attempt

type attempt struct {
	what  string
	conn  *raw.Conn
	check func(*testing.T, *raw.Conn)
}

func (all attempts) check(t *testing.T) {
	t.Helper()
	for _, a := range all {
		t.Run(a.what, func(t *testing.T) { a.check(t, a.conn.With(t)) })
	}
}

// Before a client is known it gets no answer to nonsense, and no more than the time of one refused login.
func TestMalformedHandshakeIsClosed(t *testing.T) {
	b := broker.Shared(t)
	stages := []struct {
		what string
		open func(t *testing.T) *raw.Conn
	}{
		{"after the header", func(t *testing.T) *raw.Conn { return raw.Start(t, b.Addr) }},
		{"after start-ok", func(t *testing.T) *raw.Conn { c, _ := raw.Tune(t, b.Addr); return c }},
		{"after tune-ok", func(t *testing.T) *raw.Conn {
			c, tuning := raw.Tune(t, b.Addr)
			c.Method(0, raw.ConnectionTuneOk, raw.TuneOk(tuning))
			return c
		}},
	}
	nonsense := []struct {
		what string
		send []byte
	}{
		{"bad frame end", badEnd(raw.MethodFrame(0, raw.ConnectionStartOk, raw.StartOk("guest", "guest")))},
		{"frame too large", frameOf(raw.FrameMethod, 0, make([]byte, 140_000))},
		{"unknown frame type", frameOf(9, 0, nil)},
		{"unknown method", method(0, 10, 99, nil)},
		{"method of another class", method(1, 20, 10, raw.Fields{}.ShortStr(""))},
		{"content", raw.ContentHeader(1, 10)},
		{"arguments end early", method(0, 10, 11, raw.Fields{}.Long(1000))},
		{"a half frame, then the end", nil},
	}
	nothingLeftBehind(t, b, func() {
		var attempts attempts
		for _, stage := range stages {
			for _, row := range nonsense {
				c := stage.open(t)
				if row.send == nil {
					c.Send([]byte{raw.FrameMethod, 0, 0, 0, 0, 0, 10, 0})
					c.Close()
					continue
				}
				c.Send(row.send)
				attempts = append(attempts, attempt{stage.what + ", " + row.what, c, expectEndOfHandshake})
			}
		}
		attempts.check(t)
	})
}

// expectEndOfHandshake allows a connection.close with a syntax error's code before the end, and no other frame.
func expectEndOfHandshake(t *testing.T, c *raw.Conn) {
	t.Helper()
	f, err := c.Read()
	if err != nil {
		return
	}
	closed, is := f.ReadClose()
	if !is || closed.Channel != 0 || closed.Code < 501 || closed.Code > 541 {
		t.Fatalf("got %v %+v", f, closed)
	}
	c.Method(0, raw.ConnectionCloseOk, nil)
	c.ExpectEOF(silentLimit)
}

// P-03, P-06: an unlisted mechanism and a malformed response are closed without a frame.
func TestP06_MalformedLogin(t *testing.T) {
	var attempts attempts
	for what, args := range map[string]raw.Fields{
		"P-06 unlisted mechanism":      raw.Fields{}.Table().ShortStr("KERBEROS").LongStr("x").ShortStr("en_US"),
		"P-06 malformed PLAIN":         raw.Fields{}.Table().ShortStr("PLAIN").LongStr("guest").ShortStr("en_US"),
		"P-06 PLAIN with an authzid":   raw.Fields{}.Table().ShortStr("PLAIN").LongStr("x\x00guest\x00guest").ShortStr("en_US"),
		"P-06 malformed AMQPLAIN":      raw.Fields{}.Table().ShortStr("AMQPLAIN").LongStr("\x05LOG").ShortStr("en_US"),
		"P-06 AMQPLAIN without a name": raw.Fields{}.Table().ShortStr("AMQPLAIN").LongStr("").ShortStr("en_US"),
	} {
		c := raw.Start(t, broker.Shared(t).Addr)
		c.Method(0, raw.ConnectionStartOk, args)
		attempts = append(attempts, attempt{what, c, expectSilence})
	}
	attempts.check(t)
}

// a connection that says nothing ends after handshake_timeout, 10 s.
func TestA22_SilentHandshake(t *testing.T) {
	t.Parallel() // it only waits
	c := raw.Start(t, broker.Shared(t).Addr)
	begin := time.Now()
	c.ExpectEOF(16 * time.Second)
	if took := time.Since(begin); took < 8*time.Second {
		t.Fatalf("closed after %v already", took)
	}
}
