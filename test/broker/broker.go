package broker

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	startLimit = 30 * time.Second // the race detector on a busy machine; a start takes well under a second
	stopLimit  = 20 * time.Second
)

// Broker is a running broker, ours or, with WARREN_TEST_ADDR, another one.
type Broker struct {
	Addr    string
	DataDir string

	options options
	command *exec.Cmd
	log     *logPipe
	exited  chan struct{}
	state   error // of the exit; valid once exited is closed
	started atomic.Bool
	ending  atomic.Bool
	report  func(string)
}

type options struct {
	set     []string
	race    bool
	dataDir string
}

// Option changes how a broker is started.
type Option func(*options)

// Set gives a configuration key, as --set does.
func Set(key, value string) Option {
	return func(o *options) { o.set = append(o.set, key+"="+value) }
}

// NoRace starts the plain binary even when the tests run under the race detector: for figures of time and memory.
func NoRace() Option { return func(o *options) { o.race = false } }

// DataDir starts on an existing data directory.
func DataDir(dir string) Option { return func(o *options) { o.dataDir = dir } }

// Listener is where a listener of a broker of ours is: protocol amqp or amqp/ssl, and its name in the configuration. Addresses are
// in the log in the order of the configuration, and the first of them is all that a start waits for.
func (b *Broker) Listener(t testing.TB, protocol, name string) string {
	t.Helper()
	var address string
	Eventually(t, startLimit, "the broker says where "+protocol+" "+name+" is", func() (bool, any) {
		b.log.mu.Lock()
		defer b.log.mu.Unlock()
		address = b.log.listeners[protocol+" "+name]
		return address != "", b.log.listeners
	})
	return address
}

// External is the address given by WARREN_TEST_ADDR.
func External() (addr string, given bool) { return os.LookupEnv("WARREN_TEST_ADDR") }

// Start runs a broker of its own for one test and ends it with the test.
func Start(t testing.TB, opts ...Option) *Broker {
	t.Helper()
	if addr, given := External(); given {
		t.Skipf("this test needs a broker process of its own; WARREN_TEST_ADDR=%s", addr)
	}
	o := options{race: RaceEnabled}
	for _, opt := range opts {
		opt(&o)
	}
	if o.dataDir == "" {
		o.dataDir = t.TempDir()
	}
	b, err := start(o, func(s string) { t.Error(s) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.end()
		if t.Failed() {
			t.Logf("the broker's log:\n%s", b.log)
		}
	})
	return b
}

// TryStart is Start for a broker that may refuse to start; the error holds what it printed and its exit status.
func TryStart(t testing.TB, opts ...Option) (*Broker, error) {
	t.Helper()
	if addr, given := External(); given {
		t.Skipf("this test needs a broker process of its own; WARREN_TEST_ADDR=%s", addr)
	}
	o := options{race: RaceEnabled}
	for _, opt := range opts {
		opt(&o)
	}
	if o.dataDir == "" {
		o.dataDir = t.TempDir()
	}
	b, err := start(o, func(s string) { t.Error(s) })
	if err == nil {
		t.Cleanup(b.end)
	}
	return b, err
}

// start returns when the broker has said where it listens.
func start(o options, report func(string)) (*Broker, error) {
	built := binary("warren", o.race)
	if built.err != nil {
		return nil, built.err
	}
	args := []string{"--data-dir", o.dataDir, "--set", "listeners.tcp.default=127.0.0.1:0"}
	for _, pair := range o.set {
		args = append(args, "--set", pair)
	}
	b := &Broker{DataDir: o.dataDir, options: o, exited: make(chan struct{}), report: report}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	b.command = exec.Command(built.path, args...)
	b.command.Stdout, b.command.Stderr = w, w
	b.command.Env = append(os.Environ(), "GORACE=halt_on_error=1")
	// A test process that is killed takes its brokers along.
	b.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := b.command.Start(); err != nil {
		return nil, err
	}
	w.Close()
	b.log = newLogPipe(r)
	go b.wait(r)
	select {
	case b.Addr = <-b.log.address:
		b.started.Store(true)
		return b, nil
	case <-b.exited:
		return nil, fmt.Errorf("warren ended at its start: %w\n%s", b.state, b.log)
	case <-time.After(startLimit):
		b.end()
		return nil, fmt.Errorf("warren did not say where it listens within %v:\n%s", startLimit, b.log)
	}
}

// wait notices the end, and says so when nobody asked for it.
func (b *Broker) wait(r *os.File) {
	<-b.log.ended
	r.Close()
	b.state = b.command.Wait()
	if b.started.Load() && !b.ending.Load() {
		b.report(fmt.Sprintf("warren ended by itself: %v\n%s", b.state, b.log))
	}
	close(b.exited)
}

// Stop sends SIGTERM and expects an orderly end with status 0 within the limit.
func (b *Broker) Stop(t testing.TB) {
	t.Helper()
	b.signal(syscall.SIGTERM)
	b.AwaitExit(t, stopLimit)
	if b.state != nil {
		t.Fatalf("warren ended with %v after SIGTERM:\n%s", b.state, b.log)
	}
}

// Signal sends a signal that is meant to end the broker.
func (b *Broker) Signal(s syscall.Signal) { b.signal(s) }

func (b *Broker) signal(s syscall.Signal) {
	b.ending.Store(true)
	_ = b.command.Process.Signal(s) // gone already: AwaitExit sees it
}

// AwaitExit waits for the end of the process.
func (b *Broker) AwaitExit(t testing.TB, limit time.Duration) {
	t.Helper()
	select {
	case <-b.exited:
	case <-time.After(limit):
		_ = b.command.Process.Signal(syscall.SIGQUIT) // its goroutines go into the log
		select {
		case <-b.exited:
		case <-time.After(2 * time.Second):
		}
		t.Fatalf("warren is still running after %v:\n%s", limit, b.log)
	}
}

// Kill is kill -9.
func (b *Broker) Kill(t testing.TB) {
	t.Helper()
	b.signal(syscall.SIGKILL)
	b.AwaitExit(t, stopLimit)
}

// Restart starts another broker on the same data directory, with the same settings and opts after them. The old one must have ended.
func (b *Broker) Restart(t testing.TB, opts ...Option) *Broker {
	t.Helper()
	before := b.options
	same := func(o *options) { *o = before; o.set = slices.Clone(before.set) }
	return Start(t, append([]Option{same}, opts...)...)
}

func (b *Broker) end() {
	if b.command == nil {
		return
	}
	select {
	case <-b.exited:
		return
	default:
	}
	b.signal(syscall.SIGTERM)
	select {
	case <-b.exited:
	case <-time.After(stopLimit):
		b.signal(syscall.SIGKILL)
		<-b.exited
		b.report(fmt.Sprintf("warren did not end within %v of SIGTERM:\n%s", stopLimit, b.log))
	}
}

// Log is the tail of what the broker has logged.
func (b *Broker) Log() string {
	if b.log == nil {
		return "(not our process)"
	}
	return b.log.String()
}

// Exited is closed when the process has ended.
func (b *Broker) Exited() <-chan struct{} { return b.exited }

// URI is the amqp URI of vhost / for guest.
func (b *Broker) URI() string { return "amqp://guest:guest@" + b.Addr + "/" }

// Own tells whether the process is ours, with a data directory and warrenctl.
func (b *Broker) Own() bool { return b.command != nil }

var errExternal = errors.New("not our broker: WARREN_TEST_ADDR is set")

// removeDataDir is for brokers that no test's TempDir cleans after.
func (b *Broker) removeDataDir() { os.RemoveAll(filepath.Clean(b.DataDir)) }
