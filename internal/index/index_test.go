package index

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

type record struct {
	name string
	n    int
}

func records() *Index[record] { return New(func(r *record) string { return r.name }) }

func contents(x *Index[record]) map[string]int {
	out := map[string]int{}
	for r := range x.All() {
		out[r.name] = r.n
	}
	return out
}

// check compares an index with a map.
func check(t *testing.T, x *Index[record], want map[string]int) {
	t.Helper()
	if got := contents(x); !maps.Equal(got, want) || x.Len() != len(want) {
		t.Fatalf("%d: %v, want %v", x.Len(), got, want)
	}
	for name, n := range want {
		if r := x.Get(name); r == nil || r.n != n {
			t.Fatalf("%s is %v, want %d", name, r, n)
		}
	}
}

// A clone goes its own way.
func TestClone(t *testing.T) {
	x := records()
	check(t, x.Clone(), map[string]int{})
	want := map[string]int{}
	for i := range 100 {
		x.Put(&record{strconv.Itoa(i), i})
		want[strconv.Itoa(i)] = i
	}
	c := x.Clone()
	x.Delete("5")
	x.Put(&record{"new", 1})
	check(t, c, want)
}

// Promise: an index takes what it holds, a few pointers more at most, also after most of it has gone.
func TestSize(t *testing.T) {
	x := records()
	most := 0
	for i := range 10_000 {
		x.Put(&record{name: strconv.Itoa(i)})
		if places := len(x.table.Load().places); places > 8 && places > 2*x.n {
			t.Fatalf("%d places for %d", places, x.n)
		}
		most = max(most, len(x.table.Load().places))
	}
	for i := range 9_990 {
		x.Delete(strconv.Itoa(i))
	}
	if places := len(x.table.Load().places); places > 80 {
		t.Fatalf("%d places for %d, of %d", places, x.n, most)
	}
	for round := range 100_000 { // whatever comes and goes leaves no graves for ever
		x.Put(&record{name: fmt.Sprint("r", round)})
		x.Delete(fmt.Sprint("r", round))
	}
	if places := len(x.table.Load().places); places > 80 || 4*x.used > 3*places {
		t.Fatalf("%d places, %d used", places, x.used)
	}
}

// Promise: readers need no lock, and always find what was there before and is after.
func TestReadersBesideAWriter(t *testing.T) {
	x := records()
	for i := range 50 {
		x.Put(&record{fmt.Sprint("stays", i), i})
	}
	var over atomic.Bool
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for !over.Load() {
				for i := range 50 {
					if r := x.Get(fmt.Sprint("stays", i)); r == nil || r.n != i {
						t.Errorf("stays%d is %v", i, r)
						return
					}
				}
				if r := x.Get("never"); r != nil {
					t.Error("never is there")
				}
				n := 0
				for r := range x.All() {
					if len(r.name) > 4 && r.name[:5] == "stays" {
						n++
					}
				}
				if n != 50 {
					t.Errorf("%d of 50", n)
					return
				}
			}
		})
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		name := fmt.Sprint("goes", random.IntN(300))
		if random.IntN(2) == 0 {
			x.Put(&record{name: name})
		} else {
			x.Delete(name)
		}
	}
	over.Store(true)
	wg.Wait()
}

// An index does what a map does. Names come from the fuzzer as client names would.
func FuzzIndex(f *testing.F) {
	f.Add([]byte("pa pb da pa pc"))
	f.Add([]byte("p1p2p3p4p5p6p7p8p9d1d3d5d7d9p1"))
	f.Add(slices.Repeat([]byte("pxpydx"), 9))
	f.Fuzz(func(t *testing.T, ops []byte) {
		x, want := records(), map[string]int{}
		for i := 0; i+1 < len(ops); i += 2 {
			name := string(ops[i+1 : i+2])
			if ops[i]%3 == 0 {
				x.Delete(name)
				delete(want, name)
			} else {
				x.Put(&record{name, i})
				want[name] = i
			}
			check(t, x, want)
		}
	})
}

// Beside a map and a sync.Map, for whoever asks why there is a third one.
func BenchmarkGet(b *testing.B) {
	const n = 10_000
	names := make([]string, n)
	x, m, s := records(), map[string]*record{}, sync.Map{}
	for i := range n {
		names[i] = fmt.Sprint("queue-", i)
		r := &record{names[i], i}
		x.Put(r)
		m[names[i]] = r
		s.Store(names[i], r)
	}
	sum := 0
	for what, get := range map[string]func(string) int{
		"index": func(name string) int { return x.Get(name).n },
		"map":   func(name string) int { return m[name].n },
		"sync":  func(name string) int { r, _ := s.Load(name); return r.(*record).n },
	} {
		b.Run(what, func(b *testing.B) {
			for i := range b.N {
				sum += get(names[i%n])
			}
		})
		b.Run(what+" one", func(b *testing.B) {
			for range b.N {
				sum += get(names[7])
			}
		})
	}
	_ = sum
}
