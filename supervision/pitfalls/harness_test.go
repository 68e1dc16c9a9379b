package pitfalls

import (
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

func quietSystem() *actor.ActorSystem {
	return actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.DiscardHandler)
	}))
}

// diary is what the actors of a test write down, in order.
type diary struct {
	mu    sync.Mutex
	words []string
}

func (d *diary) add(format string, a ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.words = append(d.words, fmt.Sprintf(format, a...))
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.words, " ")
}

// becomes waits until the diary reads like that.
func (d *diary) becomes(t *testing.T, want string) {
	t.Helper()
	eventually(t, want, func() bool { return d.String() == want || len(d.String()) > len(want) })
	if got := d.String(); got != want {
		t.Fatalf("behaviour changed: %q, was %q", got, want)
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("behaviour changed, no longer: %s", what)
}

// never gives something that does not happen the time to happen.
func never(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if f() {
			t.Fatalf("behaviour changed, now: %s", what)
		}
	}
}

// supervised spawns a parent with one child and that strategy.
func supervised(s *actor.ActorSystem, kid *actor.Props, strategy actor.SupervisorStrategy, onTerminated func()) (parentPID, kidPID *actor.PID) {
	spawned := make(chan *actor.PID, 1)
	parentPID = s.Root.Spawn(actor.PropsFromFunc(func(c actor.Context) {
		switch c.Message().(type) {
		case *actor.Started:
			spawned <- c.Spawn(kid)
		case *actor.Terminated:
			if onTerminated != nil {
				onTerminated()
			}
		}
	}, actor.WithSupervisor(strategy)))
	return parentPID, <-spawned
}

func restarting() actor.SupervisorStrategy {
	return actor.NewOneForOneStrategy(100, time.Second, actor.DefaultDecider)
}

func always(d actor.Directive) actor.SupervisorStrategy {
	return actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return d })
}

// child runs body in a process of its own, for faults that end the process or never end. It returns what it printed and
// whether it succeeded; a body that returns does.
func child(t *testing.T, body func()) (out string, ok bool) {
	t.Helper()
	const key = "WARREN_PITFALL"
	if os.Getenv(key) != "" {
		body()
		os.Exit(0)
	}
	this := "^" + strings.ReplaceAll(t.Name(), "/", "$/^") + "$"
	cmd := exec.Command(os.Args[0], "-test.run", this)
	cmd.Env = append(os.Environ(), key+"=1")
	b, err := cmd.CombinedOutput()
	return string(b), err == nil
}

func cpuTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// burns reports whether something keeps a processor busy. On a machine that others use too it may get little of one, so it
// has time to show; a process that only waits does not use that much in all of it.
func burns() bool {
	before := cpuTime()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if cpuTime()-before > 100*time.Millisecond {
			return true
		}
	}
	return false
}
