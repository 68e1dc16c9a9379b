package supervision

import (
	"bytes"
	"reflect"
	"runtime"
	"strconv"
	"sync/atomic"
	"unsafe"
)

// turn is what a watchdog may know of the turn that an actor is in. There is no clock on the message path: the watchdog asks, and
// the next turn answers. An actor whose answer does not come is in the turn it was in when it was asked. That costs a turn the load
// of a flag, and a store when its message is of another type than the one before.
type turn struct {
	asked     atomic.Bool
	kind      atomic.Uintptr // type of the message, as typeWord has it
	goroutine atomic.Uint64  // that runs the actor; 0 when it is not known
}

// on says which goroutine goes on with the actor.
func (t *turn) on(goroutine uint64) {
	if goroutine != t.goroutine.Load() {
		t.goroutine.Store(goroutine)
	}
}

// begin costs what its condition costs, in nearly all turns.
func (t *turn) begin(msg any) {
	if typeWord(msg) != t.kind.Load() || t.asked.Load() {
		t.note(msg)
	}
}

// typeWord tells types apart as reflect.TypeOf does, whose results are compared by a call: 2 of the 60 ns that a message takes from
// actor to actor (benchmarks, BenchmarkActorHopSaturated).
func typeWord(msg any) uintptr { return *(*uintptr)(unsafe.Pointer(&msg)) }

func (t *turn) note(msg any) {
	t.kind.Store(typeWord(msg))
	t.asked.Store(false)
}

// end: no turn follows for now.
func (t *turn) end() {
	if t.asked.Load() {
		t.asked.Store(false)
	}
}

// injectionType is the message of a turn that was injected.
var injectionType = reflect.TypeFor[*injection]().String()

// message is the type of the message whose turn it is.
func (t *turn) message() string {
	var msg any // a nil of that type
	if *(*uintptr)(unsafe.Pointer(&msg)) = t.kind.Load(); msg == nil {
		return ""
	}
	return reflect.TypeOf(msg).String()
}

// goroutineID reads the number that a traceback shows. A goroutine of the dispatcher looks once in its life.
func goroutineID() uint64 {
	var b [64]byte
	line := bytes.TrimPrefix(b[:runtime.Stack(b[:], false)], []byte("goroutine "))
	n, _, _ := bytes.Cut(line, []byte(" "))
	id, _ := strconv.ParseUint(string(n), 10, 64)
	return id
}

// stackLimit bounds a traceback of everybody.
const stackLimit = 64 << 20

// stackOfGoroutine is what a goroutine is doing, down to the guard. It stops the world for as long as it takes to write down what all
// of them are doing.
func stackOfGoroutine(id uint64) string {
	if id == 0 {
		return ""
	}
	buf := make([]byte, 1<<20)
	n := runtime.Stack(buf, true)
	for n == len(buf) && n < stackLimit {
		buf = make([]byte, 2*len(buf))
		n = runtime.Stack(buf, true)
	}
	head := []byte("goroutine " + strconv.FormatUint(id, 10) + " [")
	for section := range bytes.SplitSeq(buf[:n], []byte("\n\n")) {
		if bytes.HasPrefix(section, head) {
			return aboveGuard(string(section))
		}
	}
	return ""
}
