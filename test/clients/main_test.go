// Package clients runs other people's AMQP clients through one transcript: declare, bind, publish, confirm, get, consume, ack, nack,
// return, purge, delete, an error that closes the channel and not the connection, close. Whatever the client, the broker must make it
// print the same lines.
package clients

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"warren/test/broker"
)

func TestMain(m *testing.M) { os.Exit(broker.Main(m)) }

const (
	installLimit = 10 * time.Minute
	scriptLimit  = time.Minute
)

// installed runs install.sh once. A client that cannot be had fails the tests: a skipped one would prove nothing.
var installed = sync.OnceValue(func() error {
	ctx, cancel := context.WithTimeout(context.Background(), installLimit)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "./install.sh").CombinedOutput(); err != nil {
		return fmt.Errorf("install.sh: %w\n%s", err, out)
	}
	return nil
})

// run runs a client's program and returns what it printed.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	if err := installed(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), scriptLimit)
	defer cancel()
	c := exec.CommandContext(ctx, program, args...)
	modules, err := filepath.Abs(".installed/node/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	c.Env = append(os.Environ(), "NODE_PATH="+modules, "PYTHONDONTWRITEBYTECODE=1")
	var out, errors bytes.Buffer
	c.Stdout, c.Stderr = &out, &errors
	if err := c.Run(); err != nil {
		t.Fatalf("%s %v: %v\n%s\n%s", program, args, err, out.String(), errors.String())
	}
	return out.String()
}

// address splits the broker's address for clients that take it in two.
func address(t *testing.T) (host, port string) {
	t.Helper()
	host, port, err := net.SplitHostPort(broker.Shared(t).Addr)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// transcript compares what a client printed with what every client prints.
func transcript(t *testing.T, got string) {
	t.Helper()
	want, err := os.ReadFile("testdata/transcript.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Fatalf("printed\n%s\nwant\n%s", got, want)
	}
}
