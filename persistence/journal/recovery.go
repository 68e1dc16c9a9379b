package journal

import (
	"fmt"
	"strings"
	"time"
)

// Recovery is what Open or Verify found.
type Recovery struct {
	Segments, Streams, Records int
	Bytes                      int64
	// FromFooters is how many segments told what they hold without being read.
	FromFooters int
	// Torn are writes that a crash cut short. Nobody was told that they were durable.
	Torn []Place
	// Damage is what was durable and is not what it was.
	Damage []Damage
	// Names of the streams whose records are known to be hit, as far as they have one still.
	Names map[StreamID]string
	// Lost are the events that are missing.
	Lost []Lost
	// Orphans are streams whose names were lost with a damaged catalogue. They may be what is left of streams that were removed.
	Orphans []StreamID
	Took    time.Duration
}

// Place is a range of bytes of a file.
type Place struct {
	File   string
	Offset int64
	Bytes  int64
}

func (p Place) String() string { return fmt.Sprintf("%s at %d, %d bytes", p.File, p.Offset, p.Bytes) }

// Damage is a place that is not what it was.
type Damage struct {
	Place
	What string
	// Records that are known to have been there. When the place does not tell any more, Recovery.Lost has what is missing.
	Records []RecordID
}

// RecordID names a record.
type RecordID struct {
	Stream StreamID
	Index  uint64
	Kind   Kind
}

func (d Damage) String() string {
	if len(d.Records) == 0 {
		return fmt.Sprintf("%s: %s", d.Place, d.What)
	}
	return fmt.Sprintf("%s: %s, %d records known to be hit", d.Place, d.What, len(d.Records))
}

// Lost are events of a stream, from From up to but not including To.
type Lost struct {
	Stream   StreamID
	Name     string
	From, To uint64
	// Perhaps: messages that were not settled at the last checkpoint and are not there; they may have been settled since.
	Perhaps bool
}

func (l Lost) String() string {
	perhaps := ""
	if l.Perhaps {
		perhaps = ", unless they were settled"
	}
	return fmt.Sprintf("%s (stream %d): events %d to %d are lost%s", l.Name, l.Stream, l.From, l.To-1, perhaps)
}

// Hit names the records that a damage is known to have hit; those of a stream that follow each other in one.
func (r *Recovery) Hit(d Damage) []string {
	var out []string
	for i := 0; i < len(d.Records); {
		first := d.Records[i]
		n := 1
		for i+n < len(d.Records) && d.Records[i+n] == (RecordID{first.Stream, first.Index + uint64(n), first.Kind}) {
			n++
		}
		which := fmt.Sprintf("%s %d", first.Kind, first.Index)
		if n > 1 {
			which = fmt.Sprintf("%s %d to %d", first.Kind, first.Index, first.Index+uint64(n)-1)
		}
		name, known := r.Names[first.Stream]
		switch {
		case first.Stream == catalogueID:
			name = "the journal's own list of streams"
		case !known:
			name = "a stream without a name"
		}
		out = append(out, fmt.Sprintf("%s (stream %d): %s", name, first.Stream, which))
		i += n
	}
	return out
}

// Intact says that nothing durable is missing.
func (r *Recovery) Intact() bool {
	return len(r.Damage) == 0 && len(r.Lost) == 0 && len(r.Orphans) == 0
}

// LostOf is what a stream has lost.
func (r *Recovery) LostOf(id StreamID) []Lost {
	var out []Lost
	for _, l := range r.Lost {
		if l.Stream == id {
			out = append(out, l)
		}
	}
	return out
}

func (r *Recovery) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d segments (%d from their footers), %d streams, %d records, %d bytes", r.Segments, r.FromFooters, r.Streams, r.Records, r.Bytes)
	for _, p := range r.Torn {
		fmt.Fprintf(&b, "\ntorn tail: %s", p)
	}
	for _, d := range r.Damage {
		fmt.Fprintf(&b, "\ndamage: %s", d)
		for _, hit := range r.Hit(d) {
			fmt.Fprintf(&b, "\n  hit: %s", hit)
		}
	}
	for _, l := range r.Lost {
		fmt.Fprintf(&b, "\nlost: %s", l)
	}
	for _, o := range r.Orphans {
		fmt.Fprintf(&b, "\nstream %d has lost its name", o)
	}
	return b.String()
}

// DamageError is a record that was durable and cannot be read.
type DamageError struct {
	Damage
	Err error
}

func (e *DamageError) Error() string { return fmt.Sprintf("journal: %s: %v", e.Damage, e.Err) }
func (e *DamageError) Unwrap() error { return e.Err }
