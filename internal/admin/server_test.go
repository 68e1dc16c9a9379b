package admin

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "warren/proto/admin/v1"
)

// fake is a broker of many queues.
type fake struct {
	Broker
	queues   int
	stopped  chan struct{}
	starting error
}

func (f *fake) Starting() error { return f.starting }

func (f *fake) Status() *adminv1.StatusResponse { return &adminv1.StatusResponse{Pid: 42} }

func (f *fake) Queues(vhost string) ([]*adminv1.Queue, error) {
	if vhost != "/" {
		return nil, NoSuchVHost(vhost)
	}
	var queues []*adminv1.Queue
	for i := range f.queues {
		queues = append(queues, &adminv1.Queue{Name: strconv.Itoa(i), Arguments: &adminv1.Table{
			Fields: []*adminv1.Field{{Name: "x", Value: &adminv1.Value{Kind: &adminv1.Value_Text{Text: "\xff!"}}}},
		}})
	}
	return queues, nil
}

func (f *fake) Tree() []*adminv1.Actor                  { panic("the tree is rotten") }
func (f *fake) Crash(*adminv1.ActorsCrashRequest) error { return errors.New("chaos.enabled is false") }
func (f *fake) Current() Broker                         { return f }
func (f *fake) StopApp() error                          { return nil }
func (f *fake) StartApp() error                         { return errors.New("the address is taken") }
func (f *fake) Stop()                                   { close(f.stopped) }

// serve starts a server in the directory and returns a client of it.
func serve(t *testing.T, dir string, f *fake) (adminv1.AdminServiceClient, *Server) {
	t.Helper()
	s, err := Serve(dir, f, zerolog.New(zerolog.NewTestWriter(t)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	conn, err := Dial(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return adminv1.NewAdminServiceClient(conn), s
}

func status1(t *testing.T, client adminv1.AdminServiceClient) error {
	t.Helper()
	s, err := client.Status(context.Background(), &adminv1.StatusRequest{})
	if err == nil && s.GetPid() != 42 {
		t.Fatalf("somebody else answered: %v", s)
	}
	return err
}

// Issue 3, progress: a broker that is starting says how far it is, can be stopped, and has nothing to show yet.
func TestWhileTheBrokerStarts(t *testing.T) {
	f := &fake{queues: 1, starting: errors.New("the broker is starting: 1 of 2"), stopped: make(chan struct{})}
	client, _ := serve(t, t.TempDir(), f)
	if err := status1(t, client); err != nil {
		t.Error(err)
	}
	list, err := client.ListQueues(context.Background(), &adminv1.ListQueuesRequest{Vhost: "/"})
	if err == nil {
		_, err = list.Recv()
	}
	if status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "1 of 2") {
		t.Errorf("list: %v", err)
	}
	if _, err := client.Define(context.Background(), &adminv1.DefineRequest{}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("define: %v", err)
	}
	if _, err := client.StopApp(context.Background(), &adminv1.StopAppRequest{}); err != nil {
		t.Error(err)
	}
	if _, err := client.StartApp(context.Background(), &adminv1.StartAppRequest{}); status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "taken") {
		t.Errorf("start: %v", err)
	}
	if _, err := client.Stop(context.Background(), &adminv1.StopRequest{}); err != nil {
		t.Error(err)
	}
	<-f.stopped
}

// Package doc: whoever can connect may stop the broker, so only its own user can.
func TestTheSocketIsForItsUserAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there", "yet")
	client, s := serve(t, dir, &fake{})
	if err := status1(t, client); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(SocketPath(dir))
	if err != nil || info.Mode() != os.ModeSocket|0o600 {
		t.Errorf("got mode %v, error %v", info.Mode(), err)
	}

	s.Close()
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := status1(t, client); status.Code(err) != codes.Unavailable {
		t.Errorf("after Close: %v", err)
	}
}

