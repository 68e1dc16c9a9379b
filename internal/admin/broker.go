// Package admin lets a person look into a running broker and shake it: the server behind warrenctl.
//
// It speaks gRPC (proto/admin/v1) on a unix socket in the data directory, which only the broker's own user may open: whoever can
// connect may read and stop everything, as whoever knows RabbitMQ's Erlang cookie may. It knows the broker as the Broker below and
// nothing of actors.
package admin

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "warren/proto/admin/v1"
)

// App is the broker of a process that goes on answering while it is stopped (rabbitmqctl stop_app, start_app).
type App interface {
	// Current is the broker that runs or, between a stop and a start, the one that ran last.
	Current() Broker
	// StopApp returns when the broker is stopped, StartApp when it serves clients. Each does nothing when that is so already.
	StopApp() error
	StartApp() error
}

// Broker is what can be seen and done. Every method is called from goroutines of the server, several at a time, and answers from
// published state: none waits for an actor's turn but those that take a context, so that a broker that is stuck can still be looked at.
// What they return is given away.
type Broker interface {
	// Starting says why there is nothing to see or to do but Status, JournalStatus, Tree and Stop, yet or any more; nil when there is.
	Starting() error
	Status() *adminv1.StatusResponse
	Connections() []*adminv1.Connection
	Channels() []*adminv1.Channel
	// The error is NoSuchVHost when there is none of that name.
	Exchanges(vhost string) ([]*adminv1.Exchange, error)
	Queues(vhost string) ([]*adminv1.Queue, error)
	Bindings(vhost string) ([]*adminv1.Binding, error)
	Consumers(vhost string) ([]*adminv1.Consumer, error)
	Actors
	// JournalStatus is the journal as it was after its newest commit.
	JournalStatus() *adminv1.JournalStatusResponse
	// ExportDefinitions is the whole broker in RabbitMQ's JSON form.
	ExportDefinitions() ([]byte, error)
	// ImportDefinitions declares what is in that form. The error is BadDefinitions when nothing was.
	ImportDefinitions(ctx context.Context, json []byte) (*adminv1.ImportDefinitionsResponse, error)
	// Define changes users, vhosts, permissions, limits or policies. It returns when that is on the disk.
	Define(ctx context.Context, r *adminv1.DefineRequest) error
	// AuthenticateUser says why a password is not the user's; empty when it is.
	AuthenticateUser(name, password string) (refusal string)
	RestartVHost(ctx context.Context, name string) (wasRunning bool, err error)
	CloseConnections(ctx context.Context, r *adminv1.CloseConnectionsRequest) (closed int64, err error)
	// SetMemoryHighWatermark and SetDiskFreeLimit hold until the broker stops.
	SetMemoryHighWatermark(r *adminv1.SetMemoryHighWatermarkRequest) error
	SetDiskFreeLimit(r *adminv1.SetDiskFreeLimitRequest) error
	VHosts() []*adminv1.VHost
	Users() []*adminv1.User
	Permissions(r *adminv1.ListPermissionsRequest) ([]*adminv1.Permission, error)
	TopicPermissions(r *adminv1.ListTopicPermissionsRequest) ([]*adminv1.TopicPermission, error)
	Limits(r *adminv1.ListLimitsRequest) ([]*adminv1.Limits, error)
	Policies(r *adminv1.ListPoliciesRequest) ([]*adminv1.Policy, error)
	// Stop begins the orderly shutdown. It may return before that is over or after.
	Stop()
}

// NoSuchVHost is the answer to a list of a vhost that is not there, in RabbitMQ's words.
func NoSuchVHost(name string) error {
	return status.Errorf(codes.NotFound, "Virtual host '%s' does not exist", name)
}

// NoSuchUser is the answer to what is about a user that is not there.
func NoSuchUser(text string) error { return status.Error(codes.Unauthenticated, text) }

// Exists is the answer to making what is there.
func Exists(text string) error { return status.Error(codes.AlreadyExists, text) }

// Invalid is the answer to a command that makes no sense.
func Invalid(text string) error { return status.Error(codes.InvalidArgument, text) }

// NoSuchConnection is the answer to closing a connection that is not there.
func NoSuchConnection(pid string) error {
	return status.Errorf(codes.NotFound, "There is no connection '%s': warrenctl list_connections pid shows those there are", pid)
}
