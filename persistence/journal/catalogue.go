package journal

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
)

// The journal's own stream says which streams there are and which segments. Every segment opens with a checkpoint of it, so that the
// newest segment is all one needs to read, and any older one says much of the same when that one is damaged.
//
// An event:
//
//	bytes
//	    1  1 = stream opened, 2 = stream removed, 3 = segment released
//	    v  id of the stream, or number of the segment
//	       opened: its name, to the end
//
// A checkpoint, behind the empty set of living messages that every checkpoint begins with:
//
//	bytes
//	    1  version, 1
//	    v  id for the next stream
//	    v  segments, and for each by rising number:
//	    v    number, less the one before
//	    8    epoch
//	    v  streams, and for each by rising id:
//	    v    id, less the one before
//	    v    index below which its events were durable then: should the newest of them be gone, one knows it
//	    v    bytes of the name
//	         name
//
// v is a varint as protobuf has it.
type catalogue struct {
	nextID   StreamID
	segments map[uint64]uint64 // number -> epoch
	streams  map[StreamID]listing
}

type listing struct {
	name    string
	durable uint64
}

const catalogueVersion = 1

const (
	eventOpened byte = iota + 1
	eventRemoved
	eventReleased
)

func opened(id StreamID, name string) []byte {
	return append(binary.AppendUvarint([]byte{eventOpened}, uint64(id)), name...)
}

func removed(id StreamID) []byte { return binary.AppendUvarint([]byte{eventRemoved}, uint64(id)) }

func released(number uint64) []byte { return binary.AppendUvarint([]byte{eventReleased}, number) }

func (c *catalogue) apply(b []byte) error {
	if len(b) == 0 {
		return errEncoding
	}
	d := decoder{b: b[1:]}
	n := d.uvarint()
	if d.bad {
		return errEncoding
	}
	switch b[0] {
	case eventOpened:
		c.streams[StreamID(n)] = listing{name: string(d.b)}
		c.nextID = max(c.nextID, StreamID(n)+1)
	case eventRemoved:
		delete(c.streams, StreamID(n))
	case eventReleased:
		delete(c.segments, n)
	default:
		return fmt.Errorf("catalogue event %d: %w", b[0], errEncoding)
	}
	return nil
}

func newCatalogue() *catalogue {
	return &catalogue{nextID: 1, segments: map[uint64]uint64{}, streams: map[StreamID]listing{}}
}

// catalogueNow is the durable state: what waits for a commit comes behind it as events.
func (j *Journal) catalogueNow() *catalogue {
	c := newCatalogue()
	c.nextID = j.nextID
	for _, f := range j.files {
		if !f.released {
			c.segments[f.number()] = f.header.Epoch
		}
	}
	for id, s := range j.streams {
		if s.listed {
			c.streams[id] = listing{name: s.name, durable: s.durable}
		}
	}
	return c
}

func (c *catalogue) encode() []byte {
	b := append(ranges(nil).append(nil), catalogueVersion)
	b = binary.AppendUvarint(b, uint64(c.nextID))
	b = binary.AppendUvarint(b, uint64(len(c.segments)))
	last := uint64(0)
	for _, number := range sortedKeys(c.segments) {
		b = binary.AppendUvarint(b, number-last)
		b = binary.LittleEndian.AppendUint64(b, c.segments[number])
		last = number
	}
	b = binary.AppendUvarint(b, uint64(len(c.streams)))
	last = 0
	for _, id := range sortedKeys(c.streams) {
		s := c.streams[id]
		b = binary.AppendUvarint(b, uint64(id)-last)
		b = binary.AppendUvarint(b, s.durable)
		b = binary.AppendUvarint(b, uint64(len(s.name)))
		b = append(b, s.name...)
		last = uint64(id)
	}
	return b
}

func parseCatalogue(b []byte) (*catalogue, error) {
	_, b, err := parseRanges(b)
	if err != nil {
		return nil, err
	}
	if len(b) == 0 || b[0] != catalogueVersion {
		return nil, fmt.Errorf("catalogue: %w", errEncoding)
	}
	d := decoder{b: b[1:]}
	c := newCatalogue()
	c.nextID = StreamID(d.uvarint())
	number := uint64(0)
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		number += d.uvarint()
		if epoch := d.bytes(8); epoch != nil {
			c.segments[number] = binary.LittleEndian.Uint64(epoch)
		}
	}
	id := StreamID(0)
	for n := d.uvarint(); n > 0 && !d.bad; n-- {
		id += StreamID(d.uvarint())
		durable := d.uvarint()
		c.streams[id] = listing{name: string(d.bytes(d.uvarint())), durable: durable}
	}
	if d.bad {
		return nil, fmt.Errorf("catalogue: %w", errEncoding)
	}
	return c, nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
