package persistence

import (
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"warren/persistence/vfs"
)

// DESIGN section 7: the index's file is there with the journal, outlives the actor's incarnations, and means nothing to the next process.
func TestScratchFile(t *testing.T) {
	fs := vfs.NewMemory()
	d := newDesk(t, fs)
	store := d.log.Cold()
	page, err := store.Put("a page")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.sys.Crash("top/journal", false); err != nil {
		t.Fatal(err)
	}
	for heard := false; !heard; { // the crash may take it along
		d.append(record(1))
		select {
		case <-d.heard:
			heard = true
		case <-time.After(20 * time.Millisecond):
		}
	}
	if d.log.Cold() != store || page.Read() != "a page" {
		t.Error("the actor took the file along")
	}

	next := newDesk(t, fs.Kill())
	if got := next.log.Cold().Stats(); got.FileBytes != 0 {
		t.Errorf("the next process finds %+v", got)
	}

	if err := d.sys.Stop(); err != nil {
		t.Fatal(err)
	}
	names, err := fs.List(Dir("data"))
	if err != nil || slices.Contains(names, scratch) || d.log.Cold() != nil {
		t.Errorf("after the end there are %v, %v", names, err)
	}
}

// Where the file cannot be made the broker starts all the same.
func TestNoScratchFile(t *testing.T) {
	fs := vfs.NewFaulty(vfs.NewMemory())
	fs.Watch(func(op vfs.Op, path string) error {
		if op == vfs.OpCreate && filepath.Base(path) == scratch {
			return syscall.ENOSPC
		}
		return nil
	})
	d := newDesk(t, fs)
	d.append(record(1))
	d.durable(1)
	if d.log.Cold() != nil {
		t.Error("there is a file")
	}
}
