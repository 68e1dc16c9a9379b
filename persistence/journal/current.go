package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"

	"warren/persistence/segment"
	"warren/persistence/vfs"
)

// currentName is the file that says which segment is the newest. It is what tells that the newest segment is missing, which
// nothing else would, and after a clean stop, that it is as long as it was.
const currentName = "current"

const (
	slotBytes    = 48
	slotDistance = 512 // a sector each, so that no write touches both
	slots        = 2
)

var currentMagic = [8]byte{'W', 'A', 'R', 'R', 'E', 'N', 'C', 'U'}

// current is that file: two slots at 0 and 512, written in turns, so that a write which fails half way leaves the other. The
// valid one with the higher count holds.
//
//	offset  bytes
//	     0      8  magic "WARRENCU"
//	     8      4  format version, 1
//	    12      4  CRC-32C of bytes 0-11 and 16-47
//	    16      8  count of writes
//	    24      8  number of the newest segment, 0 = there was none yet
//	    32      8  its epoch
//	    40      8  offset in it below which everything is durable
type current struct {
	f     vfs.File
	count uint64
}

// newest is what the file says.
type newest struct {
	count    uint64
	position segment.Position
	epoch    uint64
}

func (c *current) write(p segment.Position, epoch uint64) error {
	c.count++
	b := make([]byte, slotBytes)
	copy(b, currentMagic[:])
	binary.LittleEndian.PutUint32(b[8:], segment.Version)
	binary.LittleEndian.PutUint64(b[16:], c.count)
	binary.LittleEndian.PutUint64(b[24:], p.Segment)
	binary.LittleEndian.PutUint64(b[32:], epoch)
	binary.LittleEndian.PutUint64(b[40:], uint64(p.Offset))
	binary.LittleEndian.PutUint32(b[12:], slotSum(b))
	if _, err := c.f.WriteAt(b, int64(c.count%slots)*slotDistance); err != nil {
		return fmt.Errorf("write %s: %w", currentName, err)
	}
	if err := c.f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", currentName, err)
	}
	return nil
}

func slotSum(b []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(b[:12], table), table, b[16:slotBytes])
}

var errCurrent = errors.New("cannot be read")

// parseCurrent returns the newer of the two slots.
func parseCurrent(b []byte) (newest, error) {
	out, err := newest{}, errCurrent
	for slot := range slots {
		n, slotErr := parseSlot(b[min(len(b), slot*slotDistance):])
		var newer *segment.VersionError
		switch {
		case errors.As(slotErr, &newer):
			return newest{}, slotErr
		case slotErr == nil && n.count >= out.count:
			out, err = n, nil
		}
	}
	return out, err
}

func parseSlot(b []byte) (newest, error) {
	if len(b) < slotBytes || [8]byte(b[:8]) != currentMagic || binary.LittleEndian.Uint32(b[12:]) != slotSum(b) {
		return newest{}, errCurrent
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v > segment.Version {
		return newest{}, &segment.VersionError{Found: v}
	}
	return newest{
		count:    binary.LittleEndian.Uint64(b[16:]),
		position: segment.Position{Segment: binary.LittleEndian.Uint64(b[24:]), Offset: int64(binary.LittleEndian.Uint64(b[40:]))},
		epoch:    binary.LittleEndian.Uint64(b[32:]),
	}, nil
}

// openCurrent opens the file for writing, and makes it, durable, when it is not there: it is older than the first segment, so that
// a journal without it has lost it.
func openCurrent(fsys vfs.FS, dir string, known newest) (*current, error) {
	path := filepath.Join(dir, currentName)
	f, err := fsys.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = fsys.Create(path)
	}
	if err != nil {
		return nil, err
	}
	c := &current{f: f, count: known.count}
	if err = c.write(known.position, known.epoch); err == nil {
		err = fsys.SyncDir(dir)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return c, nil
}
