package tree

import (
	"net"
	"os"
	"runtime"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"warren/actors/channel"
	"warren/actors/connection"
	"warren/actors/session"
	"warren/actors/vhost"
	"warren/internal/admin"
	"warren/internal/collector"
	"warren/internal/host"
	adminv1 "warren/proto/admin/v1"
	"warren/supervision"
)

// What warrenctl sees. Everything is read from published state: no actor is asked.

// Status implements admin.Broker.
func (b *Broker) Status() *adminv1.StatusResponse {
	memory := b.memory.Status()
	s := &adminv1.StatusResponse{
		Product: b.Config.ProductName, Version: b.Config.ProductVersion, WarrenVersion: Version, ClusterName: b.Config.ClusterName,
		Pid: int64(os.Getpid()), Uptime: durationpb.New(time.Since(b.started)), DataDir: b.DataDir,
		Actors: int64(len(b.system.Tree())), Goroutines: int64(runtime.NumGoroutine()),
		Memory: &adminv1.Memory{Used: host.ResidentSetSize(), HighWatermark: memory.High, LowWatermark: memory.Low, Total: b.totalMemory, State: memory.State()},
		Disk:   &adminv1.Disk{Free: host.FreeDisk(b.DataDir), Limit: b.journal.DiskFreeLimit()},
		Totals: &adminv1.Totals{},
	}
	collecting, other := collector.WorldStops()
	s.CollectorStops, s.OtherStops = worldStops(collecting), worldStops(other)
	if r := b.journal.Status().Reading; r != nil {
		s.Reading = reading(r)
	}
	if memory.Memory {
		s.Alarms = append(s.Alarms, "Memory alarm on node "+b.Config.ClusterName)
	}
	if memory.Disk {
		s.Alarms = append(s.Alarms, "Free disk space alarm on node "+b.Config.ClusterName)
	}
	for _, l := range b.listening() {
		s.Listeners = append(s.Listeners, &adminv1.Listener{Protocol: l.Protocol(), Address: l.Addr().String()})
	}
	t := s.Totals
	for _, c := range b.node.Connections.All() {
		t.Connections++
		t.Channels += int64(len(c.Channels()))
	}
	for _, d := range b.vhosts.All() {
		t.Exchanges += int64(len(d.Exchanges()))
		for _, q := range d.Queues() {
			t.Queues++
			t.Consumers += int64(len(q.Consumers()))
			t.MessagesReady += q.Ready.Load()
			t.MessagesUnacknowledged += q.Unacked.Load()
		}
	}
	return s
}

func worldStops(s collector.Stops) *adminv1.WorldStops {
	out := &adminv1.WorldStops{
		Count: int64(s.Count), P99: durationpb.New(s.Quantile(0.99)), Longest: durationpb.New(s.Longest()), LongestStopping: durationpb.New(s.Stopping),
	}
	for _, b := range s.Buckets {
		out.Buckets = append(out.Buckets, &adminv1.WorldStopsBucket{AtMostNs: b.AtMost.Nanoseconds(), Count: int64(b.Count)})
	}
	return out
}

// listening are the sockets, which a broker that is stopped has closed.
func (b *Broker) listening() []*Socket {
	if b.stopped.Load() {
		return nil
	}
	return b.sockets
}

// Connections implements admin.Broker.
func (b *Broker) Connections() []*adminv1.Connection {
	var out []*adminv1.Connection
	for _, c := range b.node.Connections.All() {
		p := c.Params()
		name, _ := p.Properties["connection_name"].(string)
		peerHost, peerPort := hostPort(c.Peer)
		host, port := hostPort(c.Local)
		state, by, lasts := c.State()
		out = append(out, &adminv1.Connection{
			Pid: c.Path, Name: c.Name, Host: host, Port: port, PeerHost: peerHost, PeerPort: peerPort, UserProvidedName: name,
			Ssl:   c.TLS != nil || c.Proxied != nil,
			State: state, FlowBy: by, FlowMs: lasts.Milliseconds(), Channels: int64(len(c.Channels())), Protocol: "{0,9,1}", AuthMechanism: p.Mechanism, User: p.User,
			Vhost: p.VHost, Timeout: int64(p.Heartbeat / time.Second), FrameMax: int64(p.FrameMax), ChannelMax: int64(p.ChannelMax),
			ClientProperties: admin.Table(p.Properties), RecvOct: c.Received(), SendOct: c.Sent(), ConnectedAt: c.ConnectedAt.UnixMilli(),
		})
	}
	return out
}

