package admin

import (
	"context"

	"google.golang.org/grpc"

	adminv1 "warren/proto/admin/v1"
)

func (s *service) Define(ctx context.Context, r *adminv1.DefineRequest) (*adminv1.DefineResponse, error) {
	return &adminv1.DefineResponse{}, s.app.Current().Define(ctx, r)
}

func (s *service) AuthenticateUser(_ context.Context, r *adminv1.AuthenticateUserRequest) (*adminv1.AuthenticateUserResponse, error) {
	return &adminv1.AuthenticateUserResponse{Refusal: s.app.Current().AuthenticateUser(r.GetName(), r.GetPassword())}, nil
}

func (s *service) RestartVHost(ctx context.Context, r *adminv1.RestartVHostRequest) (*adminv1.RestartVHostResponse, error) {
	wasRunning, err := s.app.Current().RestartVHost(ctx, r.GetName())
	return &adminv1.RestartVHostResponse{WasRunning: wasRunning}, err
}

func (s *service) CloseConnections(ctx context.Context, r *adminv1.CloseConnectionsRequest) (*adminv1.CloseConnectionsResponse, error) {
	closed, err := s.app.Current().CloseConnections(ctx, r)
	return &adminv1.CloseConnectionsResponse{Closed: closed}, err
}

func (s *service) ListVHosts(_ *adminv1.ListVHostsRequest, stream grpc.ServerStreamingServer[adminv1.ListVHostsResponse]) error {
	return sendPieces(stream, s.app.Current().VHosts(), nil, func(piece []*adminv1.VHost) *adminv1.ListVHostsResponse {
		return &adminv1.ListVHostsResponse{Vhosts: piece}
	})
}

func (s *service) ListUsers(_ *adminv1.ListUsersRequest, stream grpc.ServerStreamingServer[adminv1.ListUsersResponse]) error {
	return sendPieces(stream, s.app.Current().Users(), nil, func(piece []*adminv1.User) *adminv1.ListUsersResponse {
		return &adminv1.ListUsersResponse{Users: piece}
	})
}

func (s *service) ListPermissions(r *adminv1.ListPermissionsRequest, stream grpc.ServerStreamingServer[adminv1.ListPermissionsResponse]) error {
	items, err := s.app.Current().Permissions(r)
	return sendPieces(stream, items, err, func(piece []*adminv1.Permission) *adminv1.ListPermissionsResponse {
		return &adminv1.ListPermissionsResponse{Permissions: piece}
	})
}

func (s *service) ListTopicPermissions(
	r *adminv1.ListTopicPermissionsRequest, stream grpc.ServerStreamingServer[adminv1.ListTopicPermissionsResponse],
) error {
	items, err := s.app.Current().TopicPermissions(r)
	return sendPieces(stream, items, err, func(piece []*adminv1.TopicPermission) *adminv1.ListTopicPermissionsResponse {
		return &adminv1.ListTopicPermissionsResponse{Permissions: piece}
	})
}

func (s *service) ListLimits(r *adminv1.ListLimitsRequest, stream grpc.ServerStreamingServer[adminv1.ListLimitsResponse]) error {
	items, err := s.app.Current().Limits(r)
	return sendPieces(stream, items, err, func(piece []*adminv1.Limits) *adminv1.ListLimitsResponse {
		return &adminv1.ListLimitsResponse{Limits: piece}
	})
}

func (s *service) ListPolicies(r *adminv1.ListPoliciesRequest, stream grpc.ServerStreamingServer[adminv1.ListPoliciesResponse]) error {
	items, err := s.app.Current().Policies(r)
	return sendPieces(stream, items, err, func(piece []*adminv1.Policy) *adminv1.ListPoliciesResponse {
		return &adminv1.ListPoliciesResponse{Policies: piece}
	})
}
