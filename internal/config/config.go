// Package config reads the broker's settings: a file in RabbitMQ's new-style format, overrides from the command line on top,
// defaults underneath.
//
// The format, the keys and their units are RabbitMQ's (https://www.rabbitmq.com/docs/configure), as far as Warren has the thing
// that a key sets. Every other key is refused with the place it stands at and the closest key there is: a setting that is read
// and ignored is worse than a broker that does not start.
//
// file.go splits lines, keys.go and tls.go are the list of keys with their types, load.go puts all together.
package config

import (
	"crypto/tls"
	"os"
	"time"

	"github.com/rs/zerolog"
)

// Config is the broker's settings, complete and valid. The key that sets a field stands beside it.
type Config struct {
	// Where AMQP is spoken, in the order they were named: listeners.tcp.<name>, listeners.ssl.<name>. Empty after
	// listeners.tcp = none.
	Listeners []Listener
	// What their sockets are: tcp_listen_options.
	Socket Socket
	// Connections begin with a header that says whom a proxy speaks for: proxy_protocol.
	ProxyProtocol bool
	// ssl_options
	TLS TLS
	// ssl_cert_login_from and what belongs to it.
	CertLogin Login

	// SASL mechanisms in the order they are offered: auth_mechanisms.N. EXTERNAL is offered over TLS only.
	AuthMechanisms []string
	// Whom ANONYMOUS logs in, nobody when empty: anonymous_login_user, anonymous_login_pass.
	AnonymousUser string
	AnonymousPass string

	// The user and vhost that an empty data directory gets: default_user, default_pass, default_vhost.
	DefaultUser  string
	DefaultPass  string
	DefaultVHost string
	// What that user is and may do there: default_user_tags.<tag>, default_permissions.configure, .write, .read.
	DefaultUserTags    []string
	DefaultPermissions Permissions
	// How new passwords are hashed: password_hashing_module.
	PasswordHashing string
	// Users who may log in from this machine only: loopback_users.
	LoopbackUsers []string

	// What connection.tune offers. Heartbeat counts in whole seconds, 0 = off: heartbeat.
	Heartbeat time.Duration
	// Bytes of the largest frame, 0 = no limit: frame_max.
	FrameMax uint32
	// Bytes that a client must at least take as frame_max: frame_max_minimum.
	FrameMaxMinimum uint32
	// Bytes of the largest frame before tuning: initial_frame_max.
	InitialFrameMax uint32
	// Channels of one connection, 0 = as many as the protocol has (65535): channel_max.
	ChannelMax uint16
	// More than this channel_max does not offer, 0 = it decides alone: max_channels_per_connection.
	MaxChannelsPerConnection uint16
	// Consumers of one channel, 0 = no limit: consumer_max_per_channel.
	ConsumerMaxPerChannel int
	// basic.qos with global=true is a limit of the whole channel: deprecated_features.permit.global_qos.
	PermitGlobalQos bool
	// Connections of the node: connection_max; channels of the node: channel_max_per_node. Negative: no limit.
	ConnectionMax     int64
	ChannelMaxPerNode int64
	// From accept to connection.open-ok: handshake_timeout, in milliseconds there.
	HandshakeTimeout time.Duration
	// Bytes of the largest body: max_message_size.
	MaxMessageSize int64

	// Memory at which publishers are blocked, and the one at which they go on: vm_memory_high_watermark,
	// vm_memory_low_watermark. MemoryMarks turns them into bytes.
	MemoryHigh Watermark
	MemoryLow  Watermark
	// Bytes to take for the memory of the machine, 0 = find out: total_memory_available_override_value.
	TotalMemory int64
	// Above the high mark new connections and new exchanges and queues are refused: alarm.refuse_new_connections,
	// alarm.refuse_new_entities.
	RefuseConnections  bool
	RefuseDeclarations bool
	// Bytes of messages that a queue keeps in memory once they are on disk: paging.queue_resident_limit. A queue that has
	// nothing to do for so long lets go of more, 0 = never: paging.after.
	QueueResident int64
	PagingAfter   time.Duration
	// Bytes that must be free where the data directory is, 0 = do not watch: disk_free_limit.absolute.
	DiskFreeLimit int64
	// The same in times of the memory there is, instead of it unless 0: disk_free_limit.relative.
	DiskFreeRelative float64

	// log.console.level, else log.level.
	LogLevel zerolog.Level

	// cluster_name
	ClusterName string
	// What clients are told they talk to, since they choose their behaviour by it: product.name, product.version.
	ProductName    string
	ProductVersion string
	// More of connection.start's server-properties, or other values for those: server_properties.<name>.
	ServerProperties map[string]string

	// What a confirm of a persistent message waits for, always, interval or os: journal.sync.
	JournalSync string
	// Start although definitions were lost to damage: journal.accept_loss.
	JournalAcceptLoss bool

	// How long an actor's turn may last before it is named in the log, and before the actor is replaced; 0 = for ever:
	// actors.stuck_after, actors.replace_after.
	StuckAfter   time.Duration
	ReplaceAfter time.Duration

	// Where Go's profiles are served over HTTP, host:port; empty: nowhere: pprof.listen.
	PprofListen string

	// Actors may be crashed on purpose by warrenctl actors crash: chaos.enabled.
	ChaosEnabled bool
	// One in so many appends to a stream panics, 0 = none: chaos.append_panics, 1/N there.
	ChaosAppendPanics int
	// What begins with this word kills the actor that takes it, empty: nothing does: chaos.poison.
	ChaosPoison string
}

