package auth

import (
	"net"
	"testing"
)

func from(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 4000} }

func TestAuthenticate(t *testing.T) {
	// P-06, P-08: blank passwords never; users of the loopback list only from this machine, over both families; the reason is
	// for the log.
	u := NewUsers("guest", "secret", []string{"guest"})
	open := NewUsers("guest", "secret", nil)
	blank := NewUsers("guest", "", nil)
	for _, e := range []struct {
		name           string
		u              *Users
		user, password string
		from           net.Addr
		want           Refusal
	}{
		{"here", u, "guest", "secret", from("127.0.0.1"), ""},
		{"here too", u, "guest", "secret", from("127.8.9.1"), ""},
		{"IPv6", u, "guest", "secret", from("::1"), ""},
		{"IPv4 in IPv6", u, "guest", "secret", from("::ffff:127.0.0.1"), ""},
		{"a socket of this machine", u, "guest", "secret", &net.UnixAddr{}, ""},
		{"elsewhere", u, "guest", "secret", from("10.0.0.1"), "user 'guest' can only connect via localhost"},
		{"elsewhere, IPv6", u, "guest", "secret", from("fe80::1"), "user 'guest' can only connect via localhost"},
		{"elsewhere, allowed", open, "guest", "secret", from("10.0.0.1"), ""},
		{"elsewhere with a wrong password", u, "guest", "no", from("10.0.0.1"), "user 'guest' - invalid credentials"},
		{"wrong password", u, "guest", "Secret", from("127.0.0.1"), "user 'guest' - invalid credentials"},
		{"unknown", u, "nobody", "secret", from("127.0.0.1"), "user 'nobody' - invalid credentials"},
		{"blank", u, "guest", "", from("127.0.0.1"), "user 'guest' - invalid credentials"},
		{"blank, and the account's too", blank, "guest", "", from("127.0.0.1"), "user 'guest' - invalid credentials"},
	} {
		if got := e.u.Authenticate(e.user, e.password, e.from); got != e.want {
			t.Errorf("%s: %q, want %q", e.name, got, e.want)
		}
	}
}

func TestPasswordsAreSalted(t *testing.T) {
	// Promise: accounts hold a salted hash and no password, so two with one password do not show it.
	a, b := NewUsers("a", "secret", nil), NewUsers("b", "secret", nil)
	if a.accounts["a"].hash == b.accounts["b"].hash {
		t.Error("the same hash for two accounts")
	}
}
