package flow

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"warren/test/broker"
	"warren/test/raw"
)

// respond sends connection.start-ok with a mechanism and its response.
func respond(c *raw.Conn, mechanism, response string) {
	c.Method(0, raw.ConnectionStartOk, raw.Fields{}.Table().ShortStr(mechanism).LongStr(response).ShortStr("en_US"))
}

// openTuned takes a connection from connection.tune to its end of the handshake.
func openTuned(c *raw.Conn, tuning raw.Tuning) {
	c.Method(0, raw.ConnectionTuneOk, raw.TuneOk(tuning))
	c.Call(0, raw.ConnectionOpen, raw.OpenVhost("/"), raw.ConnectionOpenOk)
}

func TestSASLMechanisms(t *testing.T) {
	shared := broker.Shared(t)
	t.Run("P-03 mechanisms in RabbitMQ's order", func(t *testing.T) {
		if got := offered(t, shared.Addr); shared.Own() && got != "PLAIN AMQPLAIN ANONYMOUS" {
			t.Fatalf("offered %q", got)
		}
	})
	t.Run("P-06 ANONYMOUS is guest", func(t *testing.T) {
		modern(t, "ANONYMOUS is not among the mechanisms")
		c := raw.Start(t, shared.Addr)
		respond(c, "ANONYMOUS", "me@example.com")
		c.Expect(0, raw.ConnectionTune)
	})
	challenging := broker.Start(t, broker.Set("auth_mechanisms.1", "PLAIN"), broker.Set("auth_mechanisms.2", "RABBIT-CR-DEMO"), broker.Set("chaos.enabled", "true"))
	secure, secureOk := raw.ID{Class: 10, Method: 20}, raw.ID{Class: 10, Method: 21}
	challenged := func(t *testing.T, user string, capabilities ...any) *raw.Conn {
		c := raw.Start(t, challenging.Addr)
		c.Method(0, raw.ConnectionStartOk, raw.Fields{}.Table("capabilities", raw.Fields{}.Table(capabilities...)).
			ShortStr("RABBIT-CR-DEMO").LongStr(user).ShortStr("en_US"))
		d := c.Expect(0, secure)
		if got := d.LongStr(); got != "Please tell me your password" {
			t.Fatalf("asked %q", got)
		}
		return c
	}
	t.Run("P-03 RABBIT-CR-DEMO where it is configured", func(t *testing.T) {
		if got := offered(t, challenging.Addr); got != "PLAIN RABBIT-CR-DEMO" {
			t.Fatalf("offered %q", got)
		}
		c := challenged(t, "guest")
		for _, a := range challenging.Actors(t) {
			if a.Kind == "connection" { // who crashes while it waits still knows whom it asked
				challenging.Crash(t, a.Path)
			}
		}
		c.Call(0, secureOk, raw.Fields{}.LongStr("My password is guest"), raw.ConnectionTune)
		openTuned(c, raw.Tuning{ChannelMax: 1, FrameMax: 131072})
		c.OpenChannel(1)
	})
	t.Run("P-07 RABBIT-CR-DEMO with a wrong password", func(t *testing.T) {
		c := challenged(t, "guest", "authentication_failure_close", true)
		c.Method(0, secureOk, raw.Fields{}.LongStr("My password is wrong"))
		want := raw.Close{Code: 403, Text: "ACCESS_REFUSED - Login was refused using authentication mechanism RABBIT-CR-DEMO. For details see the broker logfile.", Failing: secureOk}
		if got := c.ExpectClose(); got != want {
			t.Fatalf("got %+v", got)
		}
	})
	t.Run("P-03 secure-ok that nobody asked for", func(t *testing.T) {
		c := raw.Start(t, challenging.Addr)
		c.Method(0, secureOk, raw.Fields{}.LongStr("My password is guest"))
		if got := c.ExpectClose(); got.Code != 504 || got.Failing != secureOk {
			t.Fatalf("got %+v", got)
		}
	})
	b := broker.Start(t, broker.Set("auth_mechanisms.7", "ANONYMOUS"), broker.Set("auth_mechanisms.2", "AMQPLAIN"), broker.Set("anonymous_login_pass", "wrong"))
	t.Run("P-03 mechanisms in the order of the configuration", func(t *testing.T) {
		if got := offered(t, b.Addr); got != "AMQPLAIN ANONYMOUS" {
			t.Fatalf("offered %q", got)
		}
	})
	var attempts attempts
	attempt := func(what, mechanism, response string) {
		c := raw.Start(t, b.Addr)
		respond(c, mechanism, response)
		attempts = append(attempts, struct {
			what  string
			conn  *raw.Conn
			check func(*testing.T, *raw.Conn)
		}{what, c, expectSilence})
	}
	attempt("P-03 PLAIN is not offered here", "PLAIN", "\x00guest\x00guest")
	attempt("P-06 ANONYMOUS with the wrong password", "ANONYMOUS", "")
	attempts.check(t)
	t.Run("P-06 anonymous_login_user = none", func(t *testing.T) {
		b := broker.Start(t, broker.Set("anonymous_login_user", "none"))
		if got := offered(t, b.Addr); got != "PLAIN AMQPLAIN" {
			t.Fatalf("offered %q", got)
		}
	})
}

