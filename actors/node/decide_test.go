package node

import (
	"errors"
	"strings"
	"testing"

	"warren/actors/auth"
	"warren/actors/policy"
	eventv1 "warren/proto/event/v1"
)

// after carries commands out on a node with user guest, who may do everything in vhost /.
func after(t *testing.T, commands ...Command) *auth.Definitions {
	t.Helper()
	d := auth.NewDefinitions()
	all := append([]Command{
		AddUser{Name: "guest", Password: Password{[]byte("hash"), auth.DefaultHashing}, Tags: []string{"administrator"}}, AddVHost{Name: "/"},
		SetPermissions{"guest", "/", ".*", ".*", ".*"},
	}, commands...)
	for i, c := range all {
		events, err := decide(d, c, int64(i)*1000)
		if err != nil {
			t.Fatalf("%T: %v", c, err)
		}
		d.Apply(&eventv1.NodeBatch{Definitions: events})
	}
	return d
}

func TestRefusals(t *testing.T) {
	// rabbitmqctl: what is refused, for which reason, with which text; and that then nothing is changed.
	exchange := "x"
	for _, e := range []struct {
		command Command
		reason  Reason
		text    string
	}{
		{AddUser{Name: "guest"}, Exists, `User "guest" already exists`},
		{AddUser{}, Invalid, "The name of a user cannot be empty"},
		{AddUser{Name: strings.Repeat("u", 256)}, Invalid, "The name of a user has 256 bytes; the limit is 255"},
		{AddUser{Name: "\xff"}, Invalid, "no UTF-8"},
		{AddUser{Name: "u", Tags: []string{"a,b"}}, Invalid, "A tag cannot be"},
		{DeleteUser{"nobody"}, NoSuchUser, `User "nobody" does not exist`},
		{ChangePassword{Name: "nobody"}, NoSuchUser, `User "nobody" does not exist`},
		{SetUserTags{"nobody", nil}, NoSuchUser, `User "nobody" does not exist`},
		{SetUserTags{"guest", []string{""}}, Invalid, "A tag cannot be"},
		{AddVHost{}, Invalid, "The name of a virtual host cannot be empty"},
		{AddVHost{Name: "v", DefaultQueueType: "quorum"}, Invalid, "Unsupported default queue type 'quorum'"},
		{AddVHost{Name: "v", DefaultQueueType: "fast"}, Invalid, "Unsupported default queue type 'fast'"},
		{UpdateVHost{Name: "v"}, NoSuchVHost, "Virtual host 'v' does not exist"},
		{DeleteVHost{"v"}, NoSuchVHost, "Virtual host 'v' does not exist"},
		{SetPermissions{"nobody", "v", "", "", ""}, NoSuchUser, `User "nobody" does not exist`},
		{SetPermissions{"guest", "v", "", "", ""}, NoSuchVHost, "Virtual host 'v' does not exist"},
		{SetPermissions{"guest", "/", "(", "", ""}, Invalid, "invalid regular expression '('"},
		{SetPermissions{"guest", "/", "", "", "(?!a)"}, Invalid, "invalid regular expression '(?!a)'"},
		{ClearPermissions{"nobody", "/"}, NoSuchUser, `User "nobody" does not exist`},
		{SetTopicPermissions{"guest", "/", "x", "{username}(", ""}, Invalid, "invalid regular expression"},
		{SetTopicPermissions{"guest", "v", "x", "", ""}, NoSuchVHost, "Virtual host 'v' does not exist"},
		{ClearTopicPermissions{"nobody", "/", &exchange}, NoSuchUser, `User "nobody" does not exist`},
		{SetUserLimits{"nobody", Limits{}}, NoSuchUser, `User "nobody" does not exist`},
		{SetUserLimits{"guest", Limits{"max-queues": 1}}, Invalid, "Unrecognised user limit 'max-queues'"},
		{ClearUserLimits{"guest", "max-queues"}, Invalid, "Unrecognised user limit 'max-queues'"},
		{ClearUserLimits{"nobody", "all"}, NoSuchUser, `User "nobody" does not exist`},
		{SetVHostLimits{"v", Limits{}}, NoSuchVHost, "Virtual host 'v' does not exist"},
		{SetVHostLimits{"/", Limits{"max-channels": 1}}, Invalid, "Unrecognised vhost limit 'max-channels'"},
		{ClearVHostLimits{"v"}, NoSuchVHost, "Virtual host 'v' does not exist"},
		{SetPolicy{"/", limited(policy.Spec{})}, Invalid, "The name of a policy cannot be empty"},
		{SetPolicy{"v", limited(policy.Spec{Name: "p"})}, NoSuchVHost, "Virtual host 'v' does not exist"},
		{SetPolicy{"/", policy.Spec{Name: "p", ApplyTo: "all", Definition: `{"foo": 1}`}}, Invalid, "Validation failed\n\n[{<<\"foo\">>,1}] are not recognised policy settings"},
		{ClearPolicy{"v", "p", false}, NoSuchVHost, "Virtual host 'v' does not exist"},
		{ClearPolicy{"/", "p", true}, Invalid, "Parameter does not exist"},
		{Import{Policies: []SetPolicy{{"v", limited(policy.Spec{Name: "p"})}}}, NoSuchVHost, "cannot import policy 'p' in vhost 'v': Virtual host 'v' does not exist"},
		{Import{Users: []AddUser{{Name: "new"}}, Permissions: []SetPermissions{{"new", "v", "", "", ""}}}, NoSuchVHost,
			"cannot import permissions of user 'new' in vhost 'v': Virtual host 'v' does not exist"},
	} {
		d := after(t)
		before := d.Snapshot().String()
		events, err := decide(d, e.command, 5000)
		var is *Error
		if !errors.As(err, &is) || is.Reason != e.reason || !strings.Contains(is.Text, e.text) || len(events) > 0 {
			t.Errorf("%T%+v: %v, %v", e.command, e.command, err, events)
		}
		if now := d.Snapshot().String(); now != before {
			t.Errorf("%T: a refused command changed\n%s\nto\n%s", e.command, before, now)
		}
	}
}

