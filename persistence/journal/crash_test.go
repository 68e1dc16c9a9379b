package journal

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"warren/persistence/vfs"
)

// clones is how many crashes every property below goes through; WARREN_CRASHES sets another number.
func clones() int {
	if n, err := strconv.Atoi(os.Getenv("WARREN_CRASHES")); err == nil {
		return n
	}
	return 600
}

func testOptions() Options {
	now := time.Unix(1_700_000_000, 0)
	return Options{SegmentBytes: 16 << 10, Spare: 2, Now: func() time.Time { now = now.Add(time.Millisecond); return now }}
}

// DESIGN section 6: what was reported durable is there after a power failure at any moment, in order, and nothing that was
// never appended. A third of the crashes is gone on from.
func TestPowerFailure(t *testing.T) { crashes(t, testOptions(), false, (*vfs.Memory).Crash) }

// The same, while the disk fails writes, syncs, renames and whatever else.
func TestPowerFailureWithFaults(t *testing.T) { crashes(t, testOptions(), true, (*vfs.Memory).Crash) }

// Every record read at every recovery.
func TestPowerFailureVerified(t *testing.T) {
	opt := testOptions()
	opt.Verify = true
	crashes(t, opt, true, (*vfs.Memory).Crash)
}

// The end of the process loses nothing in any mode.
func TestKill(t *testing.T) {
	for _, mode := range []SyncMode{SyncAlways, SyncInterval, SyncOS} {
		t.Run(mode.String(), func(t *testing.T) {
			opt := testOptions()
			opt.Sync, opt.Interval = mode, 20*time.Millisecond
			crashes(t, opt, false, func(m *vfs.Memory, _ *rand.Rand) *vfs.Memory { return m.Kill() })
		})
	}
}

func crashes(t *testing.T, opt Options, faults bool, crash func(*vfs.Memory, *rand.Rand) *vfs.Memory) {
	done := 0
	for seed := uint64(0); done < clones() && !t.Failed(); seed++ {
		x := &runner{t: t, r: rand.New(rand.NewPCG(seed, 1)), opt: opt, m: newModel(), faults: faults}
		var next *vfs.Memory
		coins := rand.New(rand.NewPCG(seed, 2))
		busy := false
		x.watch = func(op vfs.Op, path string) error {
			if busy || coins.IntN(3) > 0 {
				return nil
			}
			busy = true
			defer func() { busy = false }()
			var r *rand.Rand
			if coins.IntN(2) == 0 {
				r = coins
			}
			mem := crash(x.mem, r)
			if next == nil && coins.IntN(60) == 0 {
				next = crash(mem, nil)
			}
			check(t, seed, x, mem)
			done++
			return nil
		}
		x.open(vfs.NewMemory())
		for n := 0; n < 400 && !t.Failed(); n++ {
			x.step()
			if next != nil {
				recovery := x.open(next)
				if !recovery.Intact() {
					t.Fatalf("seed %d: %s", seed, &recovery)
				}
				x.m.rebase(x.j)
				next = nil
			}
			if n%100 == 99 && !faults {
				restart(t, seed, x)
			}
		}
	}
	t.Logf("%d crashes", done)
}

// check opens a clone and compares it; then what is left when the power fails right after that recovery, when it fails
// in the middle of it, and when the process is killed instead. What a recovery found counts as durable from then on: its readers act on it.
func check(t *testing.T, seed uint64, x *runner, mem *vfs.Memory) {
	t.Helper()
	opt := x.opt
	opt.Now = nil
	found := map[StreamID]uint64{}
	for i := range 3 {
		fs := vfs.NewFaulty(mem)
		var during []*vfs.Memory
		fs.Watch(func(op vfs.Op, _ string) error {
			if op != vfs.OpTruncate && x.opt.Sync == SyncAlways && x.r.IntN(50) == 0 {
				during = append(during, mem.Crash(x.r))
			}
			return nil
		})
		j, recovery, err := Open(fs, testDir, onDisk(opt, fs))
		fs.Heal()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if !recovery.Intact() {
			t.Fatalf("seed %d, opening %d: %s", seed, i, &recovery)
		}
		if err := x.m.check(j); err != nil {
			t.Fatalf("seed %d, opening %d: %v\n%s", seed, i, err, &recovery)
		}
		for id, next := range found {
			if info, err := j.Info(id); err != nil || info.Next < next {
				t.Fatalf("seed %d, opening %d: stream %d had %d events after the last recovery, has %d, %v", seed, i, id, next, info.Next, err)
			}
		}
		for info := range j.Streams() {
			found[info.ID] = info.Next
		}
		for _, m := range during {
			j, recovery, err := Open(m, testDir, opt)
			if err != nil || !recovery.Intact() || x.m.check(j) != nil {
				t.Fatalf("seed %d, opening %d, crashed in the middle of it: %v %s %v", seed, i, err, &recovery, x.m.check(j))
			}
		}
		switch {
		case x.r.IntN(3) > 0:
			return
		case i == 0:
			mem = mem.Crash(x.r)
		default:
			mem = mem.Kill()
		}
	}
}

// restart stops and starts.
func restart(t *testing.T, seed uint64, x *runner) {
	t.Helper()
	x.commit()
	if err := x.j.Close(); err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	recovery := x.open(x.mem)
	if !recovery.Intact() || len(recovery.Torn) > 0 || recovery.FromFooters != recovery.Segments && !x.opt.Verify {
		t.Fatalf("seed %d: after a clean stop: %s", seed, &recovery)
	}
	if err := x.m.check(x.j); err != nil {
		t.Fatalf("seed %d: after a clean stop: %v", seed, err)
	}
	verified, err := Verify(x.mem, testDir)
	if err != nil || !verified.Intact() {
		t.Fatalf("seed %d: verify: %v %s", seed, err, &verified)
	}
}
