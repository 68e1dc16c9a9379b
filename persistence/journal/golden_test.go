package journal

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"warren/persistence/vfs"
)

var update = flag.Bool("update", false, "write testdata anew; only for a format that was never released")

// What this version writes, and what the first one wrote.
const (
	goldenDir = "testdata/v2"
	firstDir  = "testdata/v1"
)

// STYLE "Disk and wire": a directory of version 1 opens in every later version. It holds two streams, a checkpoint, released
// messages, a removed stream, copies that cleaning compressed, and a segment without a footer, as kill -9 leaves one.
func TestFirstDirectoryOpens(t *testing.T) { opens(t, firstDir, 0) }

func TestDirectoryOpens(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	opens(t, goldenDir, goldenSummary)
}

func opens(t *testing.T, dir string, summary int) {
	mem := vfs.NewMemory()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
		f, err := mem.Create(filepath.Join(testDir, e.Name()))
		must(t, err)
		_, err = f.WriteAt(b, 0)
		must(t, err)
	}
	verified, err := Verify(mem, testDir)
	must(t, err)
	j := open1(t, mem, testOptions())
	if !verified.Intact() || verified.Streams != 2 {
		t.Errorf("verify: %s", &verified)
	}
	orders, ok := j.Lookup("/ queue orders")
	if !ok {
		t.Fatal("no orders")
	}
	snap, ok, err := j.Snapshot(orders)
	if !ok || err != nil || snap.Index != 40 || string(snap.Payload) != "40 events" {
		t.Errorf("checkpoint %+v %v %v", snap, ok, err)
	}
	var want []string
	for _, i := range goldenLeft {
		want = append(want, fmt.Sprintf("%d:%s", i, goldenBody(i)))
	}
	if got := events(t, j, orders, 0); !slices.Equal(got, want) {
		t.Errorf("orders %.80q", got)
	}
	found, err := j.Found(orders)
	must(t, err)
	i := 0
	for f := range found.All() {
		if f.Index != goldenLeft[i] || f.Kind != Messages || string(f.Summary) != string(goldenBody(f.Index)[:summary]) {
			t.Errorf("found %+v", f)
		}
		i++
	}
	if i != len(goldenLeft) || found.Len() != i {
		t.Errorf("found %d", i)
	}
	vhost, _ := j.Lookup("/")
	if got := events(t, j, vhost, 0); !slices.Equal(got, []string{"0:declared orders", "1:deleted old"}) {
		t.Errorf("vhost %q", got)
	}
	if _, ok := j.Lookup("/ queue old"); ok {
		t.Error("the removed stream is back")
	}
}

var goldenLeft = []uint64{3, 17, 40, 41}

const goldenSummary = len("order 1")

func goldenBody(i uint64) []byte {
	return append(fmt.Appendf(nil, "order %d ", i), bytes.Repeat([]byte("carrots "), 40)...)
}

func writeGolden(t *testing.T) {
	now := time.Unix(1_700_000_000, 0).UTC()
	opt := Options{SegmentBytes: 8 << 10, Spare: 1, Now: func() time.Time { return now }}
	mem := vfs.NewMemory()
	j := open1(t, mem, opt)
	vhost, old, orders := j.Stream("/"), j.Stream("/ queue old"), j.Stream("/ queue orders")
	must(t, j.Append(vhost, 1, 0, Event, []byte("declared orders")))
	must(t, j.Append(old, 1, 0, Messages, []byte("never seen again")))
	for i := range uint64(42) {
		must(t, j.AppendSummarized(orders, 1, i, Messages, goldenSummary, goldenBody(i)))
		if !slices.Contains(goldenLeft, i) {
			must(t, j.Release(orders, i))
		}
		if i == 40 {
			must(t, j.Checkpoint(orders, 1, 40, []byte("40 events")))
		}
		commit(t, j)
	}
	must(t, j.Append(vhost, 1, 1, Event, []byte("deleted old")))
	must(t, j.Remove(old))
	commit(t, j)
	for more := true; more; {
		c, err := j.Clean(1 << 20)
		must(t, err)
		more = c.More
	}
	if j.Stats().Copied == 0 {
		t.Fatal("nothing was copied")
	}
	left := mem.Kill()
	must(t, os.RemoveAll(goldenDir))
	must(t, os.MkdirAll(goldenDir, 0o755))
	names, _ := left.List(testDir)
	for _, name := range names {
		b, err := vfs.ReadAll(left, filepath.Join(testDir, name))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(goldenDir, name), b, 0o644))
	}
}
