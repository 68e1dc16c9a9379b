package admin

import (
	"context"
	"runtime/debug"

	"github.com/rs/zerolog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "warren/proto/admin/v1"
)

// interceptor stands around every call: looking at the broker must never hurt it. A panic becomes an error of that call, an error
// gets a code, and what goes out is made valid.
//
// While the broker starts or is stopped, only what early names is answered.
type interceptor struct {
	log zerolog.Logger
	app App
}

var early = map[string]bool{
	adminv1.AdminService_Status_FullMethodName: true, adminv1.AdminService_JournalStatus_FullMethodName: true,
	adminv1.AdminService_ActorsTree_FullMethodName: true, adminv1.AdminService_Stop_FullMethodName: true,
	adminv1.AdminService_StopApp_FullMethodName: true, adminv1.AdminService_StartApp_FullMethodName: true,
}

func (i interceptor) admit(method string) error {
	if early[method] {
		return nil
	}
	return i.app.Current().Starting()
}

func (i interceptor) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (response any, err error) {
	defer i.recover(info.FullMethod, &err)
	if err = i.admit(info.FullMethod); err != nil {
		return nil, coded(err)
	}
	response, err = handle(ctx, request)
	makeValid(response)
	return response, coded(err)
}

func (i interceptor) stream(service any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
	defer i.recover(info.FullMethod, &err)
	if err = i.admit(info.FullMethod); err != nil {
		return coded(err)
	}
	return coded(handle(service, validStream{stream}))
}

func (i interceptor) recover(method string, err *error) {
	if reason := recover(); reason != nil {
		i.log.Error().Str("method", method).Interface("reason", reason).Bytes("stack", debug.Stack()).Msg("an admin call panicked")
		*err = status.Errorf(codes.Internal, "The broker failed to answer: %v", reason)
	}
}

// coded gives an error without a code the one for "not now, not like this".
func coded(err error) error {
	if _, has := status.FromError(err); has {
		return err
	}
	return status.Error(codes.FailedPrecondition, err.Error())
}

type validStream struct {
	grpc.ServerStream
}

func (s validStream) SendMsg(message any) error {
	makeValid(message)
	return s.ServerStream.SendMsg(message)
}
