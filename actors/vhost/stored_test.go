package vhost

import (
	"testing"

	eventv1 "warren/proto/event/v1"
)

// Promise of docs/formats/streams.md: no two vhosts share a stream, whatever they and their queues are called, and those of vhosts
// that are gone are known by their names.
func TestStreamsOfVHosts(t *testing.T) {
	living := map[string]bool{Key("/", 0): true, Key("a", 7): true, Key("a/b", 8): true}
	keep := Keep(living)
	queue := func(key string) string { return storedAs(key, &eventv1.QueueDeclared{Name: "q/7", Id: 9}) }
	for key := range living {
		if !keep(storedName(key)) || !keep(queue(key)) {
			t.Errorf("the streams of %q are taken for another's", key)
		}
	}
	for _, key := range []string{Key("a", 6), Key("b", 7), Key("a/b", 7), Key("/", 5), Key("a", 0), Key("", 3), Key("a/7", 2)} {
		if keep(storedName(key)) || keep(queue(key)) {
			t.Errorf("the streams of %q are kept", key)
		}
	}
	if !keep("node") {
		t.Error("a stream that is no vhost's goes")
	}
	if storedName(Key("/", 0)) != "vhost//" || queue(Key("/", 0)) != "queue///q/7/9" {
		t.Error("a data directory of before vhosts had ids is not found again")
	}
}

func TestStreamSaysItsVHost(t *testing.T) {
	// A vhost whose record is lost is found by its stream.
	for _, name := range []string{"/", "v", "a/b", "%2F", "7", "", "a b"} {
		for _, id := range []uint64{0, 1, 1 << 63} {
			if got, n, ok := OfStream(storedName(Key(name, id))); got != name || n != id || !ok {
				t.Errorf("%q with %d is read as %q with %d, %v", name, id, got, n, ok)
			}
		}
	}
	for _, other := range []string{"node", "queue/v/1/q/1", "vhosts/v"} {
		if _, _, ok := OfStream(other); ok {
			t.Errorf("%q is no vhost's", other)
		}
	}
}
