package admin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rs/zerolog"
	"google.golang.org/grpc"

	adminv1 "warren/proto/admin/v1"
)

// closeTimeout is how long Close waits for answers that are on their way.
const closeTimeout = 2 * time.Second

// Server answers warrenctl until it is closed.
type Server struct {
	directory *directory
	grpc      *grpc.Server
	served    chan struct{} // closed when the serving goroutine has ended
}

// Serve opens the socket in the data directory, which it creates if need be, and answers from the broker.
func Serve(dataDir string, a App, log zerolog.Logger) (*Server, error) {
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return nil, fmt.Errorf("admin: create the data directory: %w", err)
	}
	d, err := openDirectory(dataDir)
	if err != nil {
		return nil, err
	}
	l, err := d.listen()
	if err != nil {
		d.close()
		return nil, err
	}

	i := interceptor{log, a}
	s := &Server{
		directory: d,
		grpc:      grpc.NewServer(grpc.UnaryInterceptor(i.unary), grpc.StreamInterceptor(i.stream)),
		served:    make(chan struct{}),
	}
	adminv1.RegisterAdminServiceServer(s.grpc, &service{app: a})
	go func() {
		defer close(s.served)
		if err := s.grpc.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			log.Error().Err(err).Msg("the admin socket is closed: warrenctl gets no more answers")
		}
	}()
	return s, nil
}

// Close lets answers on their way finish, for a moment, and removes the socket. To warrenctl stop its end says that the broker is
// down, so it is the last thing to close. Closing twice is harmless.
func (s *Server) Close() {
	impatient := time.AfterFunc(closeTimeout, s.grpc.Stop)
	s.grpc.GracefulStop()
	impatient.Stop()
	<-s.served
	s.directory.remove()
	s.directory.close()
}

// service turns calls into calls of the App and its Broker.
type service struct {
	adminv1.UnimplementedAdminServiceServer
	app App
}

func (s *service) Status(context.Context, *adminv1.StatusRequest) (*adminv1.StatusResponse, error) {
	return s.app.Current().Status(), nil
}

func (s *service) Stop(context.Context, *adminv1.StopRequest) (*adminv1.StopResponse, error) {
	// Not here: a shutdown closes this server, which waits for this very call.
	go s.app.Current().Stop()
	return &adminv1.StopResponse{}, nil
}

func (s *service) StopApp(context.Context, *adminv1.StopAppRequest) (*adminv1.StopAppResponse, error) {
	return &adminv1.StopAppResponse{}, s.app.StopApp()
}

func (s *service) StartApp(context.Context, *adminv1.StartAppRequest) (*adminv1.StartAppResponse, error) {
	return &adminv1.StartAppResponse{}, s.app.StartApp()
}

func (s *service) JournalStatus(context.Context, *adminv1.JournalStatusRequest) (*adminv1.JournalStatusResponse, error) {
	return s.app.Current().JournalStatus(), nil
}
