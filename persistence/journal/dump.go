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
func Dump(fs vfs.FS, dir string, w io.Writer) (Recovery, error) {
	l := &loader{fs: fs, dir: dir, full: true, readOnly: true, progress: func(Progress) {}}
	defer l.close()
	err := l.load()
	if err == nil {
		err = l.dump(json.NewEncoder(w))
	}
	if err != nil {
		return l.recovery, fmt.Errorf("journal: dump %s: %w", dir, err)
	}
	return l.recovery, nil
}

func (l *loader) dump(to *json.Encoder) error {
	x := &index{loader: l}
	x.readCatalogue()
	for _, f := range l.files {
		for _, e := range f.entries {
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
			if err := to.Encode(d); err != nil {
				return err
			}
		}
	}
	return nil
}
