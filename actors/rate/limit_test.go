package rate

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// taker takes as much as it may, n at a time, until it is told to end.
type taker struct {
	scopes  [2]*Scope
	each    Share
	token   chan struct{}
	waiters [2]*Waiter
	taken   int
}

func newTaker(vhost, user *Scope, each Share) *taker {
	t := &taker{scopes: [2]*Scope{vhost, user}, each: each, token: make(chan struct{}, 1)}
	for i := range t.waiters {
		t.waiters[i] = NewWaiter(func() {
			select {
			case t.token <- struct{}{}:
			default:
			}
		})
	}
	return t
}

func (k *taker) run(end <-chan struct{}) {
	for {
		limits := Publishing(k.scopes[0], k.scopes[1])
		if _, closed := limits.Allow(k.waiters[0], k.waiters[1]); closed != nil {
			select {
			case <-k.token:
				continue
			case <-end:
				for _, w := range k.waiters {
					w.Leave()
				}
				return
			}
		}
		limits.Take(k.each.Messages, k.each.Bytes)
		k.taken += k.each.Messages
	}
}

func exist(string) bool { return true }

func limits(vhosts, users map[string]Both) Table {
	return Table{VHosts: vhosts, Users: users, VHostExists: exist, UserExists: exist}
}

func publishing(messages, bytes int64) Both { return Both{Rates{messages, bytes}, Rates{-1, -1}} }

// race has takers take for a while, and returns what each has got.
func race(lasts time.Duration, meanwhile func(), takers ...*taker) (taken []int) {
	end := make(chan struct{})
	var all sync.WaitGroup
	for _, k := range takers {
		all.Go(func() { k.run(end) })
	}
	time.Sleep(lasts / 2)
	meanwhile()
	time.Sleep(lasts / 2)
	close(end)
	all.Wait()
	for _, k := range takers {
		taken = append(taken, k.taken)
	}
	return taken
}

func nothing() {}

func within(t *testing.T, what string, got, want, percent int) {
	t.Helper()
	if got < want*(100-percent)/100 || got > want*(100+percent)/100 {
		t.Errorf("%s: %d, want %d", what, got, want)
	}
}

// the rate holds for all who share a limit, in even shares, and others do not notice.
func TestLimitIsSharedEvenly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry()
		r.Set(limits(map[string]Both{"x": publishing(1000, -1)}, nil))
		var takers []*taker
		for range 10 {
			takers = append(takers, newTaker(r.VHost("x"), r.User("u"), Share{10, 1000}))
		}
		sum := 0
		taken := race(10*time.Second, nothing, takers...)
		for i, n := range taken {
			within(t, fmt.Sprintf("taker %d", i), n, 1000, 25) // one begins with the burst
			sum += n
		}
		within(t, "all", sum, 10_000, 3)
	})
}

// of two limits the narrower one counts, be it of messages or of bytes.
func TestTheNarrowestLimitCounts(t *testing.T) {
	for what, c := range map[string]struct {
		vhost, user Both
		want        int
	}{
		"A-18 vhost":          {publishing(100, -1), publishing(1000, -1), 100},
		"A-18 user":           {publishing(1000, -1), publishing(100, -1), 100},
		"A-18 bytes of vhost": {publishing(1000, 5_000), publishing(-1, -1), 50},
		"A-18 bytes of user":  {publishing(1000, -1), publishing(-1, 7_000), 70},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := NewRegistry()
				r.Set(limits(map[string]Both{"x": c.vhost}, map[string]Both{"u": c.user}))
				taken := race(10*time.Second, nothing, newTaker(r.VHost("x"), r.User("u"), Share{1, 100}))
				within(t, "taken", taken[0], 10*c.want, 3)
			})
		})
	}
}

// a change, and the end of a limit, is in force for those who wait; 0 is none allowed.
func TestLimitsChange(t *testing.T) {
	for what, c := range map[string]struct{ before, after, want int64 }{
		"A-18 faster":       {100, 1000, 5500},
		"A-18 slower":       {1000, 100, 5500},
		"A-18 from nothing": {0, 1000, 5000},
		"A-18 to nothing":   {1000, 0, 5000},
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := NewRegistry()
				r.Set(limits(map[string]Both{"x": publishing(c.before, -1)}, nil))
				k := newTaker(r.VHost("x"), nil, Share{1, 100})
				taken := race(10*time.Second, func() { r.Set(limits(map[string]Both{"x": publishing(c.after, -1)}, nil)) }, k)
				within(t, "taken", taken[0], int(c.want), 5)
			})
		})
	}
	t.Run("A-18 cleared", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := NewRegistry()
			r.Set(limits(map[string]Both{"x": publishing(0, -1)}, nil))
			k := newTaker(r.VHost("x"), nil, Share{1, 100})
			held := Publishing(k.scopes[0], nil)
			if _, closed := held.Allow(k.waiters[0], k.waiters[1]); closed == nil || closed.By != "rate limit of vhost 'x'" {
				t.Fatalf("%+v", closed)
			}
			r.Set(limits(nil, nil))
			<-k.token
			if held := Publishing(k.scopes[0], nil); !held.None() {
				t.Errorf("%+v", held)
			}
			if _, closed := held.Allow(k.waiters[0], k.waiters[1]); closed != nil { // also for who has not seen it go
				t.Errorf("%+v", closed)
			}
		})
	})
}

// who left takes nobody's turn, and a scope nobody can have any more is forgotten.
func TestWhoLeavesIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRegistry()
		r.Set(limits(map[string]Both{"x": publishing(0, -1)}, nil))
		for range 100 {
			k := newTaker(r.VHost("x"), nil, Share{1, 1})
			Publishing(k.scopes[0], nil).Allow(k.waiters[0], k.waiters[1])
			k.waiters[0].Leave()
			k.waiters[0].Leave()
		}
		if waiting := r.VHost("x").publish.Load().waiting; len(waiting) > 0 {
			t.Errorf("%d are still waiting", len(waiting))
		}
		r.Set(Table{VHostExists: func(string) bool { return false }, UserExists: exist})
		if len(r.vhosts) > 0 {
			t.Errorf("%v", r.vhosts)
		}
	})
}
