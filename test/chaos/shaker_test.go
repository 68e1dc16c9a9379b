package chaos

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	adminv1 "warren/proto/admin/v1"
	"warren/test/broker"
)

// shaker crashes workers over the admin socket.
type shaker struct {
	admin   adminv1.AdminServiceClient
	random  *rand.Rand
	crashed map[string]int // by kind
	missed  int            // gone before the crash came
}

// weights say how often a kind of actor is chosen, whatever the number of its actors. A crash of the vhost's definitions or of the
// journal also restarts all that stands behind it.
var weights = map[string]int{"queue": 6, "exchange": 6, "channel": 6, "connection": 3, "dead-letters": 2, "vhost": 1, "journal": 1, "acceptor": 1}

func newShaker(t *testing.T, b *broker.Broker, random *rand.Rand) *shaker {
	return &shaker{admin: b.Admin(t), random: random, crashed: map[string]int{}}
}

func (s *shaker) tree(t *testing.T) []*adminv1.Actor {
	t.Helper()
	stream, err := s.admin.ActorsTree(context.Background(), &adminv1.ActorsTreeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var all []*adminv1.Actor
	for {
		part, err := stream.Recv()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, part.Actors...)
	}
}

// shake crashes a random worker about every so often, until the time is over or something has failed.
func (s *shaker) shake(t *testing.T, length, every time.Duration, failed <-chan struct{}) {
	only := kinds()
	end := time.After(length)
	for {
		select {
		case <-end:
			return
		case <-failed:
			return
		case <-time.After(every*4/7 + time.Duration(s.random.Int64N(int64(every*6/7)))):
		}
		workers := map[string][]string{}
		total := 0
		for _, a := range s.tree(t) {
			if w := weights[a.Kind]; w > 0 && (only == nil || only[a.Kind]) && (a.Kind != "exchange" || !strings.Contains(a.Path, "amq.")) {
				if workers[a.Kind] == nil {
					total += w
				}
				workers[a.Kind] = append(workers[a.Kind], a.Path)
			}
		}
		if total == 0 {
			continue
		}
		n := s.random.IntN(total)
		for _, kind := range slices.Sorted(maps.Keys(workers)) {
			if n -= weights[kind]; n >= 0 {
				continue
			}
			path := workers[kind][s.random.IntN(len(workers[kind]))]
			if _, err := s.admin.ActorsCrash(context.Background(), &adminv1.ActorsCrashRequest{Path: path}); err != nil {
				s.missed++
			} else {
				s.crashed[kind]++
			}
			break
		}
	}
}

func (s *shaker) String() string {
	var b strings.Builder
	fmt.Fprint(&b, "crashed")
	for _, kind := range slices.SortedFunc(maps.Keys(s.crashed), func(a, b string) int { return cmp.Compare(s.crashed[b], s.crashed[a]) }) {
		fmt.Fprintf(&b, " %d %s", s.crashed[kind], kind)
	}
	fmt.Fprintf(&b, "; %d gone before", s.missed)
	return b.String()
}

// snapshot is what a run must leave as it was.
type snapshot struct {
	actors     []string
	goroutines int64
}

func (s *shaker) snapshot(t *testing.T) snapshot {
	t.Helper()
	status, err := s.admin.Status(context.Background(), &adminv1.StatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var actors []string
	for _, a := range s.tree(t) {
		actors = append(actors, a.Path+" "+a.Kind)
	}
	return snapshot{actors, status.Goroutines}
}

// idleWorkers is what the dispatcher may keep of the goroutines that a busy time needed (supervision.dispatcherIdle). The churn
// makes more connections and channels than that, so one that leaves a goroutine behind shows.
const idleWorkers = 256

func (s *shaker) returnsTo(t *testing.T, before snapshot) {
	t.Helper()
	broker.Eventually(t, patience, fmt.Sprintf("the tree is what it was, with at most %d goroutines", before.goroutines+idleWorkers), func() (bool, any) {
		now := s.snapshot(t)
		more := slices.DeleteFunc(slices.Clone(now.actors), func(a string) bool { return slices.Contains(before.actors, a) })
		less := slices.DeleteFunc(slices.Clone(before.actors), func(a string) bool { return slices.Contains(now.actors, a) })
		t.Logf("%d goroutines, %d before", now.goroutines, before.goroutines)
		return len(more) == 0 && len(less) == 0 && now.goroutines <= before.goroutines+idleWorkers,
			fmt.Sprintf("%d goroutines, too many %v, missing %v", now.goroutines, more, less)
	})
}
