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

const currentBytes = 48

var currentMagic = [8]byte{'W', 'A', 'R', 'R', 'E', 'N', 'C', 'U'}

// current is that file. It is written over in place: it is less than a sector, which a disk writes whole or not at all.
//
//	offset  bytes
//	     0      8  magic "WARRENCU"
//	     8      4  format version, 1
//	    12      4  CRC-32C of bytes 0-11 and 16-47
//	    16      8  number of the newest segment, 0 = there was none yet
//	    24      8  its epoch
//	    32      8  offset in it below which everything is durable
//	    40      8  zero
type current struct{ f vfs.File }

// newest is what the file says.
type newest struct {
	position segment.Position
	epoch    uint64
}

func (c *current) write(p segment.Position, epoch uint64) error {
	b := make([]byte, currentBytes)
	copy(b, currentMagic[:])
	binary.LittleEndian.PutUint32(b[8:], segment.Version)
	binary.LittleEndian.PutUint64(b[16:], p.Segment)
	binary.LittleEndian.PutUint64(b[24:], epoch)
	binary.LittleEndian.PutUint64(b[32:], uint64(p.Offset))
	binary.LittleEndian.PutUint32(b[12:], currentSum(b))
	if _, err := c.f.WriteAt(b, 0); err != nil {
		return fmt.Errorf("write %s: %w", currentName, err)
	}
	if err := c.f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", currentName, err)
	}
	return nil
}

func currentSum(b []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(b[:12], table), table, b[16:currentBytes])
}

var errCurrent = errors.New("cannot be read")

func parseCurrent(b []byte) (newest, error) {
	if len(b) < currentBytes || [8]byte(b[:8]) != currentMagic || binary.LittleEndian.Uint32(b[12:]) != currentSum(b) {
		return newest{}, errCurrent
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v > segment.Version {
		return newest{}, &segment.VersionError{Found: v}
	}
	return newest{
		position: segment.Position{Segment: binary.LittleEndian.Uint64(b[16:]), Offset: int64(binary.LittleEndian.Uint64(b[32:]))},
		epoch:    binary.LittleEndian.Uint64(b[24:]),
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
	c := &current{f: f}
	if err = c.write(known.position, known.epoch); err == nil {
		err = fsys.SyncDir(dir)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return c, nil
}