func TestHandshakeSettings(t *testing.T) {
	b := broker.Start(t,
		broker.Set("frame_max_minimum", "8192"), broker.Set("initial_frame_max", "16384"), broker.Set("max_channels_per_connection", "3"),
		broker.Set("consumer_max_per_channel", "2"), broker.Set("server_properties.information", "a burrow"), broker.Set("server_properties.colour", "brown"))
	t.Run("P-04 server_properties add and override", func(t *testing.T) {
		p := connectTo(t, b.URI()).Properties
		if p["information"] != "a burrow" || p["colour"] != "brown" || p["product"] != "RabbitMQ" {
			t.Fatalf("got %v", p)
		}
	})
	t.Run("P-10 frame_max below the configured minimum", func(t *testing.T) {
		c, tuning := raw.Tune(t, b.Addr)
		tuning.FrameMax = 4096
		c.Method(0, raw.ConnectionTuneOk, raw.TuneOk(tuning))
		want := raw.Close{Code: 530, Text: "NOT_ALLOWED - negotiated frame_max = 4096 is lower than the minimum allowed value (8192)", Failing: raw.ConnectionTuneOk}
		if got := c.ExpectClose(); got != want {
			t.Fatalf("got %+v", got)
		}
	})
	t.Run("P-24 max_channels_per_connection is what channel_max offers", func(t *testing.T) {
		c, tuning := raw.Tune(t, b.Addr)
		if tuning.ChannelMax != 3 {
			t.Fatalf("offered %d", tuning.ChannelMax)
		}
		openTuned(c, tuning)
		for n := range uint16(3) {
			c.OpenChannel(n + 1)
		}
		c.Method(4, raw.ChannelOpen, raw.Fields{}.ShortStr(""))
		want := raw.Close{Code: 530, Text: "NOT_ALLOWED - number of channels opened (3) has reached the negotiated channel_max (3)", Failing: raw.ChannelOpen}
		if got := c.ExpectClose(); got != want {
			t.Fatalf("got %+v", got)
		}
	})
	t.Run("P-42 consumer_max_per_channel", func(t *testing.T) {
		c := raw.Open(t, b.Addr)
		c.OpenChannel(1)
		q := c.DeclareQueue(1, "")
		consume := func(tag string) raw.Fields {
			return raw.Fields{}.Short(0).ShortStr(q).ShortStr(tag).Octet(0).Table()
		}
		c.Call(1, raw.BasicConsume, consume("a"), raw.BasicConsumeOk)
		c.Call(1, raw.BasicConsume, consume("b"), raw.BasicConsumeOk)
		c.Method(1, raw.BasicCancel, raw.Fields{}.ShortStr("a").Octet(0))
		c.Expect(1, raw.ID{Class: 60, Method: 31})
		c.Call(1, raw.BasicConsume, consume("c"), raw.BasicConsumeOk)
		c.Method(1, raw.BasicConsume, consume("d"))
		want := raw.Close{Code: 530, Text: "NOT_ALLOWED - reached maximum (2) of consumers per channel", Failing: raw.BasicConsume}
		if got := c.ExpectClose(); got != want {
			t.Fatalf("got %+v", got)
		}
	})
	large := strings.Repeat("x", 12000)
	t.Run("P-09 initial_frame_max lets a large login pass", func(t *testing.T) {
		c := raw.Start(t, b.Addr)
		c.Method(0, raw.ConnectionStartOk, raw.Fields{}.Table("x", large).ShortStr("PLAIN").LongStr("\x00guest\x00guest").ShortStr("en_US"))
		c.Expect(0, raw.ConnectionTune)
	})
	shared := broker.Shared(t)
	t.Run("P-09 a frame of more than 8192 bytes before the login", func(t *testing.T) {
		c := raw.Start(t, shared.Addr)
		c.Method(0, raw.ConnectionStartOk, raw.Fields{}.Table("x", large).ShortStr("PLAIN").LongStr("\x00guest\x00guest").ShortStr("en_US"))
		if got := c.ExpectClose(); got.Code != 501 || !strings.Contains(got.Text, "frame_too_large") {
			t.Fatalf("got %+v", got)
		}
	})
	t.Run("W-12 frame_max of 4096 is taken, with a line in the log", func(t *testing.T) {
		c, tuning := raw.Tune(t, shared.Addr)
		tuning.FrameMax = 4096
		openTuned(c, tuning)
		c.OpenChannel(1)
		q := c.DeclareQueue(1, "")
		body := []byte(strings.Repeat("b", 10000))
		c.Send(raw.MethodFrame(1, raw.BasicPublish, raw.Publish("", q)), raw.ContentHeader(1, uint64(len(body))),
			raw.Body(1, body[:4000]), raw.Body(1, body[4000:8000]), raw.Body(1, body[8000:]))
		c.Call(1, raw.BasicGet, raw.Fields{}.Short(0).ShortStr(q).Octet(1), raw.BasicGetOk)
		var got []byte
		for len(got) < len(body) {
			f, err := c.Read()
			must(t, err)
			if len(f.Payload) > 4096-8 {
				t.Fatalf("a frame of %d bytes", len(f.Payload)+8)
			}
			if f.Type == raw.FrameBody {
				got = append(got, f.Payload...)
			}
		}
		if string(got) != string(body) {
			t.Fatal("another body came back")
		}
		if shared.Own() && !strings.Contains(shared.Log(), "RabbitMQ would refuse this client's frame_max") {
			t.Error("the log says nothing")
		}
	})
}

