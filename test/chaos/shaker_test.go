package chaos

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "warren/proto/admin/v1"
	"warren/test/broker"
)

// shaker crashes workers over the admin socket.
type shaker struct {
	admin adminv1.AdminServiceClient

	mu      sync.Mutex
	crashed map[string]int // by kind
}

// victims are the actors to crash, and in how many of 26 crashes it is one of those, whatever their number. A crash of the vhost's
// definitions or of the journal also restarts all that stands behind it. Supervisors never match.
var victims = []struct {
	kind, match string
	weight      int
}{
	{"queue", "*/queues/*", 6}, {"exchange", "*/exchanges/c*", 4}, {"exchange", "*/exchanges/%", 2}, {"channel", "*/connections/*/channel%20*", 6},
	{"connection", "*/connections/*/connection", 3}, {"vhost", "*/definitions", 1}, {"journal", "warren/core/journal", 1}, {"acceptor", "*/acceptor", 1},
	{"dead-letters", "*/dead-letters", 2},
}

const weights = 26

func newShaker(t *testing.T, b *broker.Broker) *shaker {
	return &shaker{admin: b.Admin(t), crashed: map[string]int{}}
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

// shake crashes a random worker about every so often, until the time is over or something has failed. The broker does it itself: a call
// for each would be too slow on a busy machine.
func (s *shaker) shake(t *testing.T, length, every time.Duration, failed <-chan struct{}) {
	t.Helper()
	only := kinds()
	ctx, cancel := context.WithTimeout(context.Background(), length+patience)
	defer cancel()
	var shaking sync.WaitGroup
	for _, v := range victims {
		if only != nil && !only[v.kind] {
			continue
		}
		shaking.Go(func() {
			end := time.Now().Add(length)
			shake := func() (*adminv1.ActorsShakeResponse, error) {
				return s.admin.ActorsShake(ctx, &adminv1.ActorsShakeRequest{
					Match: v.match, Every: durationpb.New(every * weights / time.Duration(v.weight)), For: durationpb.New(time.Until(end)),
				})
			}
			done, err := shake()
			for status.Code(err) == codes.NotFound && time.Until(end) > time.Second { // others have just crashed what it stands below
				<-time.After(10 * time.Millisecond)
				done, err = shake()
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if err != nil && ctx.Err() == nil {
				t.Errorf("shaking %s: %v", v.match, err)
			}
			for _, k := range done.GetShaken() {
				s.crashed[k.GetKind()] += int(k.GetCrashes())
			}
		})
	}
	over := make(chan struct{})
	go func() { shaking.Wait(); close(over) }()
	select {
	case <-over:
	case <-failed:
		cancel()
		<-over
	}
}

func (s *shaker) String() string {
	var b strings.Builder
	fmt.Fprint(&b, "crashed")
	for _, kind := range slices.SortedFunc(maps.Keys(s.crashed), func(a, b string) int { return cmp.Compare(s.crashed[b], s.crashed[a]) }) {
		fmt.Fprintf(&b, " %d %s", s.crashed[kind], kind)
	}
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
