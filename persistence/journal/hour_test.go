package journal

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"warren/persistence/segment"
	"warren/persistence/vfs"
)

// simulated is how long the traffic below goes on; WARREN_SIMULATED sets another time.
func simulated(t *testing.T) time.Duration {
	text := os.Getenv("WARREN_SIMULATED")
	if text == "" {
		return 15 * time.Minute
	}
	d, err := time.ParseDuration(text)
	must(t, err)
	return d
}

// shop is a queue as the journal sees one: messages come and are settled after a while, and the owner makes a checkpoint of what was
// settled, seldom.
type shop struct {
	id      StreamID
	next    uint64
	waits   time.Duration // of every message
	waiting []waitingOne
	settled int   // records since the last checkpoint
	unseen  int64 // bytes that were settled since then
	living  int64 // bytes of what waits
}

type waitingOne struct {
	index uint64
	until time.Time
	bytes int64
}

func (s *shop) arrive(now time.Time, bytes int) {
	w := waitingOne{s.next, now.Add(s.waits), segment.Bytes(bytes)}
	s.waiting = append(s.waiting, w)
	s.living += w.bytes
	s.next++
}

// settle appends what is settled by now, as its owner would, and makes a checkpoint every so many records.
func (s *shop) settle(t *testing.T, j *Journal, now time.Time) {
	n := 0
	for n < len(s.waiting) && !s.waiting[n].until.After(now) {
		must(t, j.Release(s.id, s.waiting[n].index))
		s.living -= s.waiting[n].bytes
		s.unseen += s.waiting[n].bytes
		n++
	}
	if n == 0 {
		return
	}
	s.waiting = s.waiting[n:]
	must(t, j.Append(s.id, 1, s.next, Event, make([]byte, 12)))
	s.next++
	s.unseen += segment.Bytes(12)
	if s.settled += n; s.settled >= 500 || s.unseen >= 1<<20 {
		must(t, j.Checkpoint(s.id, 1, s.next, fmt.Appendf(nil, "up to %d", s.next)))
		s.settled, s.unseen = 0, 0
	}
}

// Issue 3: disk use stays below twice the living bytes plus a fixed allowance at every moment, with a slow queue beside a fast one and
// beside queues that share messages. The clock is simulated, and so is the disk.
func TestDiskIsBoundedForAnHour(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	start := now
	mem := vfs.NewMemory()
	opt := Options{SegmentBytes: 256 << 10, Spare: 2, Now: func() time.Time { return now }}
	j := open1(t, mem, opt)
	r := rand.New(rand.NewPCG(3, 3))
	noise := make([]byte, 64<<10)
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	body := func(n int) []byte { at := r.IntN(len(noise) - n); return noise[at : at+n] }

	fast := &shop{id: j.Stream("fast"), waits: 200 * time.Millisecond}
	slow := &shop{id: j.Stream("slow"), waits: 10 * time.Minute}
	lost := &shop{id: j.Stream("nobody settles"), waits: 1000 * time.Hour}
	fans := []*shop{
		{id: j.Stream("fan 0"), waits: time.Second}, {id: j.Stream("fan 1"), waits: 30 * time.Second}, {id: j.Stream("fan 2"), waits: 5 * time.Minute},
	}
	all := append([]*shop{fast, slow, lost}, fans...)
	var worst float64
	const step = 50 * time.Millisecond
	for n := 0; now.Sub(start) < simulated(t); n++ {
		now = now.Add(step)
		for range 1 + r.IntN(6) {
			b := body(500 + r.IntN(4000))
			must(t, j.Append(fast.id, 1, fast.next, Messages, b))
			fast.arrive(now, len(b))
		}
		if n%20 == 0 {
			b := body(1000)
			must(t, j.Append(slow.id, 1, slow.next, Messages, b))
			slow.arrive(now, len(b))
		}
		if n%1000 == 0 {
			b := body(1000)
			must(t, j.Append(lost.id, 1, lost.next, Messages, b))
			lost.arrive(now, len(b))
		}
		if n%5 == 0 {
			tail := segment.NewTail(body(2000))
			for _, f := range fans {
				must(t, appendShared(j, f.id, 1, f.next, Messages, fmt.Appendf(nil, "%d", f.next), tail))
				f.arrive(now, len(tail.Bytes)+20)
			}
		}
		for _, s := range all {
			s.settle(t, j, now)
		}
		commit(t, j)
		for more := true; more; { // the persistence actor comes back as long as there is more to do
			c, err := j.Clean(4 << 20)
			must(t, err)
			more = c.More
		}
		living := int64(0)
		for _, s := range all {
			living += s.living + s.unseen
		}
		stats := j.Stats()
		allowance := int64(opt.Spare+3) * opt.SegmentBytes
		if stats.DiskBytes > 2*living+allowance || stats.DiskBytes > 2*stats.LivingBytes+allowance {
			t.Fatalf("after %s: %d bytes on disk, of which %d live (the journal says %d)", now.Sub(start), stats.DiskBytes, living, stats.LivingBytes)
		}
		worst = max(worst, float64(stats.DiskBytes-allowance)/float64(living))
	}
	stats := j.Stats()
	if stats.Recycled < 10 || stats.Copied == 0 {
		t.Errorf("%+v", stats)
	}
	t.Logf("%s: at most %.2f times the living bytes above the allowance; %d records, %d segments recycled, %d records copied forward",
		now.Sub(start), worst, stats.Records, stats.Recycled, stats.Copied)
	j = open1(t, mem.Crash(nil), opt)
	for _, s := range all {
		r, err := j.Read(s.id, 0)
		must(t, err)
		there := map[uint64]bool{}
		for e, err := range r.All() {
			must(t, err)
			there[e.Index] = true
		}
		for _, w := range s.waiting {
			if !there[w.index] {
				t.Fatalf("%d of stream %d is gone", w.index, s.id)
			}
		}
	}
}
