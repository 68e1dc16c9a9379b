package vfs

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// SectorBytes is what a disk writes whole or not at all.
const SectorBytes = 512

// Memory is a file system in memory that remembers what a crash would leave of it.
type Memory struct {
	mu sync.Mutex
	// names as everybody sees them, and as the last SyncDir of their directory left them.
	names, synced map[string]*inode
	// changes to names since then, oldest first.
	changes []change
	locks   map[string]bool
}

var _ FS = (*Memory)(nil)

// change gives an inode a name, or takes away the name (inode nil); old is the name that a rename took away with it.
type change struct {
	name, old string
	inode     *inode
}

// NewMemory returns an empty file system.
func NewMemory() *Memory {
	return &Memory{names: map[string]*inode{}, synced: map[string]*inode{}, locks: map[string]bool{}}
}

// Crash returns what a power failure at this moment leaves: the synced bytes under the synced names. With randomness given,
// the disk was also at work by itself: any of the sectors and names that were not synced may have made it, in any combination.
// The receiver goes on untouched; locks are gone.
func (m *Memory) Crash(r *rand.Rand) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := maps.Clone(m.synced)
	for _, c := range m.changes {
		if r != nil && r.IntN(2) == 0 {
			c.apply(names)
		}
	}
	return m.crashed(names, r)
}

// Kill returns what the end of the process at this moment leaves: all that was written, since the kernel goes on. What was not
// synced is still not, so a power failure after it is another Crash. Locks are gone.
func (m *Memory) Kill() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := NewMemory()
	copies := map[*inode]*inode{}
	same := func(i *inode) *inode {
		if i != nil && copies[i] == nil {
			copies[i] = i.clone()
		}
		return copies[i]
	}
	for name, i := range m.names {
		out.names[name] = same(i)
	}
	for name, i := range m.synced {
		out.synced[name] = same(i)
	}
	for _, c := range m.changes {
		c.inode = same(c.inode)
		out.changes = append(out.changes, c)
	}
	return out
}

// crashed copies the inodes in the order of their names, so that equal randomness gives an equal clone.
func (m *Memory) crashed(names map[string]*inode, r *rand.Rand) *Memory {
	out := NewMemory()
	copies := map[*inode]*inode{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		from := names[name]
		if copies[from] == nil {
			copies[from] = from.crash(r)
		}
		out.names[name], out.synced[name] = copies[from], copies[from]
	}
	return out
}

func (c change) apply(names map[string]*inode) {
	if c.inode == nil {
		delete(names, c.name)
		return
	}
	names[c.name] = c.inode
	if c.old != "" && names[c.old] == c.inode {
		delete(names, c.old)
	}
}

func (m *Memory) change(c change) {
	c.apply(m.names)
	m.changes = append(m.changes, c)
}

// Create makes a file.
func (m *Memory) Create(path string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	path = filepath.Clean(path)
	if m.names[path] != nil {
		return nil, &fs.PathError{Op: "create", Path: path, Err: fs.ErrExist}
	}
	i := &inode{}
	m.change(change{name: path, inode: i})
	return &memoryFile{inode: i, path: path}, nil
}

// Open opens a file.
func (m *Memory) Open(path string) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	path = filepath.Clean(path)
	i := m.names[path]
	if i == nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	return &memoryFile{inode: i, path: path}, nil
}

// OpenRead opens a file that refuses to be written.
func (m *Memory) OpenRead(path string) (File, error) {
	f, err := m.Open(path)
	if err != nil {
		return nil, err
	}
	f.(*memoryFile).readOnly = true
	return f, nil
}

// Rename gives a file another name.
func (m *Memory) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, to = filepath.Clean(from), filepath.Clean(to)
	i := m.names[from]
	if i == nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: fs.ErrNotExist}
	}
	m.change(change{name: to, old: from, inode: i})
	return nil
}

// Remove takes a file's name away; who has it open goes on.
func (m *Memory) Remove(path string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	path = filepath.Clean(path)
	if m.names[path] == nil {
		return &fs.PathError{Op: "remove", Path: path, Err: fs.ErrNotExist}
	}
	m.change(change{name: path})
	return nil
}

// List lists a directory. Directories are names only: one without files is empty, not missing.
func (m *Memory) List(dir string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []string
	for name := range m.names {
		if filepath.Dir(name) == filepath.Clean(dir) {
			out = append(out, filepath.Base(name))
		}
	}
	slices.Sort(out)
	return out, nil
}

// MkdirAll has nothing to do: directories are names only.
func (m *Memory) MkdirAll(string) error { return nil }

// SyncDir makes the names of a directory durable.
func (m *Memory) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir = filepath.Clean(dir)
	m.changes = slices.DeleteFunc(m.changes, func(c change) bool {
		if filepath.Dir(c.name) != dir {
			return false
		}
		c.apply(m.synced)
		return true
	})
	return nil
}

// Lock takes a name as a lock.
func (m *Memory) Lock(path string) (io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.locks[path] {
		return nil, &LockedError{Path: path, PID: os.Getpid()}
	}
	m.locks[path] = true
	return memoryLock{m, path}, nil
}

type memoryLock struct {
	m    *Memory
	path string
}

func (l memoryLock) Close() error {
	l.m.mu.Lock()
	defer l.m.mu.Unlock()
	if !l.m.locks[l.path] {
		return fmt.Errorf("unlock %s: %w", l.path, fs.ErrClosed)
	}
	delete(l.m.locks, l.path)
	return nil
}

// Free is more than anybody asks for; Faulty makes disks small.
func (m *Memory) Free(string) (int64, error) { return 1 << 50, nil }
