package alarm

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// crowd is connections in front of memory of 1 MiB, and who of them was woken.
type crowd struct {
	*Contents
	shares []*Share
	mu     sync.Mutex
	woken  []int
}

func newCrowd(n int) *crowd {
	c := &crowd{Contents: NewMemory(Marks{High: 8 << 20, Low: 8 << 20}, Policy{}).Contents()}
	for i := range n {
		c.shares = append(c.shares, c.Join(func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.woken = append(c.woken, i)
		}))
	}
	return c
}

func (c *crowd) takes(t *testing.T, who, bytes int, want bool) {
	t.Helper()
	if got := c.shares[who].Take(bytes); got != want {
		t.Fatalf("%d takes %d: %v, with %d held", who, bytes, got, c.held.Load())
	}
}

func (c *crowd) wakes(t *testing.T, want ...int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.woken) != len(want) {
		t.Fatalf("woken are %v, not %v", c.woken, want)
	}
	for i := range want {
		if c.woken[i] != want[i] {
			t.Fatalf("woken are %v, not %v", c.woken, want)
		}
	}
	c.woken = nil
}

func TestContentsInTurn(t *testing.T) {
	// who finds too little memory waits in line, the small behind the large, and has what it waits for when it is woken.
	const most = contentsLeast
	c := newCrowd(4)
	c.takes(t, 0, most/2, true)
	c.takes(t, 1, most, false)
	c.takes(t, 2, 10, false)
	c.takes(t, 3, 0, false)
	if c.Open() {
		t.Fatal("open, with three in line")
	}
	c.Hold(-most / 2)
	c.wakes(t, 1)
	c.takes(t, 1, most, true)
	c.takes(t, 2, 10, false)
	c.Hold(-most)
	c.wakes(t, 2, 3)
	c.takes(t, 2, 10, true)
	c.takes(t, 3, 0, true)
	if c.Hold(-10); !c.Open() || c.held.Load() != 0 {
		t.Fatalf("%d are held", c.held.Load())
	}
}

func TestContentsAsksForSomethingElse(t *testing.T) {
	// one that waits, or has been granted, and needs another amount by now neither keeps the first nor gets it for nothing.
	const most = contentsLeast
	c := newCrowd(3)
	c.takes(t, 0, most, true)
	c.takes(t, 1, 0, false)
	c.takes(t, 2, 100, false)
	c.takes(t, 1, most/2, false)
	c.Hold(-most)
	c.wakes(t, 2, 1)
	c.takes(t, 1, most/4, true)
	if held := c.held.Load(); held != most/4+100 {
		t.Fatalf("%d are held", held)
	}
	c.shares[2].Leave() // with what it was granted and has not fetched
	if held := c.held.Load(); held != most/4 {
		t.Fatalf("%d are held", held)
	}
}

func TestContentsWithoutTheFirstInLine(t *testing.T) {
	// when the first in line does not wait any more, those behind it do not wait for what it would have needed: nothing may be given
	// back for long.
	const most = contentsLeast
	for what, ends := range map[string]func(s *Share){
		"leaves":                  (*Share).Leave,
		"steps out":               (*Share).StepOut,
		"asks for something else": func(s *Share) { s.Take(most - 1) },
	} {
		c := newCrowd(4)
		c.takes(t, 0, most/2, true)
		c.takes(t, 1, most, false)
		c.takes(t, 2, 10, false)
		c.takes(t, 3, most/2+1, false)
		ends(c.shares[1])
		c.wakes(t, 2)
		if c.takes(t, 2, 10, true); c.held.Load() != most/2+10 {
			t.Errorf("the first %s: %d are held", what, c.held.Load())
		}
		c.shares[3].Leave()
	}
	c := newCrowd(4)
	c.takes(t, 0, most, true)
	c.takes(t, 1, most, false)
	c.takes(t, 2, 10, false)
	c.Hold(-most)
	c.wakes(t, 1)
	c.shares[1].StepOut() // with what it was granted
	c.wakes(t, 2)
}

func TestContentsLargerThanAll(t *testing.T) {
	// P-25: one that is larger than all there is comes alone.
	c := newCrowd(2)
	c.takes(t, 0, 1, true)
	c.takes(t, 1, 10*contentsLeast, false)
	c.Hold(-1)
	c.wakes(t, 1)
	c.takes(t, 1, 10*contentsLeast, true)
	c.takes(t, 0, 1, false)
}

func TestContentsStalled(t *testing.T) {
	// those who hold all of it may stand still for ever. Whoever waits has its turn all the same, one after the other.
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(3)
		c.takes(t, 0, contentsLeast, true)
		c.takes(t, 1, 100, false)
		c.takes(t, 2, 100, false)
		time.Sleep(stalled - 1)
		synctest.Wait()
		c.wakes(t)
		time.Sleep(time.Millisecond)
		synctest.Wait()
		c.wakes(t, 1)
		time.Sleep(stalled)
		synctest.Wait()
		c.wakes(t, 2)
		if c.timer != nil {
			t.Error("the clock goes on")
		}
	})
}

func TestContentsBuffers(t *testing.T) {
	// read buffers become smaller when there are many connections.
	c := newCrowd(0)
	for n, want := range map[int]int{1: slabMost, 4: slabMost, 8: 128 << 10, 100: 8 << 10, 100_000: slabLeast} {
		c.readers.Store(int64(n))
		if got := c.Slab(); got != want {
			t.Errorf("%d connections: %d, not %d", n, got, want)
		}
	}
}

func TestContentsConcurrently(t *testing.T) {
	// Promise: nobody is forgotten in line, whoever gives back at the same moment; nothing is left at the end.
	c := NewMemory(Marks{High: 8 << 20, Low: 8 << 20}, Policy{}).Contents()
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			room := make(chan struct{}, 1)
			s := c.Join(func() { room <- struct{}{} })
			defer s.Leave()
			for n := range 300 {
				bytes := (i*37+n*101)%(contentsLeast/2) + 1
				for !s.Take(bytes) {
					<-room
				}
				if held := c.held.Load(); held > contentsLeast {
					t.Errorf("%d are held", held)
				}
				c.Hold(int64(-bytes))
			}
		})
	}
	all.Wait()
	if c.held.Load() != 0 || c.readers.Load() != 0 || c.waiting != nil {
		t.Fatalf("%d are held, %d wait", c.held.Load(), len(c.waiting))
	}
}
