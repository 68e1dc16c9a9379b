package segment

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"

	"warren/persistence/vfs"
)

var update = flag.Bool("update", false, "write testdata anew; only for a format that was never released")

// What this version writes, and what the first one wrote.
const (
	goldenFile = "testdata/v2.segment"
	firstFile  = "testdata/v1.segment"
)

// STYLE "Disk and wire": files of version 1 open in every later version. The file was written by the first code that there was, and
// is never written again. It has no summaries.
func TestFirstFileOpens(t *testing.T) {
	groups := someGroups()
	groups[1][0].Summary = 0
	opens(t, firstFile, 1, groups)
}

func TestFileOpens(t *testing.T) {
	if *update {
		writeGolden(t)
	}
	opens(t, goldenFile, Version, sharingGroups())
}

func opens(t *testing.T, file string, version uint32, groups [][]Record) {
	f, err := vfs.OS{}.OpenRead(file)
	must(t, err)
	defer f.Close()
	h, err := ReadHeader(f)
	must(t, err)
	want := goldenHeader()
	want.Version = version
	if h != want {
		t.Errorf("header %+v, want %+v", h, want)
	}
	size, _ := f.Size()
	footer, _, err := ReadFooter(f, size, h.Epoch)
	must(t, err)
	scan := ScanFile(f, size, h, Limits{})
	if fmt.Sprint(footer) != fmt.Sprint(scan.Entries) || !scan.Sealed || len(scan.Damage) > 0 {
		t.Errorf("footer %v, scan %+v", footer, scan)
	}
	i := 0
	for _, g := range groups {
		for _, want := range g {
			got, err := NewReader(f, h.Epoch).ReadAt(footer[i])
			must(t, err)
			if fmt.Sprint(got) != fmt.Sprint(asRead(want)) || footer[i].Summary != string(want.Payload[:want.Summary]) {
				t.Errorf("record %d: %v, want %v", i, got, want)
			}
			i++
		}
	}
}

// What this code writes today is what its version is, byte by byte; otherwise it is another version.
func TestFormatIsItsVersion(t *testing.T) {
	want, err := os.ReadFile(goldenFile)
	must(t, err)
	m := vfs.NewMemory()
	_, w := build(t, m, goldenHeader(), sharingGroups()...)
	must(t, w.Seal(42))
	got, err := vfs.ReadAll(m, "segment")
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("the bytes are not those of format %d", Version)
	}
}

func goldenHeader() Header {
	h := testHeader()
	h.Size = 8 << 10
	return h
}

func writeGolden(t *testing.T) {
	m := vfs.NewMemory()
	_, w := build(t, m, goldenHeader(), sharingGroups()...)
	must(t, w.Seal(42))
	b, err := vfs.ReadAll(m, "segment")
	must(t, err)
	must(t, os.WriteFile(goldenFile, b, 0o644))
}
