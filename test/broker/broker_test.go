package broker

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// impostor puts a shell script in the place of the warren binary.
func impostor(t *testing.T, script string) {
	t.Helper()
	t.Setenv("WARREN_TEST_ADDR", "")
	os.Unsetenv("WARREN_TEST_ADDR")
	path := filepath.Join(t.TempDir(), "warren")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	binaries.Lock()
	defer binaries.Unlock()
	before := binaries.built
	binaries.built = map[variant]result{{"warren", true}: {path: path}, {"warren", false}: {path: path}}
	t.Cleanup(func() { binaries.built = before })
}

const listening = "echo INF listening address=127.0.0.1:1 args=\"$*\"\n"

func TestStartAndStop(t *testing.T) {
	impostor(t, "trap 'echo goodbye; exit 0' TERM\n"+listening+"sleep 100 >/dev/null 2>&1 & wait")
	b := Start(t, Set("a.key", "1"))
	if b.Addr != "127.0.0.1:1" || !strings.Contains(b.Log(), "--data-dir "+b.DataDir+" --set listeners.tcp.default=127.0.0.1:0 --set a.key=1") {
		t.Fatalf("at %s:\n%s", b.Addr, b.Log())
	}
	if b.RSS(t) <= 0 {
		t.Fatal("no memory")
	}
	b.Stop(t)
	if !strings.Contains(b.Log(), "goodbye") {
		t.Fatal(b.Log())
	}
	again := b.Restart(t)
	if again.DataDir != b.DataDir || !strings.Contains(again.Log(), "a.key=1") {
		t.Fatalf("restarted in %s:\n%s", again.DataDir, again.Log())
	}
	again.Kill(t)
}

func TestStartThatFails(t *testing.T) {
	impostor(t, "echo no such key; exit 1")
	_, err := start(options{race: RaceEnabled}, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "no such key") || !strings.Contains(err.Error(), "exit status 1") {
		t.Fatalf("got %v", err)
	}
}

func TestAnEndThatNobodyAskedForIsReported(t *testing.T) {
	end := filepath.Join(t.TempDir(), "end")
	impostor(t, listening+"until test -e "+end+"; do :; done; echo panic: oh dear; exit 2")
	reports := make(chan string, 1)
	b, err := start(options{race: RaceEnabled}, func(s string) { reports <- s })
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(end, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	<-b.Exited()
	select {
	case r := <-reports:
		if !strings.Contains(r, "oh dear") {
			t.Fatal(r)
		}
	case <-time.After(time.Second):
		t.Fatal("nothing reported")
	}
}
