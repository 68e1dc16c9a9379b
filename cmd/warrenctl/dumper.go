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
	// nameless are streams that were removed and that held messages: those of queues.
	nameless map[journal.StreamID]bool
}

func newDumper(to io.Writer, bodies bool) *dumper {
	return &dumper{to: to, bodies: bodies, nameless: map[journal.StreamID]bool{}}
}

// stored is a kind of record: its name and what its payload is.
type stored struct {
	name    string
	message proto.Message
}

// The kinds by the beginning of the stream's name; the numbers are on disk (actors/vhost, actors/queue/record).
var kinds = map[string]map[byte]stored{
	"node":   {1: {"batch", &eventv1.NodeBatch{}}, 2: {"snapshot", &eventv1.NodeBatch{}}},
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

// decode puts an event in the place of the payload. A payload that is not understood may have bodies in it.
func (d *dumper) decode(r *dumped) {
	payload := r.Dumped.Payload
	r.Dumped.Payload = nil
	if d.bodies || r.Stream == 0 {
		r.Payload = payload
	}
	if len(payload) == 0 || r.Error != "" {
		return
	}
	kind, known := d.kind(r, payload[0])
	if !known {
		return
	}
	event := proto.Clone(kind.message)
	err := proto.Unmarshal(payload[1:], event)
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

func (d *dumper) kind(r *dumped, first byte) (kind stored, known bool) {
	name := r.Name
	if name == "" && r.Kind == journal.Messages.String() {
		d.nameless[r.Stream] = true
	}
	if name == "" && d.nameless[r.Stream] {
		name = "queue/"
	}
	for prefix, of := range kinds {
		if strings.HasPrefix(name, prefix) {
			kind, known = of[first]
		}
	}
	return kind, known
}
