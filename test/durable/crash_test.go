package durable

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "warren/proto/admin/v1"
	"warren/test/broker"
)

// K-31, K-32 (DESIGN 5): actors that crash lose nothing, and neither does the process that is killed while they come back.
func TestActorCrashAndKill(t *testing.T) {
	t.Parallel()
	endings(t, rounds(t, 4), (*broker.Broker).Kill, shake, broker.Set("chaos.enabled", "true"), broker.Set("paging.queue_resident_limit", "4KiB"))
}

// K-31, K-32 (issue 5): the same with crashes in the middle of turns.
func TestCrashInATurnAndKill(t *testing.T) {
	t.Parallel()
	endings(t, rounds(t, 4), (*broker.Broker).Kill, nil, broker.Set("chaos.enabled", "true"), broker.Set("chaos.append_panics", "1/100"))
}

// shake crashes a random actor of some kind about every 10 ms until it is over.
func shake(t *testing.T, b *broker.Broker, _ *rand.Rand, over <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	client := b.Admin(t)
	var shaking sync.WaitGroup
	for match, every := range map[string]time.Duration{
		"*/queues/*": 25 * time.Millisecond, "*/exchanges/*": 50 * time.Millisecond, "*/connections/*": 30 * time.Millisecond,
		"*/definitions": 150 * time.Millisecond, "warren/core/journal": 75 * time.Millisecond,
	} {
		shaking.Go(func() {
			for ctx.Err() == nil {
				_, err := client.ActorsShake(ctx, &adminv1.ActorsShakeRequest{Match: match, Every: durationpb.New(every), For: durationpb.New(patience)})
				if status.Code(err) == codes.NotFound { // the clients are not there yet
					<-time.After(time.Millisecond)
					continue
				}
				if err != nil && ctx.Err() == nil {
					t.Errorf("shaking %s: %v", match, err)
				}
				return
			}
		})
	}
	<-over
	cancel()
	shaking.Wait()
}
