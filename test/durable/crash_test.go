package durable

import (
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	adminv1 "warren/proto/admin/v1"
	"warren/test/broker"
)

// K-31, K-32 (DESIGN 5): actors that crash lose nothing, and neither does the process that is killed while they come back.
func TestActorCrashAndKill(t *testing.T) {
	t.Parallel()
	endings(t, rounds(t, 4), (*broker.Broker).Kill, shake, broker.Set("chaos.enabled", "true"), broker.Set("paging.queue_resident_limit", "4KiB"))
}

// shake crashes queues, the vhost's definitions and the journal until it is over.
func shake(t *testing.T, b *broker.Broker, random *rand.Rand, over <-chan struct{}) {
	t.Helper()
	client := b.Admin(t)
	crashed := map[string]int{}
	for {
		select {
		case <-over:
			t.Logf("crashed: %v", crashed)
			return
		case <-time.After(time.Duration(20+random.IntN(120)) * time.Millisecond):
		}
		paths := workers(t, client)
		kind := []string{"queue", "queue", "queue", "vhost", "journal", "journal", "exchange"}[random.IntN(7)]
		if len(paths[kind]) == 0 {
			continue
		}
		path := paths[kind][random.IntN(len(paths[kind]))]
		if _, err := client.ActorsCrash(context.Background(), &adminv1.ActorsCrashRequest{Path: path}); err == nil { // else it was gone
			crashed[kind]++
		}
	}
}

// workers are the paths of actors by kind, without those that every vhost has and nobody uses here.
func workers(t *testing.T, client adminv1.AdminServiceClient) map[string][]string {
	t.Helper()
	stream, err := client.ActorsTree(context.Background(), &adminv1.ActorsTreeRequest{})
	must(t, err)
	out := map[string][]string{}
	for {
		part, err := stream.Recv()
		if err == io.EOF {
			return out
		}
		must(t, err)
		for _, a := range part.Actors {
			if !strings.Contains(a.Path, "/exchanges/amq.") {
				out[a.Kind] = append(out[a.Kind], a.Path)
			}
		}
	}
}