func hostPort(address string) (string, int64) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address, 0
	}
	n, _ := strconv.ParseInt(port, 10, 64)
	return host, n
}

// Channels implements admin.Broker.
func (b *Broker) Channels() []*adminv1.Channel {
	var out []*adminv1.Channel
	for _, c := range b.node.Connections.All() {
		p := c.Params()
		for _, ch := range c.Channels() {
			state, by, lasts := channelState(c, ch)
			out = append(out, &adminv1.Channel{
				Pid: b.sessionPath(ch.Session), Connection: c.Name, Name: c.Name + " (" + strconv.Itoa(int(ch.Number)) + ")",
				Number: int64(ch.Number), User: p.User, Vhost: p.VHost,
				Transactional: session.Mode(ch.Mode.Load()) == session.Tx, Confirm: session.Mode(ch.Mode.Load()) == session.Confirmed,
				ConsumerCount: ch.Consumers.Load(), MessagesUnacknowledged: ch.Unacked.Load(), MessagesUnconfirmed: ch.Unconfirmed.Load(),
				MessagesUncommitted: ch.Uncommitted.Load(), AcksUncommitted: ch.Unsettled.Load(), PrefetchCount: ch.Prefetch.Load(),
				GlobalPrefetchCount: ch.Limit.Load(), State: state, FlowBy: by, FlowMs: lasts.Milliseconds(),
			})
		}
	}
	return out
}

// channelState is contract A-20's of a channel. One is in flow with its connection, or because a basic.get waits for a limit.
func channelState(c *connection.Info, ch *channel.Info) (state, by string, lasts time.Duration) {
	if channel.Ending(ch.Ending.Load()) != channel.Alive {
		return "closing", "", 0
	}
	if l := ch.Limited.Load(); l != nil {
		return "flow", l.By, time.Since(time.Unix(0, ch.LimitedSince.Load()))
	}
	if state, by, lasts := c.State(); state == "flow" {
		return state, by, lasts
	}
	return "running", "", 0
}

func (b *Broker) sessionPath(id uint64) string {
	if p := b.node.Sessions.Lookup(id); p != nil {
		return p.Id
	}
	return ""
}

func (b *Broker) vhostNamed(name string) (*vhost.Directory, error) {
	if d := b.vhosts.Find(name); d != nil {
		return d, nil
	}
	return nil, admin.NoSuchVHost(name)
}

// Exchanges implements admin.Broker.
func (b *Broker) Exchanges(name string) ([]*adminv1.Exchange, error) {
	d, err := b.vhostNamed(name)
	if err != nil {
		return nil, err
	}
	var out []*adminv1.Exchange
	for _, x := range d.Exchanges() {
		row := &adminv1.Exchange{
			Name: string(x.Name), Type: x.Type, Durable: x.Durable, AutoDelete: x.AutoDelete, Internal: x.Internal,
			Arguments: admin.Table(x.Arguments), EffectivePolicyDefinition: admin.Table(nil), Pid: x.PID.Id,
		}
		if g := x.Governed(); g != nil {
			row.Policy, row.OperatorPolicy, row.EffectivePolicyDefinition = g.Policy, g.OperatorPolicy, admin.Table(g.Definition)
		}
		out = append(out, row)
	}
	return out, nil
}

