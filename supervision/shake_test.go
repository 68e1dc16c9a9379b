package supervision

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"time"
)

// The glob of `actors crash --match`: over whole paths, as docs/warrenctl.md says.
func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"*", "warren/core/journal", true},
		{"", "warren", false},
		{"", "", true},
		{"warren", "warren/core", false},
		{"warren/*/journal", "warren/core/vhosts/journal", true},
		{"*/queues/*", "warren/core/vhosts/%2F/queues/orders", true},
		{"*/queues/*", "warren/core/vhosts/%2F/queues", false},
		{"*/q?", "a/q1", true},
		{"*/q?", "a/q12", false},
		{"*a*b*", "xxaxxaxxbxx", true},
		{"*aab", "aaaab", true},
		{"*aab", "aaaaba", false},
		{"**", "x", true},
		{"?*", "", false},
	} {
		if got := Glob(c.pattern, c.path); got != c.want {
			t.Errorf("Glob(%q, %q) = %v", c.pattern, c.path, got)
		}
	}
}

// Seeds of every kind of pattern; a pattern from the command line must not run away, whatever it is.
func FuzzGlob(f *testing.F) {
	for _, s := range []string{"*", "", "a*b?c", "****a", "?", "\xff*"} {
		f.Add(s, "warren/core/"+s)
	}
	f.Fuzz(func(t *testing.T, pattern, path string) {
		got := Glob(pattern, path)
		if Glob("*"+pattern+"*", "x"+path+"y") != true && got {
			t.Errorf("%q matches %q, but not with a * on both sides", pattern, path)
		}
	})
}

// Issue 5, point 5: random actors, supervisors aside, counted by kind, and nobody escalates unless asked to.
func TestShake(t *testing.T) {
	d := &diary{}
	kids := workers(d, "a b c")
	for i := range kids {
		kids[i].Kind = "queue"
	}
	below := ChildSpec{ID: "below", Supervisor: &Spec{Children: append(workers(d, "x"), kids[:1]...)}}
	s := boot(t, Spec{Children: append(kids, below)}) // no limit allows anything
	crashed, err := s.Shake(context.Background(), Shake{Match: "top/*", Every: time.Millisecond, For: 200 * time.Millisecond, Random: rand.New(rand.NewPCG(1, 2))})
	if err != nil || crashed["queue"] == 0 || crashed["worker"] == 0 || len(crashed) != 2 {
		t.Fatal(crashed, err)
	}
	total := 0
	eventually(t, "all are back", func() bool {
		total = 0
		for _, n := range s.Tree() {
			total += n.InjectedRestarts
			if n.State != Running || n.Restarts != 0 {
				return false
			}
		}
		return total == crashed["queue"]+crashed["worker"]
	})

	if _, err := s.Shake(context.Background(), Shake{Match: "top/below", Every: 1, For: 1}); !errors.Is(err, ErrNoMatch) {
		t.Errorf("a supervisor matched: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.Shake(ctx, Shake{Match: "*", Every: time.Hour, For: time.Hour}); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who went away: %v", err)
	}
	// Counted ones escalate, and the top's end ends the shaking.
	if _, err := s.Shake(context.Background(), Shake{Match: "top/a", Every: time.Millisecond, For: time.Hour, Count: true, Random: rand.New(rand.NewPCG(1, 2))}); err != nil {
		t.Error(err)
	}
	if s.Err() == nil {
		t.Error("the top did not give up")
	}
}
