package vfs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// OS is the file system of the machine.
type OS struct{}

var _ FS = OS{}

// filePerm: a journal holds everybody's messages, and nobody else on the machine has to read them.
const (
	filePerm = 0o600
	dirPerm  = 0o700
)

func (OS) Create(path string) (File, error)   { return open(path, os.O_RDWR|os.O_CREATE|os.O_EXCL) }
func (OS) Open(path string) (File, error)     { return open(path, os.O_RDWR) }
func (OS) OpenRead(path string) (File, error) { return open(path, os.O_RDONLY) }
func (OS) Rename(from, to string) error       { return os.Rename(from, to) }
func (OS) Remove(path string) error           { return os.Remove(path) }
func (OS) MkdirAll(dir string) error          { return os.MkdirAll(dir, dirPerm) }
func (OS) Free(dir string) (int64, error)     { return free(dir) }

func (OS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		if !entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

func (OS) SyncDir(dir string) error { return syncDir(dir) }

// Lock locks the file as the kernel does, so that the lock ends with its process, however that ends, and writes the owner's
// process id into it for whoever comes second. The file stays: to remove it would let a third one lock another of that name.
func (OS) Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, filePerm)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		defer f.Close()
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		b, _ := io.ReadAll(io.LimitReader(f, 32))
		pid, _ := strconv.Atoi(strings.TrimSpace(string(b)))
		return nil, &LockedError{Path: path, PID: pid}
	}
	// The id is for people; a lock without it is as good.
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return f, nil
}

// errLocked is what lock returns when somebody else has it.
var errLocked = errors.New("locked")

type osFile struct{ *os.File }

func open(path string, flag int) (File, error) {
	f, err := os.OpenFile(path, flag, filePerm)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (f osFile) Sync() error { return datasync(f.File) }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (f osFile) Preallocate(size int64) error {
	have, err := f.Size()
	if err != nil || have >= size {
		return err
	}
	return allocate(f.File, have, size)
}

// fill reserves blocks the portable way: it writes them. A mere truncate would promise room that the disk may not have.
func fill(f *os.File, from, to int64) error {
	zeros := make([]byte, 1<<20)
	for from < to {
		n, err := f.WriteAt(zeros[:min(int64(len(zeros)), to-from)], from)
		if err != nil {
			return err
		}
		from += int64(n)
	}
	return nil
}
