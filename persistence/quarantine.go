package persistence

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"warren/supervision"
)

// Quarantine keeps in a file of its own, beside the journal, what was taken out of a stream because its replay fails: for whoever is to find
// out why. What is there already under that name is the same thing, from a start before this one. It returns the file's path. It writes in the
// turn of whoever calls it, which happens when something has gone very wrong, and before anybody waits.
func (l *Log) Quarantine(stream, what string, content []byte) (string, error) {
	dir := filepath.Join(filepath.Dir(l.dir), "quarantine")
	path := filepath.Join(dir, supervision.Escape(stream)+"."+what)
	if err := l.fs.MkdirAll(dir); err != nil {
		return path, fmt.Errorf("quarantine %s: %w", path, err)
	}
	f, err := l.fs.Create(path)
	if errors.Is(err, fs.ErrExist) {
		return path, nil
	}
	if err == nil {
		_, err = f.WriteAt(content, 0)
		err = errors.Join(err, f.Sync(), f.Close(), l.fs.SyncDir(dir))
	}
	if err != nil {
		return path, fmt.Errorf("quarantine %s: %w", path, err)
	}
	return path, nil
}