// limited is a policy that can be set.
func limited(s policy.Spec) policy.Spec {
	s.Definition, s.ApplyTo = `{"max-length": 10}`, policy.All
	return s
}

// rabbitmqctl set_policy, clear_policy: a policy is replaced by one of its name, an operator policy has names of its own, and both go
// with their vhost and are in the snapshot. Setting the same again changes nothing.
func TestPolicies(t *testing.T) {
	set := SetPolicy{"/", limited(policy.Spec{Name: "p"})}
	higher, operator := set, set
	higher.Priority, operator.Operator = 7, true
	d := after(t, set, operator, higher, AddVHost{Name: "v"}, SetPolicy{"v", set.Spec}, DeleteVHost{"v"})
	fold := auth.NewDefinitions()
	fold.Apply(d.Snapshot())
	for _, d := range []*auth.Definitions{d, fold} {
		if p := d.Policies("/").Find("p", false); p == nil || p.Priority != 7 || d.Policies("/").Find("p", true) == nil || d.Policies("v") != nil {
			t.Errorf("%v", d.Snapshot())
		}
	}
	if events, err := decide(d, higher, 5000); err != nil || len(events) > 0 {
		t.Errorf("the same again: %v, %v", events, err)
	}
	d = after(t, set, operator, ClearPolicy{"/", "p", false})
	if d.Policies("/").Find("p", false) != nil || d.Policies("/").Find("p", true) == nil {
		t.Errorf("cleared: %v", d.Snapshot())
	}
}

func TestUsersKeepWhatACommandDoesNotName(t *testing.T) {
	d := after(t, ChangePassword{"guest", Password{[]byte("new"), "sha512"}}, SetUserTags{"guest", []string{"monitoring"}})
	if u := d.Users["guest"]; string(u.PasswordHash) != "new" || u.HashingAlgorithm != "sha512" || len(u.Tags) != 1 || u.Tags[0] != "monitoring" || u.Id == 0 {
		t.Errorf("%v", u)
	}
	if d.Of("guest", "/") == nil {
		t.Error("a new password took the permissions away")
	}
	text := "text"
	d = after(t, AddVHost{Name: "v", Tags: []string{"a"}}, UpdateVHost{Name: "v", Description: &text})
	if v := d.VHosts["v"]; v.Description != "text" || len(v.Tags) != 1 || v.Id == 0 {
		t.Errorf("%v", v)
	}
	again := after(t, AddVHost{Name: "v"}, AddVHost{Name: "v", Description: "other"})
	if again.VHosts["v"].Description != "" {
		t.Error("adding a vhost that is there changed it")
	}
}

