package node

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"warren/persistence"
	eventv1 "warren/proto/event/v1"
)

// docs/formats/streams.md: a snapshot stands for what is before it; what a newer version wrote is refused, and said.
func TestLoad(t *testing.T) {
	record := func(kind uint8, b *eventv1.NodeBatch) persistence.Record {
		payload, err := proto.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		return persistence.Record{Kind: kind, Payload: payload}
	}
	one, two := after(t, AddVHost{Name: "one"}).Snapshot(), after(t, AddVHost{Name: "two"}).Snapshot()
	got, err := load([]persistence.Record{record(kindBatch, one), record(kindSnapshot, two), record(kindBatch, &eventv1.NodeBatch{
		Definitions: []*eventv1.NodeDefinition{vhostPut(&eventv1.VHostPut{Name: "three", Id: 3})},
	})})
	if err != nil {
		t.Fatal(err)
	}
	if text := got.String(); strings.Contains(text, `"one"`) || !strings.Contains(text, `"two"`) || !strings.Contains(text, `"three"`) {
		t.Errorf("%s", text)
	}
	for want, r := range map[string]persistence.Record{
		"unknown kind 9":             record(9, one),
		"definition record 0":        {Kind: kindBatch, Payload: []byte{0xff}},
		"invalid regular expression": record(kindBatch, &eventv1.NodeBatch{Definitions: []*eventv1.NodeDefinition{{Event: &eventv1.NodeDefinition_PermissionsSet{PermissionsSet: &eventv1.PermissionsSet{Configure: "(?=a)"}}}}}),
	} {
		if _, err := load([]persistence.Record{r}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// Old files open in new code: a data directory from before the node had a stream keeps its vhost's queues.
func TestFirstStart(t *testing.T) {
	f := First{User: AddUser{Name: "admin"}, VHost: "v", Permissions: SetPermissions{"admin", "v", ".*", ".*", ".*"}}
	for there, id := range map[bool]uint64{false: 7, true: 0} {
		events, err := f.events(7, func(stream string) bool { return there && stream == "vhost/v" })
		if err != nil {
			t.Fatal(err)
		}
		if v := events[0].GetVhostPut(); v.GetName() != "v" || v.GetId() != id || len(events) != 3 {
			t.Errorf("%v", events)
		}
	}
	f.Permissions.Write = "("
	if _, err := f.events(7, func(string) bool { return false }); err == nil {
		t.Error("a pattern that does not compile is taken")
	}
}
