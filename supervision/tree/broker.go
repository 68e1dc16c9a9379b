package tree

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/alarm"
	"warren/actors/auth"
	"warren/actors/channel"
	"warren/actors/connection"
	"warren/actors/node"
	"warren/actors/queue"
	"warren/actors/session"
	"warren/internal/config"
	"warren/persistence"
	"warren/persistence/journal"
	"warren/persistence/vfs"
	"warren/persistence/volatile"
	"warren/protocol"
	"warren/supervision"
)

// Version of Warren.
const Version = "0.1.0"

// Broker is everything that outlives the actors: the system, the streams, the directories, the listening sockets.
type Broker struct {
	Config  config.Config
	DataDir string

	system  *supervision.System
	streams *volatile.Store
	journal *persistence.Log
	memory  *alarm.Memory
	vhosts  *node.VHosts
	// What the node's actor needs.
	definitions node.Options
	node        *connection.Node
	sockets     []*Socket
	started     time.Time
	totalMemory int64
	stop        func()
	ready       atomic.Bool // clients are served
	stopped     atomic.Bool // it does not run any more
}

// New puts a broker together on listening sockets. totalMemory is what there is, in bytes; stop begins the orderly
// shutdown, for whoever asks the broker for it.
func New(c config.Config, dataDir string, sockets []*Socket, totalMemory int64, log zerolog.Logger, stop func()) *Broker {
	high, low := c.MemoryMarks(totalMemory)
	b := &Broker{
		Config: c, DataDir: dataDir, system: supervision.NewSystem(log), streams: volatile.NewStore(), sockets: sockets,
		started: time.Now(), totalMemory: totalMemory, stop: stop,
		memory: alarm.NewMemory(alarm.Marks{High: high, Low: low}, alarm.Policy{RefuseConnections: c.RefuseConnections, RefuseDeclarations: c.RefuseDeclarations}),
	}
	b.streams.Keep(b.quarantine)
	b.streams.Disturb(c.ChaosAppendPanics)
	if c.ChaosPoison != "" {
		remembers, publishes := queue.DeadlyEvent(c.ChaosPoison), channel.DeadlyEvent(c.ChaosPoison)
		b.streams.Poison(func(event any) bool { return remembers(event) || publishes(event) })
	}
	b.mark(high, low)
	b.journal = persistence.NewLog(b.system.PID(top+"/core/journal"), vfs.OS{}, dataDir, persistence.Options{
		Options: journal.Options{Sync: syncModes[c.JournalSync]}, AcceptLoss: c.JournalAcceptLoss, DiskFreeLimit: c.DiskLimit(totalMemory),
	})
	b.journal.OnFailing = b.memory.Storage
	sessions := session.NewRegistry(nextEpoch())
	access := auth.NewAccess(c.LoopbackUsers)
	b.vhosts = &node.VHosts{
		Supervisor: top + "/core/vhosts", Spec: b.vhost,
		PID: func(name string) *actor.PID { return b.system.PID(vhostPath(name) + "/definitions") },
	}
	b.definitions = node.Options{
		PID: b.system.PID(top + "/core/definitions"), Access: access, VHosts: b.vhosts, System: b.system, Streams: b.streams, Journal: b.journal,
		Ledger: b.memory, Log: log, First: func() (node.First, error) { return first(c) },
		Close: b.closeConnections, CloseStrangers: b.closeStrangers,
	}
	b.node = &connection.Node{
		System: b.system, Streams: b.streams, Sessions: sessions, Connections: &connection.Registry{},
		Users: access, VHosts: b.vhosts.Find, Name: c.ClusterName,
		Limit:  connection.NodeLimit{Connections: c.ConnectionMax, Channels: c.ChannelMaxPerNode},
		Memory: b.memory, Poison: supervision.Poison(c.ChaosPoison), Log: log,
		FrameMax: int(c.FrameMax), FrameMaxMinimum: int(c.FrameMaxMinimum), InitialFrameMax: int(c.InitialFrameMax),
		ChannelMax: channelMax(c), ConsumerMax: c.ConsumerMaxPerChannel, GlobalQos: c.PermitGlobalQos, Heartbeat: c.Heartbeat,
		Logins: auth.Logins{
			Mechanisms: c.AuthMechanisms, AnonymousUser: c.AnonymousUser, AnonymousPass: c.AnonymousPass,
			Certificate: auth.CertificateName(c.CertLogin),
		},
		HandshakeTimeout: c.HandshakeTimeout, MaxMessageSize: c.MaxMessageSize, ServerProperties: serverProperties(c),
	}
	return b
}

