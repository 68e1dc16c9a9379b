// Package collector says how much garbage there may be before Go's collector runs. It is the process's: there is one of it.
package collector

import (
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
)

const (
	// percent is how much garbage there may be, in percent of what is alive: a broker's heap is small and its garbage large.
	percent = 200
	// most is how many bytes of garbage there may be however little is alive. A broker through which everything passes at once has a few
	// MiB alive: it would collect again and again, and need what it gives back to the system again at once.
	most = 64 << 20
	// smallest is what is alive at least: stacks and globals have a part in the collector's reckoning as well.
	smallest = 2 << 20
	// programBytes is what the program itself takes of the process's memory, which the collector does not count.
	programBytes = 16 << 20
)

// Bound has the collector work before the alarm of memory does, which is up from high bytes of the whole process on; 0 is no bound.
// Below that it runs when there is twice as much garbage as what is alive, and more than 64 MiB of it, or an eighth of high when that
// is less. GOMEMLIMIT and GOGC in the environment are stronger.
func Bound(high int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(limit(high))
	}
	if os.Getenv("GOGC") == "" {
		process.bound(least(high))
	}
}

func limit(high int64) int64 {
	if high <= 0 {
		return math.MaxInt64
	}
	return max(high/2, high-high/8-programBytes)
}

func least(high int64) uint64 {
	if high <= 0 {
		return most
	}
	return uint64(min(most, high/8))
}

// Rest is called now and then. When next to nothing was allocated since the last time, what is garbage goes back to the system, if that
// is worth it: the collector would not look before there is as much again.
func Rest() { process.rest() }

var process = newPacer()

func newPacer() *pacer {
	return &pacer{
		live: []metrics.Sample{{Name: "/gc/heap/live:bytes"}},
		heap: []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"}},
	}
}

// pacer follows what is alive.
type pacer struct {
	mu    sync.Mutex
	live  []metrics.Sample
	least uint64
	now   int

	heap      []metrics.Sample
	allocated uint64 // when it was last asked to rest
	freeing   atomic.Bool
}

func (p *pacer) bound(least uint64) {
	p.mu.Lock()
	first := p.least == 0
	p.least = least
	p.mu.Unlock()
	p.look()
	if first {
		p.arm()
	}
}

// arm looks again behind the next collection, which finds an object that nobody has.
func (p *pacer) arm() {
	runtime.AddCleanup(new([16]byte), func(p *pacer) {
		p.look()
		p.arm()
	}, p)
}

func (p *pacer) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	metrics.Read(p.live)
	if next := garbage(p.live[0].Value.Uint64(), p.least); changes(p.now, next) {
		p.now = next
		debug.SetGCPercent(next) // which stops the world for a moment
	}
}

// garbage is the percentage of what is alive that may be garbage.
func garbage(live, least uint64) int {
	return max(percent, int(least*100/max(live, smallest)))
}

// changes says that a percentage is another one by more than a quarter, or is back at the smallest.
func changes(now, next int) bool {
	return next > now+now/4 || next < now-now/4 || next == percent && now != percent
}

func (p *pacer) rest() {
	p.mu.Lock()
	metrics.Read(p.heap)
	allocated, live, there := p.heap[0].Value.Uint64(), p.heap[1].Value.Uint64(), p.heap[2].Value.Uint64()+p.heap[3].Value.Uint64()
	since := allocated - p.allocated
	p.allocated = allocated
	p.mu.Unlock()
	if !worth(since, live, there) || !p.freeing.CompareAndSwap(false, true) {
		return
	}
	go func() { // which collects first
		debug.FreeOSMemory()
		p.freeing.Store(false)
	}()
}

// worth says that giving garbage back is: of there bytes, live ones were found alive by the last collection, and since bytes were allocated
// while nobody did much.
func worth(since, live, there uint64) bool {
	return since <= max(restless, live/64) && there > live+max(garbageMost, live/4)
}

const (
	restless    = 1 << 20
	garbageMost = 8 << 20
)
