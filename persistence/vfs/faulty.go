package vfs

import (
	"fmt"
	"io"
	"sync"
	"syscall"
)

// Op is a call that changes something.
type Op uint8

// The calls that Faulty can let fail.
const (
	OpCreate Op = iota
	OpOpen
	OpWrite
	OpSync
	OpPreallocate
	OpTruncate
	OpRename
	OpRemove
	OpSyncDir
	ops
)

func (o Op) String() string {
	return [...]string{"create", "open", "write", "sync", "preallocate", "truncate", "rename", "remove", "sync of the directory"}[o]
}

// Faulty is a file system whose calls fail when they are told to. A write that fails has written its first half; a sync that fails
// has made nothing durable and forgets what it should have.
type Faulty struct {
	fs FS

	mu      sync.Mutex
	watch   func(op Op, path string) error
	nth     [ops]int // calls until the failing one, 0 = none
	nthErr  [ops]error
	limited bool
	left    int64 // bytes that files may still grow by
}

var _ FS = (*Faulty)(nil)

// NewFaulty wraps a file system.
func NewFaulty(fs FS) *Faulty { return &Faulty{fs: fs} }

// Watch calls f ahead of every call that changes something; an error from it is what the call returns.
func (y *Faulty) Watch(f func(op Op, path string) error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.watch = f
}

// FailNth lets the nth such call from now fail, the next one being the first.
func (y *Faulty) FailNth(op Op, n int, err error) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.nth[op], y.nthErr[op] = n, err
}

// Limit leaves room for that many more bytes; what grows a file beyond it fails with ENOSPC. Bytes inside of a file cost nothing.
func (y *Faulty) Limit(bytes int64) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.limited, y.left = true, bytes
}

// Heal takes back Limit, FailNth and Watch.
func (y *Faulty) Heal() {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.limited, y.watch, y.nth = false, nil, [ops]int{}
}

func (y *Faulty) before(op Op, path string) error {
	y.mu.Lock()
	watch := y.watch
	var err error
	if y.nth[op] > 0 {
		if y.nth[op]--; y.nth[op] == 0 {
			err = fmt.Errorf("%s %s: %w", op, path, y.nthErr[op])
		}
	}
	y.mu.Unlock()
	if err == nil && watch != nil {
		err = watch(op, path)
	}
	return err
}

// take asks for room to grow by n bytes and returns what there is.
func (y *Faulty) take(n int64) int64 {
	y.mu.Lock()
	defer y.mu.Unlock()
	if !y.limited || n <= 0 {
		return n
	}
	n = min(n, y.left)
	y.left -= n
	return n
}

func (y *Faulty) give(n int64) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.left += n
}

func (y *Faulty) Create(path string) (File, error) { return y.open(OpCreate, path, y.fs.Create) }

func (y *Faulty) Open(path string) (File, error) { return y.open(OpOpen, path, y.fs.Open) }

func (y *Faulty) OpenRead(path string) (File, error) { return y.open(OpOpen, path, y.fs.OpenRead) }

func (y *Faulty) open(op Op, path string, open func(string) (File, error)) (File, error) {
	if err := y.before(op, path); err != nil {
		return nil, err
	}
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	return &faultyFile{File: f, fs: y, path: path}, nil
}

func (y *Faulty) Rename(from, to string) error {
	if err := y.before(OpRename, from); err != nil {
		return err
	}
	return y.fs.Rename(from, to)
}

func (y *Faulty) Remove(path string) error {
	if err := y.before(OpRemove, path); err != nil {
		return err
	}
	return y.fs.Remove(path)
}

func (y *Faulty) SyncDir(dir string) error {
	if err := y.before(OpSyncDir, dir); err != nil {
		return err
	}
	return y.fs.SyncDir(dir)
}

func (y *Faulty) List(dir string) ([]string, error)   { return y.fs.List(dir) }
func (y *Faulty) MkdirAll(dir string) error           { return y.fs.MkdirAll(dir) }
func (y *Faulty) Lock(path string) (io.Closer, error) { return y.fs.Lock(path) }

func (y *Faulty) Free(dir string) (int64, error) {
	free, err := y.fs.Free(dir)
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.limited {
		free = min(free, y.left)
	}
	return free, err
}

type faultyFile struct {
	File
	fs   *Faulty
	path string
}

func (f *faultyFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.fs.before(OpWrite, f.path); err != nil {
		n, _ := f.File.WriteAt(p[:len(p)/2], off)
		return n, err
	}
	size, err := f.Size()
	if err != nil {
		return 0, err
	}
	grow := max(0, off+int64(len(p))-size)
	if room := f.fs.take(grow); room < grow {
		n, _ := f.File.WriteAt(p[:max(0, int64(len(p))-grow+room)], off)
		return n, fmt.Errorf("write %s: %w", f.path, syscall.ENOSPC)
	}
	return f.File.WriteAt(p, off)
}

func (f *faultyFile) Preallocate(size int64) error {
	if err := f.fs.before(OpPreallocate, f.path); err != nil {
		return err
	}
	have, err := f.Size()
	if err != nil {
		return err
	}
	grow := max(0, size-have)
	if room := f.fs.take(grow); room < grow {
		f.fs.give(room)
		return fmt.Errorf("preallocate %s: %w", f.path, syscall.ENOSPC)
	}
	return f.File.Preallocate(size)
}

func (f *faultyFile) Truncate(size int64) error {
	if err := f.fs.before(OpTruncate, f.path); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

func (f *faultyFile) Sync() error {
	if err := f.fs.before(OpSync, f.path); err != nil {
		if m, ok := f.File.(*memoryFile); ok {
			m.loseDirty()
		}
		return err
	}
	return f.File.Sync()
}
