package journal

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"warren/persistence/segment"
	"warren/persistence/vfs"
)

// Dumped is a record as Dump prints it.
type Dumped struct {
	File        string    `json:"file"`
	Offset      int64     `json:"offset"`
	Stream      StreamID  `json:"stream"`
	Name        string    `json:"name,omitempty"`
	Kind        string    `json:"kind"`
	Index       uint64    `json:"index"`
	Incarnation uint64    `json:"incarnation"`
	Time        time.Time `json:"time"`
	Bytes       int       `json:"bytes"`
	Copy        bool      `json:"copy,omitempty"`
	Compressed  bool      `json:"compressed,omitempty"`
	Shared      bool      `json:"shared,omitempty"` // most of it stands in an earlier record
	Payload     []byte    `json:"payload"`          // base64
	Error       string    `json:"error,omitempty"`
}

// Dump writes every record that counts as a line of JSON, in the order of the files, superseded ones included, and changes nothing.
// Payloads are the stream owner's bytes; who knows what they are decodes them from here.
//
// Of a segment that is recycled meanwhile the rest is left out: what is needed of it was carried forward, and comes at the end.
func Dump(fs vfs.FS, dir string, w io.Writer) (Recovery, error) {
	d := dumper{to: json.NewEncoder(w)}
	var recovery Recovery
	d.cut = true
	for round := 0; d.cut; round++ {
		if round == looks {
			return recovery, fmt.Errorf("journal: dump %s: %w", dir, errBusy)
		}
		var x *index
		l, err := look(fs, dir, true, func(l *loader) {
			x = &index{loader: l}
			x.readCatalogue()
		})
		if err == nil {
			recovery = l.recovery
			d.cut = false
			err = d.dump(x)
			l.close()
		}
		if err != nil {
			return recovery, fmt.Errorf("journal: dump %s: %w", dir, err)
		}
	}
	return recovery, nil
}

type dumper struct {
	to   *json.Encoder
	from segment.Position // what is before it was written
	cut  bool             // a segment was recycled before all of it was written
}

func (d *dumper) dump(x *index) error {
	for _, f := range x.files {
		for _, e := range f.entries {
			at := segment.Position{Segment: f.number(), Offset: e.Offset}
			if at.Less(d.from) {
				continue
			}
			line, err := x.dumped(f, e)
			if err != nil && x.gone(f) {
				d.cut = true
				break
			}
			if err := d.to.Encode(line); err != nil {
				return err
			}
		}
		if end := (segment.Position{Segment: f.number(), Offset: f.end}); d.from.Less(end) {
			d.from = end
		}
	}
	return nil
}

func (x *index) dumped(f *file, e segment.Entry) (Dumped, error) {
	record, err := readRecord(f, e)
	d := Dumped{
		File: f.name, Offset: e.Offset, Stream: StreamID(e.Stream), Name: x.catalogue.streams[StreamID(e.Stream)].name,
		Kind: e.Kind.String(), Index: e.Index, Incarnation: record.Incarnation, Time: time.Unix(0, record.Time).UTC(),
		Bytes: int(e.Bytes), Copy: e.Flags&segment.Copy != 0, Compressed: e.Flags&segment.Zstd != 0, Shared: e.Flags&segment.Shared != 0, Payload: record.Payload,
	}
	if err != nil {
		d.Error = err.Error()
	} else if e.Kind == Checkpoint {
		_, d.Payload, _ = parseRanges(record.Payload)
	}
	return d, err
}
