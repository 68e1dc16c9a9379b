// Package vfs is the seam between the journal and the disk: the few calls that a log needs, and no more.
//
// Three file systems stand behind it. OS is the real one. Memory keeps everything in memory and can be cloned as a crash
// would leave it, down to single sectors. Faulty wraps another one and lets its calls fail as disks do.
//
// All three follow one rule about crashes, the strictest that POSIX allows: bytes survive when their file was synced, and a
// name that was made, renamed or removed survives when its directory was synced.
package vfs

import (
	"errors"
	"fmt"
	"io"
)

// FS is a file system. Paths are those of package path/filepath; errors match fs.ErrNotExist, fs.ErrExist and syscall.ENOSPC.
type FS interface {
	// Create makes a new file, for reading and writing; it is an error when there is one.
	Create(path string) (File, error)
	// Open opens a file that is there, for reading and writing.
	Open(path string) (File, error)
	// OpenRead opens a file for reading alone, so that one may look at what one may not change.
	OpenRead(path string) (File, error)
	// Rename replaces a file that has the new name, in one step.
	Rename(from, to string) error
	Remove(path string) error
	// List returns the names of the files in a directory, sorted, directories left out.
	List(dir string) ([]string, error)
	MkdirAll(dir string) error
	// SyncDir makes the names in a directory durable, and with them what was created, renamed and removed.
	SyncDir(dir string) error
	// Lock takes a file as the mark of the only owner, until the Closer is closed or the process ends. Somebody else's lock is
	// a *LockedError.
	Lock(path string) (io.Closer, error)
	// Free is how many bytes may still be written on the disk that holds the directory.
	Free(dir string) (int64, error)
}

// File is an open file. There is no position: everything is read and written at an offset (pread and pwrite).
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	// Preallocate makes the file at least that long and reserves the blocks, so that a write inside of it finds room.
	Preallocate(size int64) error
	// Truncate makes the file that long, and shorter if it was longer: what was behind that is gone.
	Truncate(size int64) error
	// Sync makes the bytes and the length durable (fdatasync). After an error nothing is known about any byte written since
	// the last success, and a further success proves nothing.
	Sync() error
	Size() (int64, error)
}

// LockedError says who has a directory.
type LockedError struct {
	Path string
	// PID of the owner, 0 when it did not say.
	PID int
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%s is held by another process", e.Path)
	}
	return fmt.Sprintf("%s is held by process %d", e.Path, e.PID)
}

// ReadAll reads a whole file of which one knows that it is small.
func ReadAll(fs FS, path string) ([]byte, error) {
	f, err := fs.OpenRead(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	b := make([]byte, size)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return b[:n], nil
}
