package supervision

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Crash makes the actor at path panic in its next turn. With count false nobody's limit hears of it, so it never
// escalates. Supervisors refuse.
func (s *System) Crash(path string, count bool) error {
	return s.inject(path, &injection{count: count})
}

// Hang makes the actor at path begin a turn that ends only when the actor has been replaced (see [System.Watch]). Supervisors
// refuse.
func (s *System) Hang(path string) error { return s.inject(path, &injection{hang: true}) }

func (s *System) inject(path string, what *injection) error {
	c := s.nodes.find(path)
	if c == nil {
		return fmt.Errorf("%w: %s", ErrNotFound, path)
	}
	if c.spec.Supervisor != nil {
		return fmt.Errorf("supervision: %s is a supervisor; crash its children", path)
	}
	st := s.nodes.status(c)
	if st.life == nil || !st.state.alive() {
		return fmt.Errorf("supervision: %s is %v", path, st.state)
	}
	st.life.PostSystemMessage(what)
	return nil
}

// Shake crashes random actors at a rate.
type Shake struct {
	// Match is a glob over paths, see [Glob]. Supervisors never match.
	Match string
	Every time.Duration
	For   time.Duration
	// Count holds the crashes against the limits above, as [System.Crash] does.
	Count  bool
	Random *rand.Rand
}

// ErrNoMatch: no actor of the tree matches, so that a misspelt glob does not pass for a broker that survives everything.
var ErrNoMatch = errors.New("supervision: no actor matches")

// Shake crashes until its time is over, the context or the system ends, and returns how many of each kind it crashed. An actor that
// is down already is not chosen.
func (s *System) Shake(ctx context.Context, o Shake) (map[string]int, error) {
	if len(s.nodes.shakeable(o.Match)) == 0 {
		return nil, ErrNoMatch
	}
	crashed := map[string]int{}
	end := time.NewTimer(o.For)
	defer end.Stop()
	ticker := time.NewTicker(o.Every)
	defer ticker.Stop()
	for {
		select {
		case <-end.C:
			return crashed, nil
		case <-ctx.Done():
			return crashed, ctx.Err()
		case <-s.done:
			return crashed, nil
		case <-ticker.C:
		}
		there := s.nodes.shakeable(o.Match)
		if len(there) == 0 {
			continue // they come back, or others do
		}
		c := there[o.Random.IntN(len(there))]
		if life := s.nodes.status(c).life; life != nil && !life.doomed.Swap(true) {
			life.PostSystemMessage(&injection{count: o.Count})
			crashed[c.spec.kind()]++
		}
	}
}

// shakeable are the workers that run and match, and are not about to crash already.
func (ns *nodes) shakeable(glob string) []*child {
	return ns.pick(func(c *child) bool {
		return c.spec.Supervisor == nil && c.state == Running && !c.life.doomed.Load() && Glob(glob, c.path)
	})
}

// Glob says whether all of a path matches: * stands for any run of characters, slashes too, and ? for one.
func Glob(pattern, path string) bool {
	p, at := 0, 0
	star, from := -1, 0 // the newest *, and where in the path what is behind it was last tried
	for at < len(path) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, at
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == path[at]):
			p++
			at++
		case star >= 0:
			from++
			p, at = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