// Permissions are regular expressions over the names of what a user may configure, write to and read from.
type Permissions struct{ Configure, Write, Read string }

// Default returns the settings of a broker without a configuration file.
func Default() Config {
	return Config{
		// On every interface, of IPv6 too, as RabbitMQ (contract P-18): "localhost" is ::1 for some clients. guest is let in from
		// the loopback only (contract P-08).
		Listeners: []Listener{{Name: defaultListener, Address: ":5672"}},
		// Differs: RabbitMQ has a backlog of 128 and lingers for 0 seconds, so that the last words of a connection may be lost; it
		// leaves keepalive off.
		Socket:    Socket{NoDelay: true, KeepAlive: true},
		TLS:       TLS{Depth: 10, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13},
		CertLogin: Login{From: "distinguished_name", SANType: "dns"},
		// The order is RabbitMQ's.
		AuthMechanisms:     []string{"PLAIN", "AMQPLAIN", "ANONYMOUS"},
		AnonymousUser:      "guest",
		AnonymousPass:      "guest",
		DefaultUser:        "guest",
		DefaultPass:        "guest",
		DefaultVHost:       "/",
		DefaultUserTags:    []string{"administrator"},
		PasswordHashing:    "rabbit_password_hashing_sha256",
		ConnectionMax:      -1,
		ChannelMaxPerNode:  -1,
		DefaultPermissions: Permissions{".*", ".*", ".*"},
		LoopbackUsers:      []string{"guest"},
		Heartbeat:          60 * time.Second,
		FrameMax:           131072,
		// Differs: RabbitMQ 4.1 turns clients with less than 8192 away, and frameworks break (contract W-12).
		FrameMaxMinimum:  4096,
		InitialFrameMax:  8192,
		ChannelMax:       2047,
		HandshakeTimeout: 10 * time.Second,
		MaxMessageSize:   16 << 20,
		// Differs: RabbitMQ 4 has 0.6 and no lower mark; both marks are from Warren's own design (docs/ARCHITECTURE.md).
		MemoryHigh:    Watermark{Relative: 0.4},
		MemoryLow:     Watermark{Relative: 0.3},
		DiskFreeLimit: 50_000_000,
		// Differs: RabbitMQ takes new connections and declarations also while memory is short (contract S6, A-04).
		RefuseConnections:  true,
		RefuseDeclarations: true,
		QueueResident:      4 << 20,
		PagingAfter:        time.Minute,
		JournalSync:        "always",
		StuckAfter:         30 * time.Second,
		ReplaceAfter:       time.Minute,
		LogLevel:           zerolog.InfoLevel,
		ClusterName:        "warren@" + hostname(),
		ProductName:        "RabbitMQ",
		ProductVersion:     "4.3.0",
		ServerProperties:   map[string]string{},
	}
}

// MemoryMarks returns the two watermarks in bytes on a machine with so much memory. The lower never exceeds the higher.
func (c Config) MemoryMarks(totalBytes int64) (high, low int64) {
	if c.TotalMemory > 0 {
		totalBytes = c.TotalMemory
	}
	high = c.MemoryHigh.Bytes(totalBytes)
	return high, min(high, c.MemoryLow.Bytes(totalBytes))
}

// DiskLimit returns what must be free of the disk, in bytes, on a machine with so much memory.
func (c Config) DiskLimit(totalBytes int64) int64 {
	if c.DiskFreeRelative > 0 {
		if c.TotalMemory > 0 {
			totalBytes = c.TotalMemory
		}
		return int64(c.DiskFreeRelative * float64(totalBytes))
	}
	return c.DiskFreeLimit
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}
