package broker

import (
	"fmt"
	"os"
	"sync"
	"testing"
)

// shared is the one broker most tests of a package use; it starts with the first that asks.
var shared struct {
	once   sync.Once
	broker *Broker
	err    error

	mu     sync.Mutex
	faults []string
}

// Shared returns the package's broker. Tests that use it name their queues and exchanges after themselves.
func Shared(t testing.TB) *Broker {
	t.Helper()
	shared.once.Do(func() { shared.broker, shared.err = startShared() })
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the shared broker's log ends with:\n%s", shared.broker.Log())
		}
	})
	return shared.broker
}

func startShared() (*Broker, error) {
	if addr, given := External(); given {
		return &Broker{Addr: addr}, nil
	}
	dir, err := os.MkdirTemp("", "warren-data-")
	if err != nil {
		return nil, err
	}
	return start(options{race: RaceEnabled, dataDir: dir}, func(s string) {
		shared.mu.Lock()
		defer shared.mu.Unlock()
		shared.faults = append(shared.faults, s)
	})
}

// Main is the body of a package's TestMain: it ends the shared broker and fails the run if it did not live, or end, as it should.
func Main(m *testing.M) int {
	defer removeBinaries()
	code := m.Run()
	if b := shared.broker; b != nil && b.Own() {
		b.end()
		b.removeDataDir()
	}
	shared.mu.Lock()
	defer shared.mu.Unlock()
	for _, fault := range shared.faults {
		fmt.Fprintln(os.Stderr, "FAIL: the shared broker:", fault)
		code = max(code, 1)
	}
	return code
}
