package vfs

import (
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"testing"
)

// What the journal takes for granted of a file system, whichever it is.
func TestContract(t *testing.T) {
	for _, c := range []struct {
		name string
		fs   FS
	}{
		{"os", OS{}},
		{"memory", NewMemory()},
		{"faulty over memory", NewFaulty(NewMemory())},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "journal")
			must(t, c.fs.MkdirAll(dir))
			contract(t, c.fs, dir)
			lockContract(t, c.fs, filepath.Join(dir, "lock"))
		})
	}
}

func contract(t *testing.T, fsys FS, dir string) {
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if _, err := fsys.Open(a); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open of nothing: %v", err)
	}
	f, err := fsys.Create(a)
	must(t, err)
	if _, err := fsys.Create(a); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create over a file: %v", err)
	}
	must(t, f.Preallocate(5000))
	if size, _ := f.Size(); size != 5000 {
		t.Errorf("size after preallocation: %d", size)
	}
	must(t, f.Preallocate(100))
	_, err = f.WriteAt([]byte("hello"), 4998)
	must(t, err)
	if size, _ := f.Size(); size != 5003 {
		t.Errorf("size after a write over the end: %d", size)
	}
	must(t, f.Sync())
	got := make([]byte, 8)
	if n, err := f.ReadAt(got, 4996); n != 7 || !errors.Is(err, io.EOF) || string(got[:n]) != "\x00\x00hello" {
		t.Errorf("read over the end: %q, %v", got[:n], err)
	}
	if n, err := f.ReadAt(got, 9000); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("read behind the end: %d, %v", n, err)
	}
	must(t, f.Truncate(6000))
	if n, err := f.ReadAt(got, 5994); n != 6 || !errors.Is(err, io.EOF) || string(got[:n]) != "\x00\x00\x00\x00\x00\x00" {
		t.Errorf("read of what was made longer: %q, %v", got[:n], err)
	}
	must(t, f.Truncate(5000))
	_, err = f.WriteAt([]byte("!"), 5004)
	must(t, err)
	if n, err := f.ReadAt(got, 4998); n != 7 || !errors.Is(err, io.EOF) || string(got[:n]) != "he\x00\x00\x00\x00!" {
		t.Errorf("read of what was cut off and made longer again: %q, %v", got[:n], err)
	}
	_, err = f.WriteAt([]byte("hello"), 4998)
	must(t, err)
	must(t, fsys.Rename(a, b))
	must(t, fsys.SyncDir(dir))
	if names, err := fsys.List(dir); err != nil || !slices.Equal(names, []string{"b"}) {
		t.Errorf("list: %v, %v", names, err)
	}
	r, err := fsys.OpenRead(b)
	must(t, err)
	if _, err := r.WriteAt([]byte("x"), 0); err == nil {
		t.Error("wrote to what is open for reading")
	}
	must(t, r.Close())
	must(t, fsys.Remove(b))
	if err := fsys.Remove(b); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("remove of nothing: %v", err)
	}
	// Whoever has it open goes on.
	if _, err := f.ReadAt(got[:5], 4998); err != nil || string(got[:5]) != "hello" {
		t.Errorf("read of a removed file: %q, %v", got[:5], err)
	}
	must(t, f.Close())
	if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("second close: %v", err)
	}
	if n, err := fsys.Free(dir); err != nil || n <= 0 {
		t.Errorf("free: %d, %v", n, err)
	}
}

// One owner per directory: the second is told who the first is.
func lockContract(t *testing.T, fsys FS, path string) {
	l, err := fsys.Lock(path)
	must(t, err)
	var held *LockedError
	if _, err := fsys.Lock(path); !errors.As(err, &held) || held.PID == 0 {
		t.Errorf("second lock: %v", err)
	}
	must(t, l.Close())
	l, err = fsys.Lock(path)
	must(t, err)
	must(t, l.Close())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
