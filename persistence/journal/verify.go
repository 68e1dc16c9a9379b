package journal

import (
	"fmt"
	"slices"

	"warren/persistence/segment"
	"warren/persistence/vfs"
)

// Verify reads every record of a directory and changes nothing. It takes no lock: in a directory that a broker is writing to, the
// newest group may look torn.
func Verify(fs vfs.FS, dir string) (Recovery, error) {
	l, err := look(fs, dir, false, func(l *loader) { buildIndex(l) })
	if err != nil {
		return Recovery{}, fmt.Errorf("journal: verify %s: %w", dir, err)
	}
	l.close()
	return l.recovery, nil
}

// looks is how often a directory is read whose segments come and go.
const looks = 20

var errBusy = fmt.Errorf("segments came and went each of the %d times that it was read: the broker is too busy", looks)

// look reads a directory without its lock. A segment that is recycled under the reader's eyes looks like damage, or like one that is
// missing, and so does one that came after the list was read: what was found then counts only if the list is the same afterwards.
func look(fs vfs.FS, dir string, keep bool, further func(*loader)) (*loader, error) {
	for range looks {
		l := &loader{fs: fs, dir: dir, full: true, readOnly: true, progress: func(Progress) {}, paging: &defaultPaging, gathered: map[StreamID]*gathered{}, keep: keep}
		err := l.load()
		if err == nil {
			further(l)
			if l.recovery.Intact() {
				return l, nil
			}
		}
		moved, listErr := l.moved()
		switch {
		case listErr != nil:
			err = listErr
		case moved:
			l.close()
			continue
		case err == nil:
			return l, nil
		}
		l.close()
		return nil, err
	}
	return nil, errBusy
}

// moved says whether there are other segments by now than were listed.
func (l *loader) moved() (bool, error) {
	names, err := l.fs.List(l.dir)
	return !slices.Equal(segmentsAmong(names), l.listed), err
}

// gone says whether a segment has been recycled meanwhile: nothing in it is needed.
func (l *loader) gone(f *file) bool {
	names, err := l.fs.List(l.dir)
	return err == nil && !slices.Contains(names, f.name)
}

func segmentsAmong(names []string) []string {
	var out []string
	for _, name := range names {
		if _, _, ok := segment.ParseName(name); ok {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
