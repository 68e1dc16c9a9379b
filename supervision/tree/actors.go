package tree

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"warren/actors/queue"
	"warren/internal/admin"
	adminv1 "warren/proto/admin/v1"
	"warren/supervision"
)

// What warrenctl does to the tree.

// Tree implements admin.Actors.
func (b *Broker) Tree() []*adminv1.Actor {
	var out []*adminv1.Actor
	for _, n := range b.system.Tree() {
		out = append(out, &adminv1.Actor{
			Path: n.Path, Kind: n.Kind, Strategy: n.Strategy, Restart: n.Restart.String(), Incarnation: n.Incarnation,
			Restarts: uint64(n.Restarts + n.InjectedRestarts), MailboxLength: int64(n.MailboxLength), Uptime: durationpb.New(time.Since(n.Since)),
			LastReason: n.LastReason, State: n.State.String(), LastStack: n.LastStack,
		})
	}
	return out
}

var errChaos = errors.New("crashing actors is off: set chaos.enabled = true")

// Crash implements admin.Actors.
func (b *Broker) Crash(r *adminv1.ActorsCrashRequest) error {
	if !b.Config.ChaosEnabled {
		return errChaos
	}
	var err error
	if r.GetHang() {
		err = b.system.Hang(r.GetPath())
	} else {
		err = b.system.Crash(r.GetPath(), r.GetCount())
	}
	if errors.Is(err, supervision.ErrNotFound) {
		return admin.NoSuchActor(r.GetPath())
	}
	return err
}

// Shake implements admin.Actors.
func (b *Broker) Shake(ctx context.Context, r *adminv1.ActorsShakeRequest) (*adminv1.ActorsShakeResponse, error) {
	if !b.Config.ChaosEnabled {
		return nil, errChaos
	}
	crashed, err := b.system.Shake(ctx, supervision.Shake{
		Match: r.GetMatch(), Every: r.GetEvery().AsDuration(), For: r.GetFor().AsDuration(), Count: r.GetCount(),
		Random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())),
	})
	if errors.Is(err, supervision.ErrNoMatch) {
		return nil, admin.NoActorMatches(r.GetMatch())
	}
	if err != nil {
		return nil, err
	}
	out := &adminv1.ActorsShakeResponse{}
	for _, kind := range slices.Sorted(maps.Keys(crashed)) {
		out.Shaken = append(out.Shaken, &adminv1.Shaken{Kind: kind, Crashes: int64(crashed[kind])})
	}
	return out, nil
}

// RestartQueue implements admin.Actors.
func (b *Broker) RestartQueue(ctx context.Context, vhost, name string) error {
	d, err := b.vhostNamed(vhost)
	if err != nil {
		return err
	}
	s := d.Queue(queue.Name(name))
	if s == nil {
		return admin.NoSuchQueue(vhost, name)
	}
	if d.Down() {
		return fmt.Errorf("vhost '%s' is down: restart_vhost starts it again, with its queues", vhost)
	}
	if !s.Crashed() {
		return fmt.Errorf("queue '%s' in vhost '%s' has not crashed: there is nothing to restart", name, vhost)
	}
	done := make(chan error, 1)
	d.RestartQueue(b.system, s, func(err error) { done <- err })
	select {
	case err := <-done:
		if err != nil {
			return fmt.Errorf("queue '%s' in vhost '%s' did not start: %w", name, vhost, err)
		}
		return nil
	case <-b.Done():
		return errors.New("the broker ends")
	case <-ctx.Done():
		return ctx.Err()
	}
}
