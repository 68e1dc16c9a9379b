package auth

import (
	"net"
	"testing"

	eventv1 "warren/proto/event/v1"
)

func from(ip string) net.Addr { return &net.TCPAddr{IP: net.ParseIP(ip), Port: 4000} }

// with are definitions of what events say.
func with(events ...any) *Definitions {
	d := NewDefinitions()
	b := &eventv1.NodeBatch{}
	for _, e := range events {
		def := &eventv1.NodeDefinition{}
		switch e := e.(type) {
		case *eventv1.UserPut:
			def.Event = &eventv1.NodeDefinition_UserPut{UserPut: e}
		case *eventv1.UserDeleted:
			def.Event = &eventv1.NodeDefinition_UserDeleted{UserDeleted: e}
		case *eventv1.VHostPut:
			def.Event = &eventv1.NodeDefinition_VhostPut{VhostPut: e}
		case *eventv1.VHostDeleted:
			def.Event = &eventv1.NodeDefinition_VhostDeleted{VhostDeleted: e}
		case *eventv1.PermissionsSet:
			def.Event = &eventv1.NodeDefinition_PermissionsSet{PermissionsSet: e}
		case *eventv1.PermissionsCleared:
			def.Event = &eventv1.NodeDefinition_PermissionsCleared{PermissionsCleared: e}
		case *eventv1.TopicPermissionsSet:
			def.Event = &eventv1.NodeDefinition_TopicPermissionsSet{TopicPermissionsSet: e}
		case *eventv1.TopicPermissionsCleared:
			def.Event = &eventv1.NodeDefinition_TopicPermissionsCleared{TopicPermissionsCleared: e}
		case *eventv1.UserLimitsSet:
			def.Event = &eventv1.NodeDefinition_UserLimitsSet{UserLimitsSet: e}
		case *eventv1.VHostLimitsSet:
			def.Event = &eventv1.NodeDefinition_VhostLimitsSet{VhostLimitsSet: e}
		}
		b.Definitions = append(b.Definitions, def)
	}
	d.Apply(b)
	return d
}

func user(t *testing.T, name, password string) *eventv1.UserPut {
	t.Helper()
	hash, err := HashPassword(DefaultHashing, password)
	if err != nil {
		t.Fatal(err)
	}
	return &eventv1.UserPut{Name: name, PasswordHash: hash, HashingAlgorithm: DefaultHashing}
}

func TestAuthenticate(t *testing.T) {
	// P-06, P-08: blank passwords never; users of the loopback list only from this machine, over both families; the reason is
	// for the log.
	access := func(password string, loopback ...string) *Access {
		a := NewAccess(loopback)
		a.Publish(with(user(t, "guest", password), &eventv1.UserPut{Name: "nohash", HashingAlgorithm: DefaultHashing}))
		return a
	}
	u, open, blank := access("secret", "guest"), access("secret"), access("")
	for _, e := range []struct {
		name           string
		a              *Access
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
		{"a user without a password", u, "nohash", "", from("127.0.0.1"), "user 'nohash' - invalid credentials"},
	} {
		if got := e.a.Authenticate(e.user, e.password, e.from); got != e.want {
			t.Errorf("%s: %q, want %q", e.name, got, e.want)
		}
	}
}
