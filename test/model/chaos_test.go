package model

import (
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

// K-31, K-32: with a random actor crashed between any two steps the broker still does what the model does, no close and no flag more.
func TestModelWhileActorsCrash(t *testing.T) {
	b := broker.Start(t, broker.Set("chaos.enabled", "true"))
	c := &crasher{admin: b.Admin(t), random: rand.New(rand.NewPCG(seed(t), 1)), crashed: map[string]int{}}
	play(t, b.Addr, span(t), func(r *run) {
		r.between = func() { c.crash(t) }
		r.limit = 20 * time.Second
	})
	t.Log(c)
}

// crasher makes workers panic, one of a random kind at a time.
type crasher struct {
	admin   adminv1.AdminServiceClient
	random  *rand.Rand
	crashed map[string]int
}

// kinds of actors that crash; the journal and the vhost take along all that stands behind them, so they are rarer.
var kinds = []string{"queue", "queue", "queue", "exchange", "exchange", "channel", "channel", "channel", "connection", "vhost", "journal"}

func (c *crasher) crash(t *testing.T) {
	t.Helper()
	kind := kinds[c.random.IntN(len(kinds))]
	if c.random.IntN(3) > 0 && (kind == "vhost" || kind == "journal") {
		return
	}
	stream, err := c.admin.ActorsTree(context.Background(), &adminv1.ActorsTreeRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for {
		part, err := stream.Recv()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range part.Actors {
			if a.Kind == kind && !strings.Contains(a.Path, "amq.") {
				paths = append(paths, a.Path)
			}
		}
	}
	if len(paths) == 0 {
		return
	}
	path := paths[c.random.IntN(len(paths))]
	if _, err := c.admin.ActorsCrash(context.Background(), &adminv1.ActorsCrashRequest{Path: path}); err == nil { // else it is gone by now
		c.crashed[kind]++
	}
}

func (c *crasher) String() string {
	var b strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(c.crashed)) {
		fmt.Fprintf(&b, "%d %s ", c.crashed[kind], kind)
	}
	return "crashed " + b.String()
}
