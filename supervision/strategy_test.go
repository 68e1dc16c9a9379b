package supervision

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

var lenient = Limit{Restarts: 100, Within: time.Minute}

func TestOrderedStartReverseStop(t *testing.T) {
	d := &diary{}
	s := boot(t, Spec{Limit: lenient, Children: workers(d, "a b c")})
	d.expect(t, "a started", "b started", "c started")
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	d.expect(t, "c terminates: shutdown", "b terminates: shutdown", "a terminates: shutdown")
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
}

// A registered name: the PID of before the crash reaches whoever has the name now.
func TestOneForOneOldPIDReachesTheNewIncarnation(t *testing.T) {
	d := &diary{}
	s := boot(t, Spec{Limit: lenient, Children: workers(d, "a b c")})
	d.take()
	old := s.PID("top/b")
	s.Send(old, &note{"first"})
	s.Send(old, &boom{})
	eventually(t, "restart", func() bool { return d.has("b started") && state(s, "top/b") == "running" })
	s.Send(old, &note{"second"})
	eventually(t, "second", func() bool { return d.has("b second") })
	d.expect(t, "b first", "b terminates: restart", "b started", "b second")
}

func TestOneForAll(t *testing.T) {
	d := &diary{}
	s := boot(t, Spec{Strategy: OneForAll, Limit: lenient, Children: workers(d, "a b c")})
	d.take()
	send(s, "top/b", &boom{})
	eventually(t, "all again", func() bool { return d.has("c started") })
	d.expect(t, "b terminates: restart", "c terminates: restart", "a terminates: restart",
		"a started", "b started", "c started")
}

func TestRestForOne(t *testing.T) {
	d := &diary{}
	s := boot(t, Spec{Strategy: RestForOne, Limit: lenient, Children: workers(d, "a b c d")})
	d.take()
	send(s, "top/b", &boom{})
	eventually(t, "rest again", func() bool { return d.has("d started") })
	d.expect(t, "b terminates: restart", "d terminates: restart", "c terminates: restart",
		"b started", "c started", "d started")
	eventually(t, "up", func() bool { return state(s, "top/d") == "running" })
	send(s, "top/a", &boom{}) // the first one: everybody, still in order
	eventually(t, "all again", func() bool { return d.has("d started") })
	d.expect(t, "a terminates: restart", "d terminates: restart", "c terminates: restart", "b terminates: restart",
		"a started", "b started", "c started", "d started")
}

// Temporary children of a group that restarts are dropped, as in OTP, and hear that they are gone.
func TestGroupRestartDropsTemporaryChildren(t *testing.T) {
	d := &diary{}
	temp := workerSpec(d, "t", Temporary)
	temp.OnExit = func(r Reason) { d.add("t exit: %v", r) }
	s := boot(t, Spec{Strategy: OneForAll, Limit: lenient, Children: []ChildSpec{
		workerSpec(d, "a", Permanent), temp, workerSpec(d, "b", Permanent)}})
	d.take()
	send(s, "top/a", &boom{})
	eventually(t, "restart", func() bool { return d.has("b started") })
	d.expect(t, "a terminates: restart", "b terminates: restart", "t terminates: gone",
		"a started", "t exit: gone", "b started")
	if got := state(s, "top/t"); got != "stopped" {
		t.Fatal(got)
	}
}

func TestRestartTypes(t *testing.T) {
	for _, c := range []struct {
		restart Restart
		message any
		want    []string
	}{
		{Permanent, &quit{}, []string{"x terminates: normal", "x started"}},
		{Permanent, &boom{}, []string{"x terminates: restart", "x started"}},
		{Transient, &quit{}, []string{"x terminates: normal", "x exit: normal"}},
		{Transient, &boom{}, []string{"x terminates: restart", "x started"}},
		{Temporary, &quit{}, []string{"x terminates: normal", "x exit: normal"}},
		{Temporary, &boom{}, []string{"x terminates: gone", "x exit: gone"}},
	} {
		t.Run(fmt.Sprintf("%v/%T", c.restart, c.message), func(t *testing.T) {
			d := &diary{}
			x := workerSpec(d, "x", c.restart)
			x.OnExit = func(r Reason) { d.add("x exit: %v", r) }
			s := boot(t, Spec{Limit: lenient, Children: []ChildSpec{x}})
			d.take()
			send(s, "top/x", c.message)
			eventually(t, "the end", func() bool { return d.has(c.want[1]) })
			d.expect(t, c.want...)
		})
	}
}

// Many crashes of many children at once: no start is lost, and every child is there in the end.
func TestSoak(t *testing.T) {
	for _, strategy := range []Strategy{OneForOne, OneForAll, RestForOne} {
		t.Run(strategy.String(), func(t *testing.T) {
			d := &diary{}
			s := boot(t, Spec{Strategy: strategy, Limit: Limit{Restarts: 1 << 20, Within: time.Second}, Children: workers(d, "a b c d e f g h")})
			for i := range 200 {
				send(s, "top/"+string(rune('a'+i*5%8)), &boom{})
				if i%8 == 0 { // wait for a moment in which it can be hit again
					eventually(t, "up", func() bool { return state(s, "top/a") == "running" })
				}
			}
			eventually(t, "all up", func() bool {
				tree := s.Tree()
				return len(tree) == 9 && !slices.ContainsFunc(tree, func(n Node) bool { return n.State != Running })
			})
			for _, id := range []string{"a", "d", "h"} { // some booms may still be on their way
				eventually(t, id, func() bool {
					got, err := s.Actors().Root.RequestFuture(s.PID("top/"+id), &ping{}, time.Second).Result()
					return err == nil && got == id
				})
			}
		})
	}
}

// A start that fails during a restart is another restart, and is tried again within the limit.
func TestFailingStartDuringARestartCounts(t *testing.T) {
	d := &diary{}
	n := 0
	x := workerSpec(d, "x", Permanent)
	x.New = func(uint64) actor.Actor {
		n++
		k := n
		return &worker{id: "x", d: d, started: func(actor.Context) {
			if k == 2 || k == 3 {
				panic("cannot")
			}
		}}
	}
	s := boot(t, Spec{Limit: Limit{Restarts: 3, Within: time.Minute}, Children: []ChildSpec{x}})
	d.take()
	send(s, "top/x", &boom{})
	eventually(t, "up again", func() bool { return d.has("x started") && state(s, "top/x") == "running" })
	if node := node1(t, s, "top/x"); node.Restarts != 3 {
		t.Fatalf("%+v", node)
	}
	send(s, "top/x", &boom{}) // the fourth
	receive(t, "the end", s.Done())
}
