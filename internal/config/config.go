// Package config reads the broker's settings: a file in RabbitMQ's new-style format, overrides from the command line on top,
// defaults underneath.
//
// The format, the keys and their units are RabbitMQ's (https://www.rabbitmq.com/docs/configure), as far as Warren has the thing
// that a key sets. Every other key is refused with the place it stands at and the closest key there is: a setting that is read
// and ignored is worse than a broker that does not start.
//
// file.go splits lines, keys.go is the list of keys with their types, load.go puts both together.
package config

import (
	"os"
	"time"

	"github.com/rs/zerolog"
)

// Config is the broker's settings, complete and valid. The key that sets a field stands beside it.
type Config struct {
	// Where AMQP is spoken, in the order they were named: listeners.tcp.<name>. Empty after listeners.tcp = none.
	Listeners []Listener

	// The user and vhost that an empty data directory gets: default_user, default_pass, default_vhost.
	DefaultUser  string
	DefaultPass  string
	DefaultVHost string
	// Users who may log in from this machine only: loopback_users.
	LoopbackUsers []string

	// What connection.tune offers. Heartbeat counts in whole seconds, 0 = off: heartbeat.
	Heartbeat time.Duration
	// Bytes of the largest frame, 0 = no limit: frame_max.
	FrameMax uint32
	// Channels of one connection, 0 = as many as the protocol has (65535): channel_max.
	ChannelMax uint16
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
	// Bytes of messages that a durable queue keeps in memory once they are on disk: paging.queue_resident_limit.
	QueueResident int64
	// Bytes that must be free where the data directory is, 0 = do not watch: disk_free_limit.absolute.
	DiskFreeLimit int64

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

	// Actors may be crashed on purpose by warrenctl actors crash: chaos.enabled.
	ChaosEnabled bool
}

// Default returns the settings of a broker without a configuration file.
func Default() Config {
	return Config{
		// Differs: RabbitMQ listens on every interface. A broker that was just unpacked, with guest/guest, should not.
		Listeners:        []Listener{{Name: defaultListener, Address: "127.0.0.1:5672"}},
		DefaultUser:      "guest",
		DefaultPass:      "guest",
		DefaultVHost:     "/",
		LoopbackUsers:    []string{"guest"},
		Heartbeat:        60 * time.Second,
		FrameMax:         131072,
		ChannelMax:       2047,
		HandshakeTimeout: 10 * time.Second,
		MaxMessageSize:   16 << 20,
		// Differs: RabbitMQ 4 has 0.6 and no lower mark; both marks are from Warren's own design (docs/ARCHITECTURE.md).
		MemoryHigh:       Watermark{Relative: 0.4},
		MemoryLow:        Watermark{Relative: 0.3},
		DiskFreeLimit:    50_000_000,
		QueueResident:    4 << 20,
		JournalSync:      "always",
		LogLevel:         zerolog.InfoLevel,
		ClusterName:      "warren@" + hostname(),
		ProductName:      "RabbitMQ",
		ProductVersion:   "4.3.0",
		ServerProperties: map[string]string{},
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

func hostname() string {
	name, err := os.Hostname()
	if err != nil || name == "" {
		return "localhost"
	}
	return name
}
