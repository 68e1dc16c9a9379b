package admin

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "warren/proto/admin/v1"
)

// Actors is what can be seen of the supervision tree and done to it. Shaking fails where chaos.enabled is not set.
type Actors interface {
	// Tree is the supervision tree, parents before their children.
	Tree() []*adminv1.Actor
	// Crash makes an actor panic in its next turn. The error is NoSuchActor when nothing is at that path.
	Crash(*adminv1.ActorsCrashRequest) error
	// Shake crashes random actors and returns when it is done, or early with the error of the context. The error is NoActorMatches
	// when none does.
	Shake(context.Context, *adminv1.ActorsShakeRequest) (*adminv1.ActorsShakeResponse, error)
	// RestartQueue starts a queue that was given up and returns when it runs. The error is NoSuchVHost or NoSuchQueue when it is not
	// there.
	RestartQueue(ctx context.Context, vhost, name string) error
}

func (s *service) ActorsTree(_ *adminv1.ActorsTreeRequest, stream grpc.ServerStreamingServer[adminv1.ActorsTreeResponse]) error {
	return sendPieces(stream, s.app.Current().Tree(), nil, func(piece []*adminv1.Actor) *adminv1.ActorsTreeResponse {
		return &adminv1.ActorsTreeResponse{Actors: piece}
	})
}

func (s *service) ActorsCrash(_ context.Context, r *adminv1.ActorsCrashRequest) (*adminv1.ActorsCrashResponse, error) {
	return &adminv1.ActorsCrashResponse{}, s.app.Current().Crash(r)
}

func (s *service) ActorsShake(ctx context.Context, r *adminv1.ActorsShakeRequest) (*adminv1.ActorsShakeResponse, error) {
	if r.GetEvery().AsDuration() <= 0 || r.GetFor().AsDuration() <= 0 {
		return nil, status.Errorf(codes.InvalidArgument, "every %v for %v: both must be more than nothing",
			r.GetEvery().AsDuration(), r.GetFor().AsDuration())
	}
	return s.app.Current().Shake(ctx, r)
}

func (s *service) RestartQueue(ctx context.Context, r *adminv1.RestartQueueRequest) (*adminv1.RestartQueueResponse, error) {
	return &adminv1.RestartQueueResponse{}, s.app.Current().RestartQueue(ctx, r.GetVhost(), r.GetName())
}

// NoSuchActor is the answer to the crash of an actor that is not there.
func NoSuchActor(path string) error {
	return status.Errorf(codes.NotFound, "There is no actor at '%s': warrenctl actors tree shows those there are", path)
}

// NoActorMatches is the answer to a glob that fits nobody.
func NoActorMatches(glob string) error {
	return status.Errorf(codes.NotFound, "No actor's path matches '%s': warrenctl actors tree --formatter json shows them", glob)
}

// NoSuchQueue is the answer to a command about a queue that is not there, in the words of a passive declare.
func NoSuchQueue(vhost, name string) error {
	return status.Errorf(codes.NotFound, "no queue '%s' in vhost '%s'", name, vhost)
}
