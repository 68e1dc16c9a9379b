package admin

import (
	"context"
	"errors"
	"io"
	"slices"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "warren/proto/admin/v1"
)

// jsonPiece is how many bytes go into one message.
const jsonPiece = 256 << 10

// definitionsLimit bounds what is imported at once: some five million queues.
const definitionsLimit = 1 << 30

// BadDefinitions is the answer to definitions that cannot be imported, and of which nothing was.
func BadDefinitions(err error) error {
	return status.Error(codes.InvalidArgument, err.Error())
}

func (s *service) ExportDefinitions(_ *adminv1.ExportDefinitionsRequest, stream grpc.ServerStreamingServer[adminv1.ExportDefinitionsResponse]) error {
	json, err := s.app.Current().ExportDefinitions()
	if err != nil {
		return err
	}
	for piece := range slices.Chunk(json, jsonPiece) {
		if err := stream.Send(&adminv1.ExportDefinitionsResponse{Json: piece}); err != nil {
			return err
		}
	}
	return nil
}

func (s *service) ImportDefinitions(stream grpc.ClientStreamingServer[adminv1.ImportDefinitionsRequest, adminv1.ImportDefinitionsResponse]) error {
	var json []byte
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if json = append(json, piece.GetJson()...); len(json) > definitionsLimit {
			return BadDefinitions(errors.New("the definitions have more than 1 GiB"))
		}
	}
	imported, err := s.app.Current().ImportDefinitions(stream.Context(), json)
	if err != nil {
		return err
	}
	return stream.SendAndClose(imported)
}

// ReadDefinitions asks a broker for its definitions.
func ReadDefinitions(ctx context.Context, client adminv1.AdminServiceClient) ([]byte, error) {
	stream, err := client.ExportDefinitions(ctx, &adminv1.ExportDefinitionsRequest{})
	if err != nil {
		return nil, err
	}
	var json []byte
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return json, nil
		}
		if err != nil {
			return nil, err
		}
		json = append(json, piece.GetJson()...)
	}
}

// WriteDefinitions gives definitions to a broker.
func WriteDefinitions(ctx context.Context, client adminv1.AdminServiceClient, json []byte) (*adminv1.ImportDefinitionsResponse, error) {
	stream, err := client.ImportDefinitions(ctx)
	if err != nil {
		return nil, err
	}
	for piece := range slices.Chunk(json, jsonPiece) {
		if err := stream.Send(&adminv1.ImportDefinitionsRequest{Json: piece}); err != nil {
			break // the answer says why
		}
	}
	return stream.CloseAndRecv()
}