// Queues implements admin.Broker.
func (b *Broker) Queues(name string) ([]*adminv1.Queue, error) {
	d, err := b.vhostNamed(name)
	if err != nil {
		return nil, err
	}
	owners := map[uint64]*connection.Info{}
	for _, c := range b.node.Connections.All() {
		owners[c.ID] = c
	}
	states := map[string]supervision.State{}
	for _, n := range b.system.Tree() {
		if n.Kind == "queue" {
			states[n.Path] = n.State
		}
	}
	var out []*adminv1.Queue
	for _, q := range d.Queues() {
		ready, unacked, disk := q.Ready.Load(), q.Unacked.Load(), q.OnDisk.Load()
		row := &adminv1.Queue{
			Name: string(q.Name), Durable: q.Durable, AutoDelete: q.AutoDelete, Arguments: admin.Table(q.Arguments), Pid: q.PID().Id,
			Exclusive: q.Owner != 0, MessagesReady: ready, MessagesUnacknowledged: unacked, Messages: ready + unacked,
			MessagesReadyRam: max(0, ready-disk), MessagesUnacknowledgedRam: min(unacked, max(0, ready+unacked-disk)), MessagesRam: max(0, ready+unacked-disk),
			MessagesDlx:       q.Dying.Load(),
			MessageBytesReady: q.ReadyBytes.Load(), MessageBytesUnacknowledged: q.UnackedBytes.Load(),
			MessageBytes: q.ReadyBytes.Load() + q.UnackedBytes.Load(), MessageBytesRam: q.Bytes.Load(), Memory: q.Bytes.Load(),
			Consumers: int64(len(q.Consumers())), State: "running", Type: "classic", EffectivePolicyDefinition: admin.Table(nil),
		}
		if g := q.Governed(); g != nil {
			row.Policy, row.OperatorPolicy, row.EffectivePolicyDefinition = g.Policy, g.OperatorPolicy, admin.Table(g.Definition)
		}
		if states[q.PID().Id] == supervision.Crashed {
			row.State = "crashed"
		}
		if owner := owners[q.Owner]; owner != nil {
			row.OwnerPid = owner.Path
		}
		for _, c := range q.Consumers() {
			if c.Exclusive {
				row.ExclusiveConsumerTag, row.ExclusiveConsumerPid = c.Tag, b.sessionPath(c.Session)
			}
		}
		out = append(out, row)
	}
	return out, nil
}

// Bindings implements admin.Broker. Every queue's binding to the default exchange is among them (contract X-02).
func (b *Broker) Bindings(name string) ([]*adminv1.Binding, error) {
	d, err := b.vhostNamed(name)
	if err != nil {
		return nil, err
	}
	var out []*adminv1.Binding
	for _, q := range d.Queues() {
		out = append(out, &adminv1.Binding{SourceKind: "exchange", DestinationName: string(q.Name), DestinationKind: "queue",
			RoutingKey: string(q.Name), Arguments: admin.Table(nil)})
	}
	for _, e := range d.Bindings() {
		out = append(out, &adminv1.Binding{SourceName: e.Source, SourceKind: "exchange", DestinationName: e.Destination,
			DestinationKind: e.Kind, RoutingKey: e.Key, Arguments: admin.Table(e.Arguments)})
	}
	return out, nil
}

// Consumers implements admin.Broker.
func (b *Broker) Consumers(name string) ([]*adminv1.Consumer, error) {
	d, err := b.vhostNamed(name)
	if err != nil {
		return nil, err
	}
	var out []*adminv1.Consumer
	for _, q := range d.Queues() {
		for _, c := range q.Consumers() {
			out = append(out, &adminv1.Consumer{QueueName: string(q.Name), ChannelPid: b.sessionPath(c.Session), ConsumerTag: c.Tag,
				AckRequired: !c.NoAck, PrefetchCount: int64(c.Prefetch), Active: c.Active, ActivityStatus: c.ActivityStatus(), Arguments: admin.Table(c.Arguments)})
		}
	}
	return out, nil
}

// Stop implements admin.Broker.
func (b *Broker) Stop() { b.stop() }
