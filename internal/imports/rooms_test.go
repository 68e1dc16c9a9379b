package imports

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module = "warren"
	top    = "../.."
)

// docs/ARCHITECTURE.md "Rooms": imports follow the message's way, and none goes back. Test files obey as well: a queue that needs
// a session to be tested has a rule in the wrong place.
func TestImportsFollowTheMessage(t *testing.T) {
	files := 0
	err := filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() && path != top && (ignored(name) || name == "testdata" || name == "node_modules") {
			return filepath.SkipDir
		}
		if entry.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		files++
		return checkFile(t, path)
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 20 {
		t.Errorf("only %d files read: this is not the repository", files)
	}
}

func checkFile(t *testing.T, path string) error {
	relative, err := filepath.Rel(top, path)
	if err != nil {
		return err
	}
	from := filepath.ToSlash(filepath.Dir(relative))
	if _, found := roomOf(from); !found {
		t.Errorf("%s is in no room of internal/imports/rooms.go", relative)
		return nil
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
	if err != nil {
		return err
	}
	for _, spec := range file.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		if to, ours := strings.CutPrefix(name, module+"/"); ours && !allowed(from, to) {
			t.Errorf("%s imports %s: that goes against the stream (internal/imports/rooms.go)", relative, name)
		}
	}
	return nil
}

// docs/ARCHITECTURE.md "Rooms": the top-level folders are the owner's, and a new one is agreed first.
func TestTopLevelFolders(t *testing.T) {
	entries, err := os.ReadDir(top)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); entry.IsDir() && !ignored(name) && !slices.Contains(folders, name) {
			t.Errorf("%s is no agreed folder (internal/imports/rooms.go)", name)
		}
	}
}

// ignored folders are git's and the tools'.
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || name == "build"
}

// The table itself: what it must refuse, whatever is added to it.
func TestTheTable(t *testing.T) {
	for _, edge := range []struct {
		from, to string
		want     bool
	}{
		{"actors/connection", "actors/channel", true},
		{"actors/connection", "actors/session", true},
		{"actors/channel", "actors/session", true},
		{"actors/session", "actors/exchange", true},
		{"actors/session", "actors/vhost", true},
		{"actors/exchange", "actors/queue", true},
		{"actors/vhost", "actors/queue", true},
		{"actors/queue", "actors/queue/ready", true},
		{"actors/queue", "persistence/journal", true},
		{"persistence/journal", "persistence/segment", true},
		{"supervision/tree", "actors/connection", true},
		{"cmd/warren", "supervision/tree", true},
		{"plugins/mqtt", "actors/session", true},

		{"actors/channel", "actors/connection", false},
		{"actors/session", "actors/channel", false},
		{"actors/exchange", "actors/session", false},
		{"actors/exchange", "actors/vhost", false},
		{"actors/queue", "actors/exchange", false},
		{"actors/queue/ready", "actors/queue", false},
		{"actors/queue/ready", "persistence/journal", false},
		{"actors/queue/ready", "persistence/cold", false},
		{"actors/queue/ready", "supervision", false},
		{"actors/queue", "supervision/tree", false},
		{"actors/vhost", "actors/session", false},
		{"actors/queue", "internal/admin", false},
		{"actors/connection", "cmd/warren", false},
		{"actors/connection", "internal/config", false},
		{"persistence/journal", "actors/queue", false},
		{"protocol/amqp091", "supervision", false},
		{"protocol", "actors/queue", false},
		{"supervision", "supervision/tree", false},
		{"supervision", "protocol", false},
		{"supervision", "persistence", false},
		{"plugins/mqtt", "actors/channel", false},
		{"internal/admin", "actors/queue", false},
		{"cmd/warren-perf", "actors/queue", false},
		{"cmd/warren", "cmd/warrenctl", false},
		{"cellar", "protocol", false},
	} {
		if got := allowed(edge.from, edge.to); got != edge.want {
			t.Errorf("%s -> %s: got %v, want %v", edge.from, edge.to, got, edge.want)
		}
	}
}
