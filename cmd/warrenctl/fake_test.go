package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"warren/internal/admin"
	adminv1 "warren/proto/admin/v1"
	"warren/protocol"
)

// fake is a broker that answers from what stands here, through the real socket.
type fake struct {
	server  *admin.Server
	crashed []string
	defined []string // what it was asked to change
	stop    sync.Once
}

// start returns the fake and its data directory.
func start(t *testing.T) (*fake, string) {
	t.Helper()
	f, dir := &fake{}, t.TempDir()
	server, err := admin.Serve(dir, f, zerolog.New(zerolog.NewTestWriter(t)))
	if err != nil {
		t.Fatal(err)
	}
	f.server = server
	t.Cleanup(server.Close)
	return f, dir
}

func (f *fake) Status() *adminv1.StatusResponse {
	return &adminv1.StatusResponse{
		Product: "RabbitMQ", Version: "4.3.0", WarrenVersion: "0.1.0", ClusterName: "warren@burrow", Pid: 42,
		Uptime: durationpb.New(61 * time.Second), DataDir: "/data", ConfigFiles: []string{"/etc/warren.conf"},
		Listeners: []*adminv1.Listener{{Protocol: "amqp", Address: "127.0.0.1:5672"}},
		Memory:    &adminv1.Memory{Used: 25e6, HighWatermark: 4e9, LowWatermark: 3e9, Total: 10e9, State: "normal"},
		Disk:      &adminv1.Disk{Free: 8e9, Limit: 50e6},
		Totals:    &adminv1.Totals{Connections: 1, Channels: 2, Exchanges: 7, Queues: 3, Consumers: 4, MessagesReady: 5, MessagesUnacknowledged: 6},
		Actors:    30, Goroutines: 40,
		CollectorStops: &adminv1.WorldStops{
			Count: 100, P99: durationpb.New(98304), Longest: durationpb.New(1_500_000), LongestStopping: durationpb.New(40960),
			Buckets: []*adminv1.WorldStopsBucket{{AtMostNs: 98304, Count: 99}, {AtMostNs: 1_500_000, Count: 1}},
		},
	}
}

func (f *fake) Connections() []*adminv1.Connection {
	return []*adminv1.Connection{{
		User: "guest", PeerHost: "127.0.0.1", PeerPort: 51000, State: "running", Name: "127.0.0.1:51000 -> 127.0.0.1:5672",
		ClientProperties: admin.Table(protocol.Table{"product": "pika", "capabilities": protocol.Table{"basic.nack": true}}),
		ConnectedAt:      1_700_000_000_000,
	}}
}

func (f *fake) Channels() []*adminv1.Channel {
	return []*adminv1.Channel{{Pid: "warren/listeners/c1/1", User: "guest", ConsumerCount: 1, MessagesUnacknowledged: 6, Confirm: true}}
}

func (f *fake) Exchanges(vhost string) ([]*adminv1.Exchange, error) {
	return []*adminv1.Exchange{{Type: "direct", Durable: true}, {Name: "amq.topic", Type: "topic", Durable: true}}, f.vhost(vhost)
}

func (f *fake) Queues(vhost string) ([]*adminv1.Queue, error) {
	if err := f.vhost(vhost); err != nil {
		return nil, err
	}
	if vhost == "empty" {
		return nil, nil
	}
	return []*adminv1.Queue{
		{Name: "orders", Messages: 5, Durable: true, Arguments: admin.Table(protocol.Table{"x-max-length": int32(10), "x-queue-type": "classic"})},
		{Name: "odd\t\"na<me\x1b", HeadMessageTimestamp: proto.Int64(7), ConsumerUtilisation: proto.Float64(0.5), Members: []string{"a", "b"}},
	}, nil
}

func (f *fake) Bindings(vhost string) ([]*adminv1.Binding, error) {
	return []*adminv1.Binding{{SourceKind: "exchange", DestinationName: "orders", DestinationKind: "queue", RoutingKey: "orders"}}, f.vhost(vhost)
}

