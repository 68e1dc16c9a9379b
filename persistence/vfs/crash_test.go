package vfs

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"syscall"
	"testing"
)

func write(t *testing.T, f File, off int64, s string) {
	t.Helper()
	_, err := f.WriteAt([]byte(s), off)
	must(t, err)
}

func read(t *testing.T, m *Memory, path string) string {
	t.Helper()
	b, err := ReadAll(m, path)
	if err != nil {
		return "!" + err.Error()
	}
	return string(b)
}

// POSIX: bytes survive fsync of the file, names survive fsync of the directory, and nothing else has to.
func TestCrashKeepsWhatWasSynced(t *testing.T) {
	m := NewMemory()
	f, err := m.Create("d/a")
	must(t, err)
	write(t, f, 0, "one")
	must(t, f.Sync())
	if got := read(t, m.Crash(nil), "d/a"); got[0] != '!' {
		t.Errorf("name that was not synced: %q", got)
	}
	must(t, m.SyncDir("d"))
	write(t, f, 0, "two, longer")
	if got := read(t, m.Crash(nil), "d/a"); got != "one" {
		t.Errorf("bytes that were not synced: %q", got)
	}
	if got := read(t, m.Kill(), "d/a"); got != "two, longer" {
		t.Errorf("after the end of the process: %q", got)
	}
	if got := read(t, m.Kill().Crash(nil), "d/a"); got != "one" {
		t.Errorf("after the end of the process and a power failure: %q", got)
	}
	must(t, m.Rename("d/a", "d/b"))
	c := m.Crash(nil)
	if got := read(t, c, "d/a"); got != "one" {
		t.Errorf("rename that was not synced: %q", got)
	}
	must(t, m.SyncDir("d"))
	must(t, m.SyncDir("elsewhere"))
	c = m.Crash(nil)
	if got := read(t, c, "d/b") + read(t, c, "d/a"); got[:4] != "one!" {
		t.Errorf("rename that was synced: %q", got)
	}
	must(t, m.Remove("d/b"))
	if got := read(t, m.Crash(nil), "d/b"); got != "one" {
		t.Errorf("removal that was not synced: %q", got)
	}
}

// A power failure tears a write at sectors: each is old or new, in any combination, and the synced ones stay.
func TestCrashTearsSectors(t *testing.T) {
	m := NewMemory()
	f, _ := m.Create("d/a")
	must(t, m.SyncDir("d"))
	write(t, f, 0, string(bytes.Repeat([]byte("o"), 8*SectorBytes)))
	must(t, f.Sync())
	write(t, f, 2*SectorBytes, string(bytes.Repeat([]byte("n"), 4*SectorBytes)))
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	for range 400 {
		got := read(t, m.Crash(r), "d/a")
		pattern := ""
		for s := 0; s < 8; s++ {
			sector := got[s*SectorBytes : (s+1)*SectorBytes]
			if sector != string(bytes.Repeat([]byte(sector[:1]), SectorBytes)) {
				t.Fatalf("sector %d is neither old nor new", s)
			}
			pattern += sector[:1]
		}
		if pattern[:2]+pattern[6:] != "oooo" {
			t.Fatalf("synced sectors changed: %s", pattern)
		}
		seen[pattern] = true
	}
	if len(seen) != 16 {
		t.Errorf("%d of 16 combinations", len(seen))
	}
}

// The crash clone of an equal state with equal randomness is equal, or a failure could not be looked at twice.
func TestCrashIsRepeatable(t *testing.T) {
	m := NewMemory()
	for _, name := range []string{"d/a", "d/b", "d/c"} {
		f, _ := m.Create(name)
		write(t, f, 0, string(bytes.Repeat([]byte(name), 5000)))
	}
	one, two := m.Crash(rand.New(rand.NewPCG(3, 4))), m.Crash(rand.New(rand.NewPCG(3, 4)))
	for _, name := range []string{"d/a", "d/b", "d/c"} {
		if read(t, one, name) != read(t, two, name) {
			t.Errorf("%s differs", name)
		}
	}
}

// Linux marks pages clean when their writing failed: a second fsync succeeds and has written nothing.
func TestFailedSyncForgets(t *testing.T) {
	m := NewMemory()
	y := NewFaulty(m)
	f, err := y.Create("d/a")
	must(t, err)
	must(t, y.SyncDir("d"))
	write(t, f, 0, "bytes")
	y.FailNth(OpSync, 1, syscall.EIO)
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Fatalf("sync: %v", err)
	}
	must(t, f.Sync())
	if got := read(t, m.Crash(nil), "d/a"); got != "" {
		t.Errorf("after a sync that failed and one that did not: %q", got)
	}
}

// A full disk takes the part that fits, and what is inside of a file still has room.
func TestLimit(t *testing.T) {
	m := NewMemory()
	y := NewFaulty(m)
	f, _ := y.Create("d/a")
	y.Limit(1000)
	if err := f.Preallocate(1001); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("preallocate: %v", err)
	}
	must(t, f.Preallocate(600))
	if free, _ := y.Free("d"); free != 400 {
		t.Errorf("free: %d", free)
	}
	write(t, f, 100, "inside")
	n, err := f.WriteAt(make([]byte, 500), 590)
	if n != 410 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write over the limit: %d, %v", n, err)
	}
	y.Heal()
	write(t, f, 5000, "room again")
}

// Watch sees every call ahead of it, and its error is the call's.
func TestWatch(t *testing.T) {
	m := NewMemory()
	y := NewFaulty(m)
	var got []Op
	stop := errors.New("stop")
	y.Watch(func(op Op, _ string) error {
		got = append(got, op)
		if op == OpRename {
			return stop
		}
		return nil
	})
	f, _ := y.Create("d/a")
	write(t, f, 0, "x")
	must(t, f.Sync())
	if err := y.Rename("d/a", "d/b"); !errors.Is(err, stop) {
		t.Errorf("rename: %v", err)
	}
	want := []Op{OpCreate, OpWrite, OpSync, OpRename}
	if len(got) != len(want) {
		t.Fatalf("saw %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("saw %v, want %v", got, want)
		}
	}
}