// A broker that was killed leaves its socket; the next one takes its place, but never that of a broker that lives.
func TestStaleSocketIsReplacedLivingOneIsNot(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{socketName, socketName + ".new"} {
		l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, name), Net: "unix"})
		if err != nil {
			t.Fatal(err)
		}
		l.SetUnlinkOnClose(false)
		_ = l.Close()
	}
	client, _ := serve(t, dir, &fake{})
	if err := status1(t, client); err != nil {
		t.Fatal(err)
	}

	_, err := Serve(dir, &fake{}, zerolog.Nop())
	if want := "admin: another broker answers on " + SocketPath(dir); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := status1(t, client); err != nil {
		t.Errorf("the first broker was hurt: %v", err)
	}
}

// A unix socket's address holds some hundred bytes; a data directory may be deeper than that.
func TestDeepDataDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("deep/", 40))
	if _, err := os.Stat("/proc/self/fd"); err != nil {
		_, err := Serve(dir, &fake{}, zerolog.Nop())
		if err == nil || !strings.Contains(err.Error(), "choose a shorter data directory") {
			t.Errorf("got %v", err)
		}
		return
	}
	client, _ := serve(t, dir, &fake{})
	if err := status1(t, client); err != nil {
		t.Error(err)
	}
}

// admin.proto: lists come in pieces, whole and in order, and bytes that are no UTF-8 do not spoil them.
func TestListsComeInPieces(t *testing.T) {
	const count = 3*pieceLength + 1
	client, _ := serve(t, t.TempDir(), &fake{queues: count})
	stream, err := client.ListQueues(context.Background(), &adminv1.ListQueuesRequest{Vhost: "/"})
	if err != nil {
		t.Fatal(err)
	}
	var got []*adminv1.Queue
	for {
		piece, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, piece.GetQueues()...)
	}
	if len(got) != count {
		t.Fatalf("got %d queues, want %d", len(got), count)
	}
	for i, q := range got {
		if text := q.GetArguments().GetFields()[0].GetValue().GetText(); q.GetName() != strconv.Itoa(i) || text != "\uFFFD!" {
			t.Fatalf("item %d is %v", i, q)
		}
	}
}

// interceptor: looking at the broker must never hurt it, and errors keep the code they were given.
func TestErrorsAndPanics(t *testing.T) {
	client, _ := serve(t, t.TempDir(), &fake{})
	ctx := context.Background()

	queues, err := client.ListQueues(ctx, &adminv1.ListQueuesRequest{Vhost: "v"})
	if err == nil {
		_, err = queues.Recv()
	}
	if s := status.Convert(err); s.Code() != codes.NotFound || s.Message() != "Virtual host 'v' does not exist" {
		t.Errorf("unknown vhost: %v", err)
	}
	_, err = client.ActorsCrash(ctx, &adminv1.ActorsCrashRequest{Path: "core"})
	if s := status.Convert(err); s.Code() != codes.FailedPrecondition || s.Message() != "chaos.enabled is false" {
		t.Errorf("refused crash: %v", err)
	}
	_, err = client.ActorsShake(ctx, &adminv1.ActorsShakeRequest{Match: "*", Every: durationpb.New(time.Second)})
	if s := status.Convert(err); s.Code() != codes.InvalidArgument || !strings.Contains(s.Message(), "must be more than nothing") {
		t.Errorf("shake for no time: %v", err)
	}
	tree, err := client.ActorsTree(ctx, &adminv1.ActorsTreeRequest{})
	if err == nil {
		_, err = tree.Recv()
	}
	if s := status.Convert(err); s.Code() != codes.Internal || !strings.Contains(s.Message(), "the tree is rotten") {
		t.Errorf("panic: %v", err)
	}
	if err := status1(t, client); err != nil {
		t.Errorf("the panic took the server along: %v", err)
	}
}

// Broker.Stop may close this very server before it returns.
func TestStopAnswersFirst(t *testing.T) {
	f := &fake{stopped: make(chan struct{})}
	client, s := serve(t, t.TempDir(), f)
	if _, err := client.Stop(context.Background(), &adminv1.StopRequest{}); err != nil {
		t.Fatal(err)
	}
	<-f.stopped
	s.Close()
	s.Close()
}