func (f *fake) Consumers(vhost string) ([]*adminv1.Consumer, error) {
	return []*adminv1.Consumer{{
		QueueName: "orders", ChannelPid: "warren/listeners/c1/1", ConsumerTag: "ctag1", AckRequired: true, PrefetchCount: 10, Active: true,
		ActivityStatus: "up",
	}}, f.vhost(vhost)
}

func (f *fake) vhost(name string) error {
	if name == "/" || name == "empty" {
		return nil
	}
	return admin.NoSuchVHost(name)
}

func (f *fake) Tree() []*adminv1.Actor {
	uptime := durationpb.New(time.Hour)
	return []*adminv1.Actor{
		{Path: "warren", Kind: "supervisor", Strategy: "one_for_one", Restart: "permanent", Incarnation: 1, Uptime: uptime, State: "running"},
		{Path: "warren/core", Kind: "supervisor", Strategy: "rest_for_one", Restart: "permanent", Incarnation: 1, Uptime: uptime, State: "running"},
		{Path: "warren/core/journal", Kind: "journal", Restart: "permanent", Incarnation: 3, Restarts: 2, MailboxLength: 4, Uptime: uptime,
			LastReason: "panic: out of ink\ngoroutine 7", State: "running", LastStack: "main.write(0x1)\n\tink.go:7"},
		{Path: "warren/listeners", Kind: "supervisor", Strategy: "one_for_one", Restart: "permanent", Incarnation: 1, Uptime: uptime, State: "running"},
	}
}

func (f *fake) Crash(r *adminv1.ActorsCrashRequest) error {
	switch path := r.GetPath(); path {
	case "warren/core/journal":
		if r.GetCount() {
			path += " counted"
		}
		if r.GetHang() {
			path += " hangs"
		}
		f.crashed = append(f.crashed, path)
		return nil
	case "forbidden":
		return errors.New("chaos.enabled is false")
	}
	return admin.NoSuchActor(r.GetPath())
}

func (f *fake) Shake(_ context.Context, r *adminv1.ActorsShakeRequest) (*adminv1.ActorsShakeResponse, error) {
	if r.GetMatch() == "nobody" {
		return nil, admin.NoActorMatches(r.GetMatch())
	}
	f.crashed = append(f.crashed, fmt.Sprintf("%s every %v for %v counted %v", r.GetMatch(), r.GetEvery().AsDuration(), r.GetFor().AsDuration(), r.GetCount()))
	return &adminv1.ActorsShakeResponse{Shaken: []*adminv1.Shaken{{Kind: "exchange", Crashes: 3}, {Kind: "queue", Crashes: 17}}}, nil
}

func (f *fake) RestartQueue(_ context.Context, vhost, name string) error {
	if err := f.vhost(vhost); err != nil {
		return err
	}
	switch name {
	case "orders":
		return nil
	case "healthy":
		return errors.New("queue 'healthy' has not crashed")
	}
	return admin.NoSuchQueue(vhost, name)
}

func (f *fake) Starting() error { return nil }

func (f *fake) JournalStatus() *adminv1.JournalStatusResponse {
	return &adminv1.JournalStatusResponse{
		State: "running", Segments: 2, FreeSegments: 1, Bytes: 192 << 20, LivingBytes: proto.Int64(5_000), Streams: 3, Records: 40,
		RecordsWaiting: 1, LastCommit: 1_700_000_000_000, Commits: 7, Syncs: 6,
		IndexPages: 5, IndexBytes: 81920,
	}
}

// exported is more than goes into one message.
var exported = `{"queues":[` + strings.Repeat(" ", 600<<10) + `]}`

func (f *fake) ExportDefinitions() ([]byte, error) { return []byte(exported), nil }

func (f *fake) ImportDefinitions(_ context.Context, json []byte) (*adminv1.ImportDefinitionsResponse, error) {
	if string(json) != exported {
		return nil, admin.BadDefinitions(errors.New("the definitions are no good"))
	}
	return &adminv1.ImportDefinitionsResponse{Exchanges: 1, Queues: 2, Bindings: 3}, nil
}

