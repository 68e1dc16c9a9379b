package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// rabbitmqctl's export_definitions and import_definitions: a file, or - for the standard streams. What stood in the file before stays
// until all of the new one is there.
func TestDefinitionsByFile(t *testing.T) {
	_, dir := start(t)
	file := filepath.Join(t.TempDir(), "d.json")
	if err := os.WriteFile(file, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	code, out, errOut := ctlRun("--data-dir", dir, "export_definitions", file)
	if want := `Exporting definitions in JSON to a file at "` + file + `" ...` + "\n"; code != 0 || out != want {
		t.Errorf("exit code %d, %q, %s", code, out, errOut)
	}
	if b, err := os.ReadFile(file); err != nil || string(b) != exported {
		t.Errorf("%d bytes in the file, %v", len(b), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(file)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if _, out, _ := ctlRun("--data-dir", dir, "export_definitions", "-"); out != exported {
		t.Errorf("%d bytes on the standard output", len(out))
	}

	code, out, errOut = ctlRun("--data-dir", dir, "import_definitions", file)
	if code != 0 || !strings.HasSuffix(out, "1 exchanges, 2 queues and 3 bindings are there\n") {
		t.Errorf("exit code %d, %q, %s", code, out, errOut)
	}
	if err := os.WriteFile(file, []byte("bad"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errOut := ctlRun("--data-dir", dir, "import_definitions", file); code != exitDataError || errOut != "Error:\nthe definitions are no good\n" {
		t.Errorf("exit code %d, %s", code, errOut)
	}
	if code, _, _ := ctlRun("--data-dir", dir, "import_definitions", file+".not"); code != exitDataError {
		t.Errorf("a file that is not there: exit code %d", code)
	}
}
