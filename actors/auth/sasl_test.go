package auth

import (
	"testing"

	"warren/protocol"
)

// amqplain is a response: a field table without its length.
func amqplain(t protocol.Table) string { return string(protocol.AppendTable(nil, t)[4:]) }

func TestCredentials(t *testing.T) {
	// P-06: PLAIN is authzid NUL user NUL password with an empty authzid, AMQPLAIN a table without its length; everything else
	// is malformed.
	for _, e := range []struct {
		name, mechanism, response string
		user, password            string
		ok                        bool
	}{
		{"plain", "PLAIN", "\x00guest\x00secret", "guest", "secret", true},
		{"blank password", "PLAIN", "\x00guest\x00", "guest", "", true},
		{"not ASCII", "PLAIN", "\x00gäst\x00pä\xff", "gäst", "pä\xff", true},
		{"an authzid", "PLAIN", "root\x00guest\x00secret", "", "", false},
		{"no password", "PLAIN", "\x00guest", "", "", false},
		{"one part too many", "PLAIN", "\x00guest\x00secret\x00", "", "", false},
		{"nothing", "PLAIN", "", "", "", false},
		{"amqplain", "AMQPLAIN", amqplain(protocol.Table{"LOGIN": "guest", "PASSWORD": "secret"}), "guest", "secret", true},
		{"and more in the table", "AMQPLAIN", amqplain(protocol.Table{"LOGIN": "guest", "PASSWORD": "secret", "x": int32(1)}), "guest", "secret", true},
		{"no login", "AMQPLAIN", amqplain(protocol.Table{"PASSWORD": "secret"}), "", "", false},
		{"login of another type", "AMQPLAIN", amqplain(protocol.Table{"LOGIN": int32(1), "PASSWORD": "secret"}), "", "", false},
		{"half a table", "AMQPLAIN", amqplain(protocol.Table{"LOGIN": "guest", "PASSWORD": "secret"})[:20], "", "", false},
		{"empty table", "AMQPLAIN", "", "", "", false},
		{"another mechanism", "EXTERNAL", "\x00guest\x00secret", "", "", false},
		{"in small letters", "plain", "\x00guest\x00secret", "", "", false},
	} {
		user, password, ok := Credentials(e.mechanism, e.response)
		if ok != e.ok || ok && (user != e.user || password != e.password) {
			t.Errorf("%s: %q, %q, %v", e.name, user, password, ok)
		}
	}
}

func FuzzCredentials(f *testing.F) {
	// Promise: what comes from outside does not panic (STYLE, tests), and only PLAIN's user and password make its response.
	f.Add("\x00guest\x00secret")
	f.Add(amqplain(protocol.Table{"LOGIN": "guest", "PASSWORD": "secret"}))
	f.Fuzz(func(t *testing.T, response string) {
		if user, password, ok := Credentials("PLAIN", response); ok && response != "\x00"+user+"\x00"+password {
			t.Errorf("%q is read as %q and %q", response, user, password)
		}
		Credentials("AMQPLAIN", response)
	})
}
