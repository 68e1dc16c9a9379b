package admin

import (
	"slices"

	"google.golang.org/grpc"

	adminv1 "warren/proto/admin/v1"
)

// pieceLength is how many items go into one message: far below gRPC's limit of 4 MiB even when each item has large arguments.
const pieceLength = 64

func (s *service) ListConnections(_ *adminv1.ListConnectionsRequest, stream grpc.ServerStreamingServer[adminv1.ListConnectionsResponse]) error {
	return sendPieces(stream, s.app.Current().Connections(), nil, func(piece []*adminv1.Connection) *adminv1.ListConnectionsResponse {
		return &adminv1.ListConnectionsResponse{Connections: piece}
	})
}

func (s *service) ListChannels(_ *adminv1.ListChannelsRequest, stream grpc.ServerStreamingServer[adminv1.ListChannelsResponse]) error {
	return sendPieces(stream, s.app.Current().Channels(), nil, func(piece []*adminv1.Channel) *adminv1.ListChannelsResponse {
		return &adminv1.ListChannelsResponse{Channels: piece}
	})
}

func (s *service) ListExchanges(r *adminv1.ListExchangesRequest, stream grpc.ServerStreamingServer[adminv1.ListExchangesResponse]) error {
	items, err := s.app.Current().Exchanges(r.GetVhost())
	return sendPieces(stream, items, err, func(piece []*adminv1.Exchange) *adminv1.ListExchangesResponse {
		return &adminv1.ListExchangesResponse{Exchanges: piece}
	})
}

func (s *service) ListQueues(r *adminv1.ListQueuesRequest, stream grpc.ServerStreamingServer[adminv1.ListQueuesResponse]) error {
	items, err := s.app.Current().Queues(r.GetVhost())
	return sendPieces(stream, items, err, func(piece []*adminv1.Queue) *adminv1.ListQueuesResponse {
		return &adminv1.ListQueuesResponse{Queues: piece}
	})
}

func (s *service) ListBindings(r *adminv1.ListBindingsRequest, stream grpc.ServerStreamingServer[adminv1.ListBindingsResponse]) error {
	items, err := s.app.Current().Bindings(r.GetVhost())
	return sendPieces(stream, items, err, func(piece []*adminv1.Binding) *adminv1.ListBindingsResponse {
		return &adminv1.ListBindingsResponse{Bindings: piece}
	})
}

func (s *service) ListConsumers(r *adminv1.ListConsumersRequest, stream grpc.ServerStreamingServer[adminv1.ListConsumersResponse]) error {
	items, err := s.app.Current().Consumers(r.GetVhost())
	return sendPieces(stream, items, err, func(piece []*adminv1.Consumer) *adminv1.ListConsumersResponse {
		return &adminv1.ListConsumersResponse{Consumers: piece}
	})
}

// sendPieces sends a list in messages of bounded size, or the error that was got instead of the list.
func sendPieces[Item, Response any](
	stream grpc.ServerStreamingServer[Response], items []Item, err error, wrap func([]Item) *Response,
) error {
	if err != nil {
		return err
	}
	for piece := range slices.Chunk(items, pieceLength) {
		if err := stream.Send(wrap(piece)); err != nil {
			return err
		}
	}
	return nil
}
