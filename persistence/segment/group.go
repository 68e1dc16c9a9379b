package segment

import "encoding/binary"

const groupPayload = 24

// GroupBytes is what the record that opens a group takes.
const GroupBytes = RecordHeader + groupPayload

// Statement is the payload of the record that opens a group.
//
//	offset  bytes
//	     0      8  segment of the position that was durable before this group was written ...
//	     8      8  ... and its offset there
//	    16      4  bytes of this group, this record included
//	    20      4  records of this group, this one left out
type Statement struct {
	Durable Position
	Bytes   uint32
	Records uint32
}

func (s Statement) encode(b []byte) {
	binary.LittleEndian.PutUint64(b[0:], s.Durable.Segment)
	binary.LittleEndian.PutUint64(b[8:], uint64(s.Durable.Offset))
	binary.LittleEndian.PutUint32(b[16:], s.Bytes)
	binary.LittleEndian.PutUint32(b[20:], s.Records)
}

// ParseStatement reads the payload of a Group record. Later versions may append to it.
func ParseStatement(b []byte) (Statement, bool) {
	if len(b) < groupPayload {
		return Statement{}, false
	}
	return Statement{
		Durable: Position{Segment: binary.LittleEndian.Uint64(b[0:]), Offset: int64(binary.LittleEndian.Uint64(b[8:]))},
		Bytes:   binary.LittleEndian.Uint32(b[16:]),
		Records: binary.LittleEndian.Uint32(b[20:]),
	}, true
}