func (f *fake) Define(_ context.Context, r *adminv1.DefineRequest) error {
	text, err := prototext.MarshalOptions{}.Marshal(r)
	f.defined = append(f.defined, strings.Join(strings.Fields(string(text)), " "))
	if err == nil && r.GetDeleteUser().GetName() == "nobody" {
		return admin.NoSuchUser(`User "nobody" does not exist`)
	}
	if err == nil && r.GetAddUser().GetName() == "guest" {
		return admin.Exists(`User "guest" already exists`)
	}
	return err
}

func (f *fake) AuthenticateUser(_, password string) string {
	if password != "secret" {
		return "user 'guest' - invalid credentials"
	}
	return ""
}

func (f *fake) RestartVHost(_ context.Context, name string) (bool, error) {
	return name == "/", f.vhost(name)
}

func (f *fake) SetMemoryHighWatermark(r *adminv1.SetMemoryHighWatermarkRequest) error {
	f.defined = append(f.defined, strings.Join(strings.Fields(prototext.MarshalOptions{}.Format(r)), " "))
	return nil
}

func (f *fake) SetDiskFreeLimit(r *adminv1.SetDiskFreeLimitRequest) error {
	f.defined = append(f.defined, strings.Join(strings.Fields(prototext.MarshalOptions{}.Format(r)), " "))
	return nil
}

func (f *fake) CloseConnections(_ context.Context, r *adminv1.CloseConnectionsRequest) (int64, error) {
	if r.GetPid() == "nobody" {
		return 0, admin.NoSuchConnection(r.GetPid())
	}
	text, err := prototext.MarshalOptions{}.Marshal(r)
	f.defined = append(f.defined, strings.Join(strings.Fields(string(text)), " "))
	return 2, err
}

func (f *fake) VHosts() []*adminv1.VHost {
	return []*adminv1.VHost{{
		Name: "/", Description: "Default virtual host", Tags: []string{"a", "b"}, DefaultQueueType: "classic",
		ClusterState: admin.Table(protocol.Table{"warren@burrow": "running"}),
	}}
}

func (f *fake) Users() []*adminv1.User {
	return []*adminv1.User{{User: "guest", Tags: []string{"administrator"}}, {User: "app"}}
}

func (f *fake) Permissions(r *adminv1.ListPermissionsRequest) ([]*adminv1.Permission, error) {
	if r.GetUser() == "nobody" {
		return nil, admin.NoSuchUser(`User "nobody" does not exist`)
	}
	return []*adminv1.Permission{{User: "guest", Vhost: "/", Configure: ".*", Write: "^a", Read: ""}}, nil
}

func (f *fake) TopicPermissions(*adminv1.ListTopicPermissionsRequest) ([]*adminv1.TopicPermission, error) {
	return []*adminv1.TopicPermission{{User: "guest", Vhost: "/", Exchange: "amq.topic", Write: "^a", Read: ".*"}}, nil
}

func (f *fake) Limits(r *adminv1.ListLimitsRequest) ([]*adminv1.Limits, error) {
	if r.GetVhost() == "empty" {
		return nil, nil
	}
	return []*adminv1.Limits{{User: "guest", Vhost: "/", Limits: `{"max-connections":5}`}}, nil
}

func (f *fake) Policies(r *adminv1.ListPoliciesRequest) ([]*adminv1.Policy, error) {
	name := "p"
	if r.GetOperator() {
		name = "o"
	}
	return []*adminv1.Policy{{Vhost: r.GetVhost(), Name: name, Pattern: "^a", ApplyTo: "queues", Definition: `{"max-length":10}`, Priority: 7}}, f.vhost(r.GetVhost())
}

func (f *fake) Stop() { f.stop.Do(f.server.Close) }

func (f *fake) Current() admin.Broker { return f }

func (f *fake) StopApp() error { f.defined = append(f.defined, "stop_app"); return nil }

func (f *fake) StartApp() error { return errors.New("listen tcp :5672: bind: address already in use") }

// ctlRun runs warrenctl and returns what it wrote.
func ctlRun(args ...string) (code int, out, errOut string) {
	var o, e strings.Builder
	code = run(args, &o, &e)
	return code, o.String(), e.String()
}