func TestRunningConnection(t *testing.T) {
	b := broker.Shared(t)
	t.Run("P-11 heartbeats come, and a silent client goes after 2 to 3 intervals", func(t *testing.T) {
		t.Parallel() // it only waits
		c, tuning := raw.Tune(t, b.Addr)
		tuning.Heartbeat = 2
		openTuned(c, tuning)
		begin := time.Now()
		beats := c.ExpectEOF(12 * time.Second)
		if took := time.Since(begin); took < 3500*time.Millisecond || took > 8*time.Second {
			t.Errorf("closed after %v", took)
		}
		if len(beats) < 2*8 || len(beats)%8 != 0 || beats[0] != raw.FrameHeartbeat {
			t.Errorf("heard % x", beats)
		}
		if b.Own() {
			broker.Eventually(t, patience, "the log says why", func() (bool, any) {
				return strings.Contains(b.Log(), "missed heartbeats from client, timeout: 2s"), nil
			})
		}
	})
	t.Run("P-13 exclusive queues are gone before close-ok", func(t *testing.T) {
		for i := range 20 {
			q := fmt.Sprintf("p13-exclusive-%d", i%2)
			c := raw.Open(t, b.Addr)
			c.OpenChannel(1)
			c.DeclareQueue(1, q)
			c.Goodbye()
		}
	})
	update := raw.ID{Class: 10, Method: 70}
	t.Run("P-15 update-secret: the internal users take any", func(t *testing.T) {
		for _, secret := range []string{"guest", "another"} {
			c := raw.Open(t, b.Addr)
			c.Call(0, update, raw.Fields{}.LongStr(secret).ShortStr("expired"), raw.ID{Class: 10, Method: 71})
			c.OpenChannel(1)
		}
	})
}
