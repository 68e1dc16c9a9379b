package connection

import (
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"warren/actors/auth"
	"warren/protocol"
	"warren/protocol/amqp091"
)

func terms() *Terms {
	return &Terms{
		FrameMax: 131072, FrameMaxMinimum: 8192, ChannelMax: 2047, Heartbeat: time.Minute,
		Logins: &auth.Logins{Mechanisms: []string{"PLAIN", "AMQPLAIN"}},
		Authenticate: func(l auth.Login) auth.Refusal {
			if l.Password != "guest" {
				return "wrong"
			}
			return ""
		},
		Open: onlySlash, Reach: onlySlash,
	}
}

func onlySlash(_, vhost string) *protocol.Error {
	if vhost != "/" {
		return protocol.NotAllowed("vhost %s not found", vhost)
	}
	return nil
}

func TestHandshake(t *testing.T) {
	// A-20, P-06, P-07, P-10, P-12: what each method makes of a connection in each of its phases.
	starting, tuning, opening := Params{}, Params{Phase: Tuning, User: "guest"}, Params{Phase: Opening, User: "guest"}
	securing := Params{Phase: Securing, Mechanism: "RABBIT-CR-DEMO", Claimed: "guest"}
	polite := protocol.Table{"authentication_failure_close": true}
	plain := func(response string) *amqp091.ConnectionStartOk {
		return &amqp091.ConnectionStartOk{Mechanism: "PLAIN", Response: response}
	}
	tune := func(frameMax uint32, channelMax, heartbeat uint16) *amqp091.ConnectionTuneOk {
		return &amqp091.ConnectionTuneOk{FrameMax: frameMax, ChannelMax: channelMax, Heartbeat: heartbeat}
	}
	for _, e := range []struct {
		name   string
		before Params
		m      amqp091.Method
		after  Phase
		reply  string // type of the answer, or text of the error
		silent bool
	}{
		{"login", starting, login("guest", nil), Tuning, "ConnectionTune", false},
		{"wrong password", starting, login("no", nil), Closing, "", true},
		{"wrong password, told", starting, login("no", polite), Starting, "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.", false},
		{"blank password", starting, login("", polite), Starting, "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.", false},
		{"malformed response", starting, plain("guest\x00guest"), Closing, "", true},
		{"mechanism that is not offered", starting, &amqp091.ConnectionStartOk{Mechanism: "EXTERNAL"}, Closing, "", true},
		{"an answer to the challenge", securing, &amqp091.ConnectionSecureOk{Response: "My password is guest"}, Tuning, "ConnectionTune", false},
		{"a malformed one", securing, &amqp091.ConnectionSecureOk{Response: "guest"}, Closing, "", true},
		{"a wrong one", securing, &amqp091.ConnectionSecureOk{Response: "My password is x"}, Closing, "", true},
		{"login instead of it", securing, login("guest", nil), Securing, "CHANNEL_ERROR - unexpected method in connection state securing", false},
		{"tune", tuning, tune(131072, 2047, 60), Opening, "", false},
		{"least of all", tuning, tune(8192, 1, 0), Opening, "", false},
		{"frame_max too low", tuning, tune(4096, 0, 0), Tuning, "NOT_ALLOWED - negotiated frame_max = 4096 is lower than the minimum allowed value (8192)", false},
		{"frame_max too high", tuning, tune(131073, 1, 0), Tuning, "NOT_ALLOWED - negotiated frame_max = 131073 is higher than the maximum allowed value (131072)", false},
		{"no frame_max", tuning, tune(0, 1, 0), Tuning, "NOT_ALLOWED - negotiated frame_max = 0 (no limit) is higher than the maximum allowed value (131072)", false},
		{"no channel_max", tuning, tune(8192, 0, 0), Tuning, "NOT_ALLOWED - negotiated channel_max = 0 (no limit) is higher than the maximum allowed value (2047)", false},
		{"channel_max too high", tuning, tune(8192, 2048, 0), Tuning, "NOT_ALLOWED - negotiated channel_max = 2048 is higher than the maximum allowed value (2047)", false},
		{"open", opening, &amqp091.ConnectionOpen{VirtualHost: "/"}, Running, "ConnectionOpenOk", false},
		{"no vhost", opening, &amqp091.ConnectionOpen{VirtualHost: "no"}, Opening, "NOT_ALLOWED - vhost no not found", false},
		{"open before login", starting, &amqp091.ConnectionOpen{VirtualHost: "/"}, Starting, "CHANNEL_ERROR - unexpected method in connection state starting", false},
		{"login twice", tuning, login("guest", nil), Tuning, "CHANNEL_ERROR - unexpected method in connection state tuning", false},
		{"tune while open", Params{Phase: Running}, tune(8192, 1, 0), Running, "CHANNEL_ERROR - unexpected method in connection state running", false},
		{"update-secret", Params{Phase: Running, VHost: "/"}, &amqp091.ConnectionUpdateSecret{NewSecret: "guest"}, Running, "ConnectionUpdateSecretOk", false},
		{"update-secret before open", opening, &amqp091.ConnectionUpdateSecret{NewSecret: "guest"}, Opening, "CHANNEL_ERROR - unexpected method in connection state opening", false},
		{"update-secret of a vhost that is gone", Params{Phase: Running, VHost: "no"}, &amqp091.ConnectionUpdateSecret{NewSecret: "guest"}, Running, "NOT_ALLOWED - vhost no not found", false},
		{"update-secret, any", Params{Phase: Running, VHost: "/"}, &amqp091.ConnectionUpdateSecret{NewSecret: "no"}, Running, "ConnectionUpdateSecretOk", false},
	} {
		next, reply, _, err := e.before.handshake(e.m, terms())
		said := ""
		switch {
		case err != nil:
			said = err.ReplyText()
		case reply != nil:
			said = reflect.TypeOf(reply).Elem().Name()
		}
		if next.Phase != e.after || said != e.reply || next.Silent != e.silent || next.Refused != e.silent {
			t.Errorf("%s: %v, silent %v, says %q; want %v, %v, %q", e.name, next.Phase, next.Silent, said, e.after, e.silent, e.reply)
		}
	}
}

