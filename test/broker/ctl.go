package broker

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const ctlLimit = 20 * time.Second

// Ctl runs warrenctl against this broker and returns what it printed.
func (b *Broker) Ctl(t testing.TB, args ...string) []byte {
	t.Helper()
	out, err := b.TryCtl(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TryCtl is Ctl for a command that may fail; the error holds what it printed.
func (b *Broker) TryCtl(t testing.TB, args ...string) ([]byte, error) {
	t.Helper()
	if !b.Own() {
		return nil, errExternal
	}
	binary := Binary(t, "warrenctl", false) // which may have to be built
	ctx, cancel := context.WithTimeout(context.Background(), ctlLimit)
	defer cancel()
	c := exec.CommandContext(ctx, binary, append([]string{"--data-dir", b.DataDir}, args...)...)
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		return out, fmt.Errorf("warrenctl %s: %w\n%s%s", strings.Join(args, " "), err, out, &stderr)
	}
	return out, nil
}

// Rows runs a listing command and returns its rows.
func Rows[T any](t testing.TB, b *Broker, args ...string) []T {
	t.Helper()
	out := b.Ctl(t, append(args, "--formatter=json")...)
	var rows []T
	if err := json.Unmarshal(out, &rows); err != nil {
		t.Fatalf("warrenctl %s printed no JSON rows: %v\n%s", strings.Join(args, " "), err, out)
	}
	return rows
}

// Actor is a row of `warrenctl actors tree`, as far as tests look at it.
type Actor struct {
	Path        string `json:"path"`
	Kind        string `json:"kind"`
	Incarnation uint64 `json:"incarnation"`
	Restarts    uint64 `json:"restarts"`
}

// Actors is the supervision tree.
func (b *Broker) Actors(t testing.TB) []Actor {
	t.Helper()
	return Rows[Actor](t, b, "actors", "tree")
}

// Crash makes the actor at path panic in its next turn.
func (b *Broker) Crash(t testing.TB, path string) {
	t.Helper()
	b.Ctl(t, "actors", "crash", path)
}
