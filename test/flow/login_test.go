package flow

import (
	"net"
	"testing"

	"warren/test/broker"
	"warren/test/raw"
)

// elsewhere is an address of this machine that does not count as loopback.
func elsewhere(t *testing.T) net.IP {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	must(t, err)
	for _, a := range addresses {
		if n, is := a.(*net.IPNet); is && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP
		}
	}
	t.Skip("this machine has only a loopback interface")
	return nil
}

// P-08: users of loopback_users come from this machine only, others from anywhere; P-05: the close has a frame for those who take one.
func TestP08_Loopback(t *testing.T) {
	ip := elsewhere(t)
	for _, row := range []struct{ what, key, value, user, refused string }{
		{"P-08 guest", "loopback_users.guest", "true", "guest", "yes"},
		{"P-08 another user", "loopback_users.guest", "true", "u", ""},
		{"P-08 none", "loopback_users", "none", "guest", ""},
	} {
		t.Run(row.what, func(t *testing.T) {
			b := broker.Start(t, broker.Set("listeners.tcp.default", "0.0.0.0:0"), broker.Set(row.key, row.value))
			b.Ctl(t, "add_user", "u", "guest")
			_, port, err := net.SplitHostPort(b.Addr)
			must(t, err)
			c := raw.Start(t, net.JoinHostPort(ip.String(), port))
			c.Method(0, raw.ConnectionStartOk, raw.StartOk(row.user, "guest", "authentication_failure_close", true))
			if row.refused == "" {
				c.Expect(0, raw.ConnectionTune)
				return
			}
			turnedDown(t, c, 403, "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile.")
		})
	}
}

// P-05: what a client can take is read from its capabilities, and its name is shown.
func TestP05_Capabilities(t *testing.T) {
	for _, row := range []struct {
		what         string
		capabilities []any
		told         bool
	}{
		{"P-05 without consumer_cancel_notify", nil, false},
		{"P-05 with consumer_cancel_notify", []any{"consumer_cancel_notify", true}, true},
	} {
		t.Run(row.what, func(t *testing.T) {
			q := openQueue(t, "q")
			c := raw.Open(t, broker.Shared(t).Addr, row.capabilities...)
			c.OpenChannel(1)
			c.Call(1, raw.BasicConsume, raw.Fields{}.Short(0).ShortStr(q).ShortStr("tag").Octet(0).Table(), raw.BasicConsumeOk)
			_, err := channel(t).QueueDelete(q, false, false, false)
			must(t, err)
			if row.told {
				cancel := c.Expect(1, raw.BasicCancel)
				if tag := cancel.ShortStr(); tag != "tag" {
					t.Fatalf("cancelled: %s", tag)
				}
			}
			c.Goodbye() // nothing else comes in front of its answer
		})
	}
	t.Run("P-05 connection_name", func(t *testing.T) {
		b := broker.Shared(t)
		if !b.Own() {
			t.Skip("it needs warrenctl")
		}
		raw.Open(t, b.Addr)
		for _, row := range broker.Rows[struct {
			Name string `json:"user_provided_name"`
		}](t, b, "list_connections", "user_provided_name") {
			if row.Name == "raw" {
				return
			}
		}
		t.Fatal("list_connections does not show it")
	})
}
