package journal

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"warren/persistence/vfs"
)

// busy is a journal in which segments are recycled and used again all the time.
type busy struct {
	t    *testing.T
	j    *Journal
	kept StreamID
	s    StreamID
	next uint64
}

func newBusy(t *testing.T, mem *vfs.Memory) *busy {
	b := &busy{t: t, j: open1(t, mem, testOptions())}
	b.kept, b.s = b.j.Stream("kept"), b.j.Stream("s")
	must(t, b.j.Append(b.kept, 1, 0, Messages, []byte("kept")))
	b.work(60)
	return b
}

// work appends and settles a kilobyte at a time.
func (b *busy) work(n int) {
	b.t.Helper()
	for range n {
		must(b.t, b.j.Append(b.s, 1, b.next, Event, make([]byte, 1000)))
		b.next++
		if b.next%20 == 0 {
			must(b.t, b.j.Checkpoint(b.s, 1, b.next, nil))
		}
		commit(b.t, b.j)
		_, err := b.j.Clean(1 << 20)
		must(b.t, err)
	}
}

// A broker that recycles segments while they are read: no damage is made up, and a directory that never holds still is an error that
// says so.
func TestVerifyOfARunningBroker(t *testing.T) {
	mem := vfs.NewMemory()
	b := newBusy(t, mem)
	for calm := range 12 { // opens of files until the broker has nothing to do
		opens := 0
		fs := vfs.NewFaulty(mem)
		fs.Watch(func(vfs.Op, string) error {
			if opens++; opens <= calm {
				b.work(25)
			}
			return nil
		})
		recovery, err := Verify(fs, testDir)
		if err != nil || !recovery.Intact() || recovery.Streams != 2 {
			t.Fatalf("calm after %d opens: %v\n%s", calm, err, &recovery)
		}
	}
	fs := vfs.NewFaulty(mem)
	fs.Watch(func(vfs.Op, string) error { b.work(25); return nil })
	if _, err := Verify(fs, testDir); err == nil || !strings.Contains(err.Error(), "too busy") {
		t.Errorf("never calm: %v", err)
	}
	// Damage is damage, also where nothing moves.
	names, _ := mem.List(testDir)
	f, err := mem.Open(testDir + "/" + segmentsAmong(names)[0])
	must(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{7}, 600), 4200)
	must(t, err)
	if recovery, err := Verify(mem, testDir); err != nil || recovery.Intact() {
		t.Errorf("damaged: %v\n%s", err, &recovery)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestDumpOfARunningBroker(t *testing.T) {
	mem := vfs.NewMemory()
	b := newBusy(t, mem)
	var out bytes.Buffer
	lines := 0
	_, err := Dump(mem, testDir, writerFunc(func(p []byte) (int, error) {
		if lines++; lines < 15 {
			b.work(25)
		}
		return out.Write(p)
	}))
	must(t, err)
	kept := 0
	for line := range bytes.Lines(out.Bytes()) {
		var d Dumped
		must(t, json.Unmarshal(line, &d))
		if d.Error != "" {
			t.Errorf("%s %d: %s", d.Name, d.Index, d.Error)
		}
		if d.Name == "kept" {
			kept++
		}
	}
	if kept == 0 {
		t.Error("what was there all the time is missing")
	}
}
