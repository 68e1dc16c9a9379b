package vfs

import (
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
)

// inode is a file of Memory, whatever its names are.
type inode struct {
	mu sync.Mutex
	// data as everybody reads it, and as the last Sync left it.
	data, synced []byte
	// Sectors written since, to be synced. A failed sync empties it without making anything durable, as Linux does: the pages
	// count as clean, and nobody will write them again.
	dirty map[int64]struct{}
}

// crash returns the synced bytes, and of the sectors that were not synced those that the coin lets through. A file is as long as
// its last surviving byte.
func (i *inode) crash(r *rand.Rand) *inode {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := &inode{data: slices.Clone(i.synced)}
	if r != nil {
		sectors := make([]int64, 0, len(i.dirty))
		for s := range i.dirty {
			sectors = append(sectors, s)
		}
		slices.Sort(sectors)
		// Half the time half of them, otherwise nearly all or nearly none, which is where the interesting cases are.
		odds := []int{50, 50, 5, 95}[r.IntN(4)]
		for _, s := range sectors {
			if r.IntN(100) < odds {
				out.data = put(out.data, i.sector(s), s*SectorBytes)
			}
		}
	}
	out.synced = slices.Clone(out.data)
	return out
}

func (i *inode) clone() *inode {
	i.mu.Lock()
	defer i.mu.Unlock()
	return &inode{data: slices.Clone(i.data), synced: slices.Clone(i.synced), dirty: maps.Clone(i.dirty)}
}

func (i *inode) sector(s int64) []byte {
	return i.data[s*SectorBytes : min((s+1)*SectorBytes, int64(len(i.data)))]
}

func (i *inode) writeAt(p []byte, off int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	start := min(off, int64(len(i.data)))
	i.data = put(i.data, p, off)
	i.touch(start, off+int64(len(p)))
}

// touch marks the sectors of a range; what lies between the old end and the range counts as written too.
func (i *inode) touch(from, to int64) {
	if i.dirty == nil {
		i.dirty = map[int64]struct{}{}
	}
	for s := from / SectorBytes; s*SectorBytes < to; s++ {
		i.dirty[s] = struct{}{}
	}
}

// truncate cuts off or adds zeros. What is cut off is there again after a crash, until the next sync.
func (i *inode) truncate(size int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if have := int64(len(i.data)); size > have {
		i.data = append(i.data, make([]byte, size-have)...)
		i.touch(have, size)
		return
	}
	i.data = i.data[:size]
	maps.DeleteFunc(i.dirty, func(s int64, _ struct{}) bool { return s*SectorBytes >= size })
}

func (i *inode) sync() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.synced = i.synced[:min(len(i.synced), len(i.data))]
	for s := range i.dirty {
		i.synced = put(i.synced, i.sector(s), s*SectorBytes)
	}
	clear(i.dirty)
}

// loseDirty is what a failed sync does.
func (i *inode) loseDirty() {
	i.mu.Lock()
	defer i.mu.Unlock()
	clear(i.dirty)
}

// put writes p into b at an offset and makes b longer where it must be.
func put(b, p []byte, off int64) []byte {
	if end := off + int64(len(p)); end > int64(len(b)) {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	copy(b[off:], p)
	return b
}

// memoryFile is an inode that somebody has open.
type memoryFile struct {
	*inode
	path     string
	readOnly bool
	closed   bool
}

func (f *memoryFile) ReadAt(p []byte, off int64) (int, error) {
	if f.closed {
		return 0, &fs.PathError{Op: "read", Path: f.path, Err: fs.ErrClosed}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if off >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memoryFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.writable("write"); err != nil {
		return 0, err
	}
	f.writeAt(p, off)
	return len(p), nil
}

func (f *memoryFile) Preallocate(size int64) error {
	if err := f.writable("preallocate"); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if have := int64(len(f.data)); have < size {
		f.data = append(f.data, make([]byte, size-have)...)
		f.touch(have, size)
	}
	return nil
}

func (f *memoryFile) Truncate(size int64) error {
	if err := f.writable("truncate"); err != nil {
		return err
	}
	f.truncate(size)
	return nil
}

func (f *memoryFile) Sync() error {
	if f.closed {
		return &fs.PathError{Op: "sync", Path: f.path, Err: fs.ErrClosed}
	}
	f.sync()
	return nil
}

func (f *memoryFile) Size() (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return int64(len(f.data)), nil
}

func (f *memoryFile) Close() error {
	if f.closed {
		return &fs.PathError{Op: "close", Path: f.path, Err: fs.ErrClosed}
	}
	f.closed = true
	return nil
}

func (f *memoryFile) writable(op string) error {
	switch {
	case f.closed:
		return &fs.PathError{Op: op, Path: f.path, Err: fs.ErrClosed}
	case f.readOnly:
		return &fs.PathError{Op: op, Path: f.path, Err: fs.ErrPermission}
	}
	return nil
}
