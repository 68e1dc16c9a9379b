package main

import (
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"warren/persistence/journal"
	eventv1 "warren/proto/event/v1"
)

// journal dump --help: bodies are left out unless they are asked for, also those of queues that are deleted and of records that are
// not understood.
func TestDumper(t *testing.T) {
	record := func(kind byte, m proto.Message) []byte {
		b, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		return append([]byte{kind}, b...)
	}
	enqueued := record(1, &eventv1.MessagesEnqueued{First: 7, Messages: []*eventv1.StoredMessage{{RoutingKey: []byte("k"), Body: []byte("secret")}}})
	settled := record(2, &eventv1.MessagesSettled{Ranges: []*eventv1.IndexRange{{First: 7, Count: 1}}})
	batch := record(1, &eventv1.DefinitionBatch{Definitions: []*eventv1.Definition{
		{Event: &eventv1.Definition_QueueDeleted{QueueDeleted: &eventv1.QueueDeleted{Name: "q"}}},
	}})
	const withBody = `{"first":"7","messages":[{"routing_key":"aw==","body":"c2VjcmV0"}]}`
	const without = `{"first":"7","messages":[{"routing_key":"aw=="}]}`
	for _, c := range []struct {
		record                journal.Dumped
		bodies                bool
		holds, event, payload string
	}{
		{journal.Dumped{Stream: 1, Name: "vhost//", Kind: "event", Payload: batch}, false, "batch", `{"definitions":[{"queue_deleted":{"name":"q"}}]}`, ""},
		{journal.Dumped{Stream: 2, Name: "queue///q/1", Kind: "messages", Payload: enqueued}, false, "enqueued", without, ""},
		{journal.Dumped{Stream: 2, Name: "queue///q/1", Kind: "messages", Payload: enqueued}, true, "enqueued", withBody, ""},
		{journal.Dumped{Stream: 2, Name: "queue///q/1", Kind: "event", Payload: settled}, false, "settled", `{"ranges":[{"first":"7","count":"1"}]}`, ""},
		{journal.Dumped{Stream: 3, Kind: "messages", Payload: enqueued}, false, "enqueued", without, ""},
		{journal.Dumped{Stream: 3, Kind: "event", Payload: settled}, false, "settled", `{"ranges":[{"first":"7","count":"1"}]}`, ""},
		{journal.Dumped{Stream: 4, Kind: "event", Payload: []byte("odd")}, false, "", "", ""},
		{journal.Dumped{Stream: 4, Kind: "event", Payload: []byte("odd")}, true, "", "", "b2Rk"},
		{journal.Dumped{Stream: 2, Name: "queue///q/1", Kind: "event", Payload: []byte("\x09odd")}, false, "", "", ""},
		{journal.Dumped{Stream: 0, Kind: "event", Payload: []byte("own")}, false, "", "", "b3du"},
	} {
		var out strings.Builder
		d := newDumper(&out, c.bodies)
		d.nameless[3] = true // by the record before
		line, err := json.Marshal(c.record)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Write(line); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Holds, Payload string
			Event          json.RawMessage
		}
		if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
			t.Fatal(err)
		}
		if got.Holds != c.holds || string(got.Event) != c.event || got.Payload != c.payload {
			t.Errorf("%+v\nbecame %s", c.record, out.String())
		}
	}
}
