package broker

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// binaries holds what this test process has built; `go build` itself caches across processes.
var binaries struct {
	sync.Mutex
	dir   string
	built map[variant]result
}

// variant of a command, with or without the race detector.
type variant struct {
	command string
	race    bool
}

type result struct {
	path string
	err  error
}

// Binary returns the path of a built command of the project, e.g. "warren" or "warrenctl".
func Binary(t testing.TB, command string, race bool) string {
	t.Helper()
	r := binary(command, race)
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.path
}

func binary(command string, race bool) result {
	binaries.Lock()
	defer binaries.Unlock()
	key := variant{command, race}
	if r, done := binaries.built[key]; done {
		return r
	}
	if binaries.built == nil {
		binaries.built = map[variant]result{}
	}
	r := build(command, race)
	binaries.built[key] = r
	return r
}

func build(command string, race bool) result {
	if binaries.dir == "" {
		dir, err := os.MkdirTemp("", "warren-test-")
		if err != nil {
			return result{err: err}
		}
		binaries.dir = dir
	}
	path := filepath.Join(binaries.dir, command)
	args := []string{"build"}
	if race {
		path += "-race"
		args = append(args, "-race")
	}
	args = append(args, "-o", path, "./cmd/"+command)
	c := exec.Command("go", args...)
	c.Dir = Root()
	if out, err := c.CombinedOutput(); err != nil {
		return result{err: fmt.Errorf("go %v: %w\n%s", args, err, out)}
	}
	return result{path: path}
}

// Root is the project's folder.
func Root() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

func removeBinaries() {
	binaries.Lock()
	defer binaries.Unlock()
	if binaries.dir != "" {
		os.RemoveAll(binaries.dir)
	}
}