func TestNoLimitOfOurs(t *testing.T) {
	// P-10: where the server offers 0, which is no limit, a client may take any, or none.
	for _, chosen := range []int{0, 8192, 1 << 30} {
		if err := negotiate("frame_max", chosen, 0, 8192); err != nil {
			t.Errorf("%d: %v", chosen, err)
		}
	}
}

func TestRefusedLoginIsSilent(t *testing.T) {
	// P-06, P-07: a client that cannot be told waits 3 seconds and sees its socket go; one that can reads why at once.
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		defer s.stop()
		for _, m := range []*amqp091.ConnectionStartOk{login("no", nil), {Mechanism: "PLAIN", Response: "?"}} {
			g := s.dial()
			g.write([]byte(amqp091.ProtocolHeader))
			g.expect("ConnectionStart")
			g.send(0, m)
			began := time.Now()
			g.expect("gone")
			if waited := time.Since(began); waited != 3*time.Second {
				t.Errorf("the socket went after %v", waited)
			}
		}
		g := s.dial()
		g.write([]byte(amqp091.ProtocolHeader))
		g.expect("ConnectionStart")
		g.send(0, login("no", protocol.Table{"authentication_failure_close": true}))
		g.expect("close 403 ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.")
		g.send(0, &amqp091.ConnectionCloseOk{})
		g.expect("gone")
	})
}

func TestHandshakeTimeout(t *testing.T) {
	// P-09: 10 seconds from the accept to open, wherever the client stops; behind open nobody counts.
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		defer s.stop()
		for _, say := range []string{"", "AMQP", amqp091.ProtocolHeader} {
			g := s.dial()
			g.write([]byte(say))
			began := time.Now()
			for g.hear() != "gone" {
			}
			if waited := time.Since(began); waited < 10*time.Second || waited > 11*time.Second {
				t.Errorf("behind %q the socket went after %v", say, waited)
			}
		}
		g := s.dial().open(0, nil)
		time.Sleep(time.Minute) // of the bubble
		g.send(1, &amqp091.ChannelOpen{})
		g.expect("ChannelOpenOk")
	})
}

func TestOperatorClose(t *testing.T) {
	// P-14: 320 with the operator's words, once, also when the connection's actor crashes at that moment; the client's close-ok ends it.
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		defer s.stop()
		for range 20 {
			g := s.dial().open(0, nil)
			synctest.Wait()
			info := s.node.Connections.All()[0]
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = s.system.Crash(info.Path+"/"+actorName, false)
			}()
			s.node.Close(info, protocol.ConnectionForced("Closed via management plugin"))
			s.node.Close(info, protocol.ConnectionForced("a second one"))
			g.expect("close 320 CONNECTION_FORCED - Closed via management plugin")
			g.send(0, &amqp091.ConnectionCloseOk{})
			g.expect("gone")
			<-done
			synctest.Wait()
			if left := len(s.node.Connections.All()) + s.node.Streams.Len(); left != 0 {
				t.Fatalf("%d connections and streams left", left)
			}
		}
	})
}

func TestCloseOfEitherSide(t *testing.T) {
	// P-13: close-ok when everything is gone, then the socket; a client that does not answer our close has 30 seconds; close-ok
	// for nothing is an error.
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		defer s.stop()
		g := s.dial().open(0, nil)
		g.send(1, &amqp091.ChannelOpen{})
		g.expect("ChannelOpenOk")
		g.send(0, &amqp091.ConnectionClose{})
		g.expect("ConnectionCloseOk", "gone")
		synctest.Wait()
		if left := len(s.node.Connections.All()) + s.node.Streams.Len(); left != 0 {
			t.Errorf("%d connections and streams left", left)
		}

		g = s.dial().open(0, nil)
		g.send(0, &amqp091.ConnectionCloseOk{})
		g.expect("close 504 CHANNEL_ERROR - unexpected method in connection state running")
		began := time.Now()
		g.expect("gone")
		if waited := time.Since(began); waited != 30*time.Second {
			t.Errorf("the socket went after %v", waited)
		}
	})
}

func TestClosesThatCross(t *testing.T) {
	// P-13: both sides close at once: each answers, and the connection ends. Channels opened meanwhile end with it.
	synctest.Test(t, func(t *testing.T) {
		s := newStation(t)
		defer s.stop()
		g := s.dial().open(0, nil)
		g.send(1, &amqp091.BasicQos{})
		g.expect("close 504 CHANNEL_ERROR - expected 'channel.open'")
		g.send(2, &amqp091.ChannelOpen{})
		g.send(0, &amqp091.ConnectionClose{})
		g.expect("ConnectionCloseOk", "gone")
		synctest.Wait()
		if left := len(s.node.Connections.All()) + s.node.Streams.Len(); left != 0 {
			t.Errorf("%d connections and streams left", left)
		}
	})
}
