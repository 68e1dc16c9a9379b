package admin

import (
	"context"

	adminv1 "warren/proto/admin/v1"
)

func (s *service) SetMemoryHighWatermark(_ context.Context, r *adminv1.SetMemoryHighWatermarkRequest) (*adminv1.SetMemoryHighWatermarkResponse, error) {
	return &adminv1.SetMemoryHighWatermarkResponse{}, s.app.Current().SetMemoryHighWatermark(r)
}

func (s *service) SetDiskFreeLimit(_ context.Context, r *adminv1.SetDiskFreeLimitRequest) (*adminv1.SetDiskFreeLimitResponse, error) {
	return &adminv1.SetDiskFreeLimitResponse{}, s.app.Current().SetDiskFreeLimit(r)
}
