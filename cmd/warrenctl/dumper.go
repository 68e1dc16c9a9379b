package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"warren/persistence/journal"
	eventv1 "warren/proto/event/v1"
)

// dumper takes the lines of journal.Dump and writes them with what the payloads hold. The first byte of a payload is its kind in
// its stream.
type dumper struct {
	to     io.Writer
	bodies bool
}

// stored is a kind of record: its name and what its payload is.
type stored struct {
	name    string
	message proto.Message
}

// The kinds by the beginning of the stream's name; the numbers are on disk (actors/vhost, actors/queue/record).
var kinds = map[string]map[byte]stored{
	"vhost/": {1: {"batch", &eventv1.DefinitionBatch{}}, 2: {"snapshot", &eventv1.DefinitionBatch{}}},
	"queue/": {
		1: {"enqueued", &eventv1.MessagesEnqueued{}}, 2: {"settled", &eventv1.MessagesSettled{}},
		3: {"delivered", &eventv1.MessagesDelivered{}}, 4: {"checkpoint", &eventv1.QueueCheckpoint{}},
	},
}

// dumped is journal.Dumped with the payload decoded; what cannot be, stays as it is.
type dumped struct {
	journal.Dumped
	Holds   string          `json:"holds,omitempty"`
	Event   json.RawMessage `json:"event,omitempty"`
	Payload []byte          `json:"payload,omitempty"`
}

// Write takes one line.
func (d *dumper) Write(line []byte) (int, error) {
	var record dumped
	if err := json.Unmarshal(line, &record.Dumped); err != nil {
		return 0, fmt.Errorf("a line of the dump: %w", err)
	}
	d.decode(&record)
	b, err := encode(record)
	if err != nil {
		return 0, err
	}
	if _, err := d.to.Write(append(b, '\n')); err != nil {
		return 0, err
	}
	return len(line), nil
}

func (d *dumper) decode(r *dumped) {
	r.Payload, r.Dumped.Payload = r.Dumped.Payload, nil
	if len(r.Payload) == 0 || r.Error != "" {
		return
	}
	kind, known := stored{}, false
	for prefix, of := range kinds {
		if strings.HasPrefix(r.Name, prefix) {
			kind, known = of[r.Payload[0]]
		}
	}
	if !known {
		return
	}
	event := proto.Clone(kind.message)
	err := proto.Unmarshal(r.Payload[1:], event)
	if e, is := event.(*eventv1.MessagesEnqueued); is && !d.bodies {
		for _, m := range e.GetMessages() {
			m.Body = nil
		}
	}
	if err == nil {
		r.Event, err = protojson.MarshalOptions{UseProtoNames: true}.Marshal(event)
	}
	if err != nil {
		r.Error = "payload: " + err.Error()
		return
	}
	r.Holds, r.Payload = kind.name, nil
}
