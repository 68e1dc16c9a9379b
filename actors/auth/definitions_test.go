package auth

import (
	"testing"

	"google.golang.org/protobuf/proto"

	eventv1 "warren/proto/event/v1"
)

// RabbitMQ, access control: patterns are not anchored, an empty one matches nothing, and a user without permissions in a vhost has
// no access to it at all.
func TestPermissions(t *testing.T) {
	d := with(&eventv1.PermissionsSet{User: "u", Vhost: "v", Configure: "^q-", Write: ".*", Read: ""})
	p := d.Of("u", "v")
	for _, e := range []struct {
		kind Kind
		name string
		want bool
	}{
		{Configure, "q-1", true}, {Configure, "aq-1", false}, {Configure, "", false},
		{Write, "anything", true}, {Write, "amq.default", true}, {Write, "two\nlines", true},
		{Read, "q-1", false},
	} {
		if got := p.Allow(e.kind, e.name); got != e.want {
			t.Errorf("%v access to %q: %v", e.kind, e.name, got)
		}
	}
	if d.Of("u", "w") != nil || d.Of("w", "v") != nil {
		t.Error("permissions where there are none")
	}
}

// RabbitMQ, access control, "topic authorisation": without topic permissions every key is allowed, and variables stand for names.
func TestTopicPermissions(t *testing.T) {
	d := with(
		&eventv1.TopicPermissionsSet{User: "a.b", Vhost: "v", Exchange: "x", Write: "^{username}-{vhost}$", Read: "^{client_id}"},
		&eventv1.TopicPermissionsSet{User: ".*", Vhost: "v", Exchange: "x", Write: "^{username}$", Read: ""},
	)
	if d.OfTopic("a.b", "v", "y") != nil {
		t.Error("permissions where there are none")
	}
	for _, e := range []struct {
		user, key string
		kind      Kind
		want      bool
	}{
		{"a.b", "a.b-v", Write, true}, {"a.b", "aXb-v", Write, false}, {"a.b", "a.b-w", Write, false},
		{"a.b", "{client_id}.x", Read, true}, {"a.b", "x", Read, false},
		{".*", "anything", Write, false}, {".*", ".*", Write, true}, {".*", "anything", Read, false},
	} {
		if got := d.OfTopic(e.user, "v", "x").Allow(e.kind, e.key); got != e.want {
			t.Errorf("%v access of %s to %q: %v", e.kind, e.user, e.key, got)
		}
	}
}

// Promise of the fold: what goes takes along what hangs on it, a copy is one, and a snapshot says all there is.
func TestFold(t *testing.T) {
	d := with(
		&eventv1.UserPut{Name: "u", Id: 1, Tags: []string{"administrator"}}, &eventv1.UserPut{Name: "w"}, &eventv1.VHostPut{Name: "v", Id: 2},
		&eventv1.VHostPut{Name: "/"},
		&eventv1.PermissionsSet{User: "u", Vhost: "v"}, &eventv1.PermissionsSet{User: "u", Vhost: "/"}, &eventv1.PermissionsSet{User: "w", Vhost: "v"},
		&eventv1.TopicPermissionsSet{User: "u", Vhost: "v", Exchange: "x"}, &eventv1.TopicPermissionsSet{User: "w", Vhost: "v", Exchange: "x"},
		&eventv1.UserLimitsSet{User: "u", MaxChannels: proto.Int64(5)}, &eventv1.VHostLimitsSet{Vhost: "v", MaxQueues: proto.Int64(0)},
	)
	if !d.HasTag("u", "administrator") || d.HasTag("w", "administrator") || d.HasTag("nobody", "administrator") {
		t.Error("tags")
	}
	again := NewDefinitions()
	again.Apply(d.Snapshot())
	if !proto.Equal(again.Snapshot(), d.Snapshot()) {
		t.Errorf("a snapshot folds to\n%v\nand was\n%v", again.Snapshot(), d.Snapshot())
	}

	c := d.Clone()
	c.Apply(&eventv1.NodeBatch{Definitions: []*eventv1.NodeDefinition{{Event: &eventv1.NodeDefinition_UserDeleted{UserDeleted: &eventv1.UserDeleted{Name: "u"}}}}})
	if d.Users["u"] == nil || d.Of("u", "v") == nil {
		t.Error("a change of the copy changed the original")
	}
	if c.Users["u"] != nil || c.Of("u", "v") != nil || c.OfTopic("u", "v", "x") != nil || c.UserLimits["u"] != nil || c.Of("w", "v") == nil {
		t.Errorf("after the deletion of a user: %v", c.Snapshot())
	}
	c.Apply(&eventv1.NodeBatch{Definitions: []*eventv1.NodeDefinition{
		{Event: &eventv1.NodeDefinition_VhostDeleted{VhostDeleted: &eventv1.VHostDeleted{Name: "v"}}},
		{Event: &eventv1.NodeDefinition_UserLimitsSet{UserLimitsSet: &eventv1.UserLimitsSet{User: "w"}}},
	}})
	if n := len(c.Snapshot().Definitions); n != 2 || c.VHosts["/"] == nil || c.Users["w"] == nil {
		t.Errorf("after the deletion of a vhost: %v", c.Snapshot())
	}
}

// What cannot be compiled is refused before it becomes an event.
func TestPatternsThatDoNotCompile(t *testing.T) {
	for _, text := range []string{"(", "(?!secret).*", `(a)\1`, "a++"} {
		if _, err := CompilePattern(text); err == nil {
			t.Errorf("%q compiles", text)
		}
	}
	if CheckTopicPattern("^{username", "u", "v") != nil || CheckTopicPattern("{username}(", "u", "v") == nil {
		t.Error("topic patterns")
	}
}

func FuzzPattern(f *testing.F) {
	// Promise: what an operator types does not panic, and what was checked compiles in the fold.
	for _, s := range []string{"", ".*", "^q-", "(", "{username}", "[[:alpha:]]", `\p{Greek}`, "a{1001}"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		if _, err := CompilePattern(text); err == nil {
			with(&eventv1.PermissionsSet{Configure: text}).Of("", "").Allow(Configure, "name")
		}
		if CheckTopicPattern(text, "u(", "v{") == nil {
			with(&eventv1.TopicPermissionsSet{User: "u(", Vhost: "v{", Write: text}).OfTopic("u(", "v{", "").Allow(Write, "key")
		}
	})
}
