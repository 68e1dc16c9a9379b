package alarm

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"warren/supervision"
)

// watched is a monitor that runs, and what it asked of queues.
type watched struct {
	memory *Memory
	rss    atomic.Int64
	mu     sync.Mutex
	sweeps []bool
	system *supervision.System
}

func watch(t *testing.T, age time.Duration) *watched {
	w := &watched{memory: NewMemory(Marks{1000, 500}, Policy{}), system: supervision.NewSystem(zerolog.Nop())}
	m := &Monitor{Memory: w.memory, RSS: w.rss.Load, Age: age, System: w.system, Log: zerolog.Nop(), Rest: func() {}, Sweep: func(pressed bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.sweeps = append(w.sweeps, pressed)
	}}
	if err := w.system.Start("top", supervision.Spec{Limit: supervision.Limit{Restarts: 9, Within: time.Second}, Children: []supervision.ChildSpec{
		{ID: "alarms", Kind: "alarms", Restart: supervision.Permanent, Shutdown: time.Second, New: m.New},
	}}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *watched) swept(t *testing.T, want ...bool) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.sweeps, want) {
		t.Fatalf("sweeps %v, want %v", w.sweeps, want)
	}
}

func TestMonitor(t *testing.T) {
	// looked at every second, and again after a crash. Queues hear at once that memory is short, and again in case that
	// was lost; idle ones hear that time goes by.
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, time.Minute)
		defer w.system.Stop()
		w.rss.Store(2000)
		time.Sleep(relaxed + 1)
		synctest.Wait()
		if !w.memory.Raised() {
			t.Fatal("no alarm")
		}
		w.rss.Store(100)
		time.Sleep(alert + 1)
		synctest.Wait()
		if w.memory.Raised() {
			t.Fatal("the alarm stays up")
		}
		w.swept(t, true)
		w.memory.Resident(450)
		time.Sleep(relaxed)
		synctest.Wait()
		w.swept(t, true, true)
		time.Sleep(sweepAgain + relaxed)
		synctest.Wait()
		w.swept(t, true, true, true)
		w.memory.Resident(-450)
		time.Sleep(time.Minute + relaxed)
		synctest.Wait()
		w.swept(t, true, true, true, false)

		if err := w.system.Crash("top/alarms", true); err != nil {
			t.Fatal(err)
		}
		w.rss.Store(2000)
		time.Sleep(2 * relaxed)
		synctest.Wait()
		if !w.memory.Raised() {
			t.Fatal("no alarm after a crash")
		}
	})
}