func TestIDsAreNeverUsedAgain(t *testing.T) {
	// Promise of node.proto: a vhost's durable streams are called by its id, so another one of its name has another.
	d := after(t, AddVHost{Name: "v"})
	first := d.VHosts["v"].Id
	d = after(t, AddVHost{Name: "v"}, DeleteVHost{"v"}, AddVHost{Name: "v"})
	if d.VHosts["v"].Id == first {
		t.Error("two vhosts have one id")
	}
	d = after(t, Import{VHosts: []AddVHost{{Name: "a"}, {Name: "b"}}})
	if d.VHosts["a"].Id == d.VHosts["b"].Id {
		t.Error("two vhosts of one import have one id")
	}
}

func TestLimits(t *testing.T) {
	// rabbitmqctl: set_user_limits leaves the others, set_vhost_limits replaces them all; what is cleared is none.
	d := after(t, SetUserLimits{"guest", Limits{auth.MaxConnections: 1}}, SetUserLimits{"guest", Limits{auth.MaxChannels: 2}}, SetVHostLimits{"/", Limits{auth.MaxQueues: 3}},
		SetVHostLimits{"/", Limits{auth.MaxConnections: -1}})
	if l := d.UserLimits["guest"]; *l.MaxConnections != 1 || *l.MaxChannels != 2 {
		t.Errorf("%v", l)
	}
	if l := d.VHostLimits["/"]; l.MaxQueues != nil || *l.MaxConnections != -1 {
		t.Errorf("%v", l)
	}
	d = after(t, SetUserLimits{"guest", Limits{auth.MaxConnections: 1, auth.MaxChannels: 2}}, ClearUserLimits{"guest", auth.MaxConnections}, SetVHostLimits{"/", Limits{auth.MaxQueues: 3}},
		ClearVHostLimits{"/"})
	if l := d.UserLimits["guest"]; l.MaxConnections != nil || *l.MaxChannels != 2 || d.VHostLimits["/"] != nil {
		t.Errorf("%v, %v", l, d.VHostLimits["/"])
	}
	if d = after(t, SetUserLimits{"guest", Limits{auth.MaxChannels: 2}}, ClearUserLimits{"guest", "all"}); d.UserLimits["guest"] != nil {
		t.Errorf("%v", d.UserLimits["guest"])
	}
}

func TestImportIsOneBatch(t *testing.T) {
	// Contract O-20: what a file says is so afterwards, and importing it again changes nothing.
	c := Import{
		Users:            []AddUser{{"guest", Password{[]byte("other"), auth.DefaultHashing}, nil}, {"u", Password{}, []string{"x"}}},
		VHosts:           []AddVHost{{Name: "/", Description: "text"}, {Name: "v"}},
		Permissions:      []SetPermissions{{"u", "v", "a", "b", "c"}},
		TopicPermissions: []SetTopicPermissions{{"u", "v", "x", "a", "b"}},
		UserLimits:       []SetUserLimits{{"u", Limits{auth.MaxChannels: 1}}},
		VHostLimits:      []SetVHostLimits{{"v", Limits{auth.MaxQueues: 1}}},
	}
	d := after(t, c)
	if u := d.Users["guest"]; string(u.PasswordHash) != "other" || len(u.Tags) != 0 || d.VHosts["/"].Description != "text" || d.Of("u", "v") == nil {
		t.Errorf("%v", d.Snapshot())
	}
	if again := after(t, c, c); again.Snapshot().String() != d.Snapshot().String() {
		t.Errorf("a second import changed\n%v\nto\n%v", d.Snapshot(), again.Snapshot())
	}
}