var syncModes = map[string]journal.SyncMode{"always": journal.SyncAlways, "interval": journal.SyncInterval, "os": journal.SyncOS}

// Start boots the tree. It returns when clients are served.
func (b *Broker) Start() error {
	b.system.Watch(supervision.Watchdog{StuckAfter: b.Config.StuckAfter, ReplaceAfter: b.Config.ReplaceAfter})
	err := b.system.Start(top, b.spec())
	b.ready.Store(err == nil)
	b.stopped.Store(err != nil)
	return err
}

// lastEpoch keeps two starts within one second apart, in one process.
var lastEpoch atomic.Uint32

// nextEpoch is the time in seconds, or more.
func nextEpoch() uint32 {
	for {
		last := lastEpoch.Load()
		if next := max(uint32(time.Now().Unix()), last+1); lastEpoch.CompareAndSwap(last, next) {
			return next
		}
	}
}

// Locked is closed when the data directory is this process's. What the process before left is not read then, which may take a while.
func (b *Broker) Locked() <-chan struct{} { return b.journal.Locked() }

// Shutdown stops the tree in reverse. First the listeners go, with all connections. Then what clients have sent takes effect:
// the end of an actor overtakes what waits in its mailbox, so the core only ends when nothing waits any more.
func (b *Broker) Shutdown() error {
	b.ready.Store(false)
	defer b.stopped.Store(true)
	closed := make(chan error, 1)
	b.system.Send(b.system.PID(top), &supervision.TerminateChild{ID: "listeners", Done: func(err error) { closed <- err }})
	select {
	case <-closed:
		b.settle(settleWithin)
	case <-b.Done():
	}
	return b.system.Stop()
}

// settleWithin bounds how long a shutdown waits for what clients have sent.
const settleWithin = 5 * time.Second

// settle waits until no actor has anything to do, twice in a row: a message may have been between two mailboxes.
func (b *Broker) settle(within time.Duration) {
	idle := 0
	for deadline := time.Now().Add(within); idle < 2 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		idle++
		if !b.idle() {
			idle = 0
		}
	}
}

func (b *Broker) idle() bool {
	for _, n := range b.system.Tree() {
		if n.MailboxLength > 0 {
			return false
		}
	}
	return true
}

// Stopped says that it does not run any more: it was shut down, or did not start.
func (b *Broker) Stopped() bool { return b.stopped.Load() }

// Sockets are those it was made with.
func (b *Broker) Sockets() []*Socket { return b.sockets }

// Done is closed when the tree is gone; Err says why, when it gave up.
func (b *Broker) Done() <-chan struct{} { return b.system.Done() }

// Err is the whole reason of a tree that gave up.
func (b *Broker) Err() error { return b.system.Err() }

// first is what an empty data directory gets (contract O-10): the user of the configuration, with what it may do.
func first(c config.Config) (node.First, error) {
	hash, err := auth.HashPassword(c.PasswordHashing, c.DefaultPass)
	if err != nil {
		return node.First{}, fmt.Errorf("default_pass: %w", err)
	}
	p := c.DefaultPermissions
	return node.First{
		User:  node.AddUser{Name: c.DefaultUser, Password: node.Password{Hash: hash, Algorithm: c.PasswordHashing}, Tags: c.DefaultUserTags},
		VHost: c.DefaultVHost,
		Permissions: node.SetPermissions{
			User: c.DefaultUser, VHost: c.DefaultVHost, Configure: p.Configure, Write: p.Write, Read: p.Read,
		},
	}, nil
}

// serverProperties are contract P-04's. Clients change what they do by product and version, so those are RabbitMQ's unless
// configured otherwise; who it really is stands beside.
func serverProperties(c config.Config) protocol.Table {
	capabilities := protocol.Table{}
	for _, name := range []string{
		"publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify", "connection.blocked",
		"authentication_failure_close", "per_consumer_qos", "consumer_priorities", "direct_reply_to",
	} {
		capabilities[name] = true
	}
	t := protocol.Table{
		"product": c.ProductName, "version": c.ProductVersion, "platform": fmt.Sprintf("Warren %s, %s", Version, runtime.Version()),
		"copyright": "Copyright the Warren authors", "information": "Warren, an AMQP broker. Licensed under the Apache License 2.0",
		"warren_version": Version, "cluster_name": c.ClusterName, "capabilities": capabilities,
	}
	for name, value := range c.ServerProperties {
		t[name] = value
	}
	return t
}
