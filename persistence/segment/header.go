package segment

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Version is the format that this package writes, and the newest that it reads.
const Version = 2

// DataStart is where the first group begins. The header has a page of its own, so that no torn write of records reaches it.
const DataStart = 4096

const (
	headerBytes = 64
	sealOffset  = 512 // a sector of its own: writing the seal does not rewrite the header's
	sealBytes   = 16
)

var magic = [8]byte{'W', 'A', 'R', 'R', 'E', 'N', 'S', 'G'}

// Position is a place in the log: everything in segments before it, and in its own below the offset.
type Position struct {
	Segment uint64
	Offset  int64
}

// Less orders positions as they were written.
func (p Position) Less(q Position) bool {
	return p.Segment < q.Segment || p.Segment == q.Segment && p.Offset < q.Offset
}

// Header is the first thing in a segment file.
//
//	offset  bytes
//	     0      8  magic "WARRENSG"
//	     8      4  format version, 2
//	    12      4  CRC-32C of bytes 0-11 and 16-63
//	    16      8  epoch: never used for any other segment of this directory
//	    24      8  number: the segment's place in the log
//	    32      8  time it was made, nanoseconds since 1970
//	    40      8  segment that the log went on from ...
//	    48      8  ... and where that one ends. Whatever is behind that end, or in segments between the two, does not count
//	    56      8  bytes of the file
//	   512      8  seal: offset of the footer; zeros until the segment is sealed
//	   520      4  bytes of the footer, its record header included
//	   524      4  CRC-32C of the epoch and bytes 512-523
//	  4096         the first group
//
// All integers are little-endian. Magic, version and checksum stay where they are in every version to come, so that old code can say
// what it found.
type Header struct {
	Version uint32
	Epoch   uint64
	Number  uint64
	Created int64
	// Before is the end of the log before this segment, as this segment states it.
	Before Position
	Size   int64
}

// Errors of ParseHeader. A file that is damaged is not a file of a newer version: its checksum does not fit.
var (
	ErrMagic    = errors.New("not a segment file")
	ErrChecksum = errors.New("checksum does not fit")
)

// VersionError refuses a format that a newer program wrote.
type VersionError struct{ Found uint32 }

func (e *VersionError) Error() string {
	return fmt.Sprintf("segment format %d was written by a newer version; this one reads format %d and older", e.Found, Version)
}

// page is the header page: the header, and nothing where the last use of the file had its seal.
func (h *Header) page() []byte {
	b := make([]byte, DataStart)
	copy(b, magic[:])
	binary.LittleEndian.PutUint32(b[8:], h.Version)
	binary.LittleEndian.PutUint64(b[16:], h.Epoch)
	binary.LittleEndian.PutUint64(b[24:], h.Number)
	binary.LittleEndian.PutUint64(b[32:], uint64(h.Created))
	binary.LittleEndian.PutUint64(b[40:], h.Before.Segment)
	binary.LittleEndian.PutUint64(b[48:], uint64(h.Before.Offset))
	binary.LittleEndian.PutUint64(b[56:], uint64(h.Size))
	binary.LittleEndian.PutUint32(b[12:], headerSum(b))
	return b
}

func headerSum(b []byte) uint32 {
	return crc32.Update(crc32.Checksum(b[:12], castagnoli), castagnoli, b[16:headerBytes])
}

// ParseHeader reads a header from the first bytes of a file.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < headerBytes || [8]byte(b[:8]) != magic {
		return Header{}, ErrMagic
	}
	if binary.LittleEndian.Uint32(b[12:]) != headerSum(b) {
		return Header{}, ErrChecksum
	}
	h := Header{
		Version: binary.LittleEndian.Uint32(b[8:]),
		Epoch:   binary.LittleEndian.Uint64(b[16:]),
		Number:  binary.LittleEndian.Uint64(b[24:]),
		Created: int64(binary.LittleEndian.Uint64(b[32:])),
		Before: Position{
			Segment: binary.LittleEndian.Uint64(b[40:]),
			Offset:  int64(binary.LittleEndian.Uint64(b[48:])),
		},
		Size: int64(binary.LittleEndian.Uint64(b[56:])),
	}
	if h.Version > Version {
		return h, &VersionError{Found: h.Version}
	}
	return h, nil
}

// seal says where the footer is.
type seal struct {
	footer int64
	bytes  uint32
}

func (s seal) encode(epoch uint64) []byte {
	b := make([]byte, sealBytes)
	binary.LittleEndian.PutUint64(b[0:], uint64(s.footer))
	binary.LittleEndian.PutUint32(b[8:], s.bytes)
	binary.LittleEndian.PutUint32(b[12:], sealSum(epoch, b))
	return b
}

func parseSeal(epoch uint64, b []byte) (seal, bool) {
	if binary.LittleEndian.Uint32(b[12:]) != sealSum(epoch, b) {
		return seal{}, false
	}
	s := seal{footer: int64(binary.LittleEndian.Uint64(b[0:])), bytes: binary.LittleEndian.Uint32(b[8:])}
	return s, s.footer >= DataStart
}

func sealSum(epoch uint64, b []byte) uint32 {
	return crc32.Update(crc32.Checksum(binary.LittleEndian.AppendUint64(nil, epoch), castagnoli), castagnoli, b[:12])
}
