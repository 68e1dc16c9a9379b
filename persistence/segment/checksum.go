package segment

import (
	"encoding/binary"
	"hash/crc32"
)

// castagnoli is the polynomial that processors have an instruction for.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum computes record checksums for one epoch. Its scratch is the input of the checksum put together, because slices of the
// stack given to crc32 escape, at two allocations a record. One goroutine at a time.
type checksum struct {
	scratch [16 + RecordHeader - 4]byte
}

func newChecksum(epoch uint64) *checksum {
	c := &checksum{}
	binary.LittleEndian.PutUint64(c.scratch[0:], epoch)
	return c
}

// header is the checksum of a record's header at an offset of the file: of the epoch, the offset and every byte of the header but
// the checksum itself.
func (c *checksum) header(offset int64, h []byte) uint32 {
	binary.LittleEndian.PutUint64(c.scratch[8:], uint64(offset))
	copy(c.scratch[16:], h[0:4])
	copy(c.scratch[20:], h[8:RecordHeader])
	return crc32.Checksum(c.scratch[:], castagnoli)
}

func payloadSum(p []byte) uint32 { return crc32.Checksum(p, castagnoli) }
