package journal

import (
	"fmt"

	"warren/persistence/vfs"
)

// Verify reads every record of a directory and changes nothing. It takes no lock: in a directory that a broker is writing to, the
// newest group may look torn, and a segment that is recycled meanwhile is an error that the next try does not have.
func Verify(fs vfs.FS, dir string) (Recovery, error) {
	l := &loader{fs: fs, dir: dir, full: true, readOnly: true, progress: func(Progress) {}}
	defer l.close()
	if err := l.load(); err != nil {
		return l.recovery, fmt.Errorf("journal: verify %s: %w", dir, err)
	}
	buildIndex(l)
	return l.recovery, nil
}
