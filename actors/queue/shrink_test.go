package queue

import (
	"maps"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue/ready"
	"warren/persistence"
	"warren/persistence/cold"
	"warren/persistence/vfs"
	"warren/supervision"
)

// newColdStand is a queue that has chapters of eight extents in a scratch file.
func newColdStand(t *testing.T) (*pagingStand, *vfs.Faulty) {
	t.Helper()
	disk := vfs.NewFaulty(vfs.NewMemory())
	store, err := cold.Open(disk, "cold")
	if err != nil {
		t.Fatal(err)
	}
	s := newPagingStand(t)
	s.cold, s.sizes = store, ready.Sizes{Least: 1, Most: 2, Chapter: 8}
	s.begin(3)
	return s, disk
}

// drain consumes and settles until nothing comes any more.
func (s *pagingStand) drain(session, consumer uint64) (got []int) {
	k := ready.Key{Session: session, Consumer: uint32(consumer)}
	sent := s.command(session, &Consume{Consumer: k.Consumer, Prefetch: 10})
	for seq := uint64(0); ; {
		more := bodies(append(sent, s.answer()...), k.Consumer)
		n := seq + uint64(len(more))
		if got = append(got, more...); n == seq {
			return got
		}
		sent = append(s.tell(&Credit{Key: k, Written: n}), s.command(session, &Settle{Consumer: k.Consumer, First: seq + 1, Last: n})...)
		seq = n
	}
}

// empty waits until the scratch file has got everything back.
func empty(t *testing.T, store *cold.Store) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); store.Stats().Pages > 0; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%+v are not given back", store.Stats())
		}
		runtime.GC()
	}
}

// DESIGN sections 5 and 7: the index of a long queue is in the scratch file, the next incarnation of a queue that crashed finds it there, what
// comes out is what went in, and when nothing is left, the file has its room back.
func TestIndexOnDisk(t *testing.T) {
	s, _ := newColdStand(t)
	s.fill(100)
	if n := s.cold.Stats().Pages; n < 4 {
		t.Fatalf("%d chapters for 100 batches", n)
	}
	s.goOn(4)
	s.fill(10)
	if got := s.drain(2, 2); !slices.Equal(got, sequence(1, 220)) {
		t.Errorf("got %v", got)
	}
	if s.q.state.Bytes() != 0 || s.resident != 0 {
		t.Errorf("%d bytes are left, %d in memory", s.q.state.Bytes(), s.resident)
	}
	empty(t, s.cold)
}

// DESIGN section 7: a purged queue gives its pages back, and one that is deleted.
func TestIndexOnDiskIsGivenBack(t *testing.T) {
	for what, end := range map[string]func(s *pagingStand){
		"purged": func(s *pagingStand) {
			s.command(2, &Purge{})
			s.tell(&LetGo{}) // the stream lets go of it, too
		},
		"deleted": func(s *pagingStand) {
			s.slot.Bury(func(*actor.PID, any) {})
			s.q.Terminate(s.ctx, supervision.Shutdown)
			s.q = nil
		},
	} {
		t.Run(what, func(t *testing.T) {
			s, _ := newColdStand(t)
			s.fill(100)
			if n := s.cold.Stats().Pages; n < 4 {
				t.Fatalf("%d chapters for 100 batches", n)
			}
			end(s)
			empty(t, s.cold)
		})
	}
}

// A scratch file that cannot be written costs memory and nothing else, and is asked again when there is room.
func TestIndexStaysWhileTheDiskIsFull(t *testing.T) {
	s, disk := newColdStand(t)
	full, tried := true, 0
	disk.Watch(func(op vfs.Op, _ string) error {
		if op == vfs.OpWrite {
			if tried++; full {
				return syscall.ENOSPC
			}
		}
		return nil
	})
	s.fill(60)
	if tried != 1 || s.cold.Stats().Pages != 0 {
		t.Fatalf("tried %d times for 60 batches, %+v", tried, s.cold.Stats())
	}
	full = false
	for deadline := time.Now().Add(20 * time.Second); s.cold.Stats().Pages == 0; {
		if time.Now().After(deadline) {
			t.Fatal("never tried again")
		}
		if s.cold.Takes() {
			s.fill(10)
		}
	}
	n := s.next
	if got := s.drain(2, 2); !slices.Equal(got, sequence(1, n)) {
		t.Errorf("got %v", got)
	}
}

// DESIGN section 7: a start makes chapters of what it finds as it comes, in order, but for what is next to go.
func TestIndexOnDiskFromTheStart(t *testing.T) {
	s, _ := newColdStand(t)
	s.limit = 1 << 20
	s.begin(4)
	s.fill(100)
	s.command(2, &Consume{Consumer: 2, Prefetch: 20})
	s.command(2, &Settle{Consumer: 2, First: 1, Last: 11}) // half of a batch included
	var records []persistence.Record
	for _, index := range slices.Sorted(maps.Keys(s.records)) {
		records = append(records, s.records[index])
	}
	recovered, bad := s.q.replay(all(records))
	if n := s.cold.Stats().Pages; bad || n < 8 {
		t.Fatalf("%d chapters for 95 batches, some are bad: %v", n, bad)
	}
	found := ready.New()
	found.Apply(recovered)
	if found.Ready() != 189 || found.OnDisk() != 190 {
		t.Errorf("%d are ready, %d in extents on disk", found.Ready(), found.OnDisk())
	}
	next := uint64(6)
	for _, w := range found.Ahead(1 << 30) {
		if w.Record < next || w.First != (next-1)*2 {
			t.Fatalf("record %d begins with message %d, and should with %d", w.Record, w.First, (next-1)*2)
		}
		next++
	}
	if next != 101 {
		t.Errorf("it ends before batch %d", next)
	}
	if in, again := found.Next(100); in.First != 11 || in.N != 20 || !again {
		t.Errorf("next to go is %v, delivered before: %v", in, again)
	}
}
