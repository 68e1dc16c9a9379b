package config

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// key is one line of the list below.
type key struct {
	// What a right value is, to follow the words "must be".
	want string
	// set takes the value over and says whether it was right; name is what stood for <name> in the key.
	set func(b *builder, name, value string) bool
}

// keys are all there are. A last part in angle brackets stands for a name that the user chooses.
var keys = map[string]key{
	"listeners.tcp": {"none", func(b *builder, _, value string) bool {
		b.silenceTCP()
		return value == "none"
	}},
	"listeners.tcp.<name>": {listenerForm, func(b *builder, name, value string) bool {
		if value == "none" {
			b.silence(name, false)
			return true
		}
		address, ok := parseAddress(value)
		if ok {
			b.listen(name, address)
		}
		return ok
	}},

	"tcp_listen_options.backlog": integer("a number of connections, at least 1", 1, math.MaxInt32, func(b *builder, n int64) {
		b.Socket.Backlog = int(n)
	}),
	"tcp_listen_options.nodelay":   boolean(func(b *builder) *bool { return &b.Socket.NoDelay }),
	"tcp_listen_options.keepalive": boolean(func(b *builder) *bool { return &b.Socket.KeepAlive }),
	"tcp_listen_options.linger.on": {"true or false", func(b *builder, _, value string) bool {
		on, ok := parseBool(value)
		b.Socket.Linger = &on
		return ok
	}},
	"tcp_listen_options.linger.timeout": integer("seconds from 0 to 65535", 0, math.MaxUint16, func(b *builder, n int64) {
		b.Socket.LingerSeconds = int(n)
	}),
	"tcp_listen_options.sndbuf": integer("bytes, at least 1024", 1024, math.MaxInt32, func(b *builder, n int64) {
		b.Socket.SendBuffer = int(n)
	}),
	"tcp_listen_options.recbuf": integer("bytes, at least 1024", 1024, math.MaxInt32, func(b *builder, n int64) {
		b.Socket.ReceiveBuffer = int(n)
	}),
	"proxy_protocol": boolean(func(b *builder) *bool { return &b.ProxyProtocol }),

	"auth_mechanisms.<n>": {"PLAIN, AMQPLAIN, ANONYMOUS, EXTERNAL or RABBIT-CR-DEMO, under a number", func(b *builder, n, value string) bool {
		return slices.Contains(mechanisms, value) && b.authMechanisms.set(n, value)
	}},
	"anonymous_login_user": {"a user name, or none", func(b *builder, _, value string) bool {
		b.AnonymousUser = value
		if value == "none" {
			b.AnonymousUser = ""
		}
		return value != ""
	}},
	"anonymous_login_pass": text("a password", func(b *builder) *string { return &b.AnonymousPass }),

	"default_user":  text("a user name", func(b *builder) *string { return &b.DefaultUser }),
	"default_pass":  text("a password", func(b *builder) *string { return &b.DefaultPass }),
	"default_vhost": text("a vhost's name, such as /", func(b *builder) *string { return &b.DefaultVHost }),
	"default_user_tags.<tag>": {"true or false", func(b *builder, tag, value string) bool {
		on, ok := parseBool(value)
		if !b.tagsSet { // the first one named takes the place of the built-in default
			b.tagsSet, b.DefaultUserTags = true, nil
		}
		b.DefaultUserTags = slices.DeleteFunc(slices.Clone(b.DefaultUserTags), func(t string) bool { return t == tag })
		if on {
			b.DefaultUserTags = append(b.DefaultUserTags, tag)
		}
		return ok && !strings.Contains(tag, ",")
	}},
	"default_permissions.configure": pattern(func(b *builder) *string { return &b.DefaultPermissions.Configure }),
	"default_permissions.write":     pattern(func(b *builder) *string { return &b.DefaultPermissions.Write }),
	"default_permissions.read":      pattern(func(b *builder) *string { return &b.DefaultPermissions.Read }),
	"password_hashing_module": {hashingNames, func(b *builder, _, value string) bool {
		b.PasswordHashing = value
		return slices.Contains(hashing, value)
	}},
	"loopback_users": {"none", func(b *builder, _, value string) bool {
		b.LoopbackUsers = nil
		return value == "none"
	}},
	"loopback_users.<user>": {"true or false", func(b *builder, user, value string) bool {
		on, ok := parseBool(value)
		b.LoopbackUsers = slices.DeleteFunc(slices.Clone(b.LoopbackUsers), func(u string) bool { return u == user })
		if on {
			b.LoopbackUsers = append(b.LoopbackUsers, user)
		}
		return ok
	}},

	"heartbeat": integer("seconds from 0 to 65535; 0 turns heartbeats off", 0, math.MaxUint16, func(b *builder, n int64) {
		b.Heartbeat = time.Duration(n) * time.Second
	}),
	"frame_max": {"0 for no limit, or bytes from 4096 to 2147483647", func(b *builder, _, value string) bool {
		n, err := strconv.ParseUint(value, 10, 31)
		b.FrameMax = uint32(n)
		// 4096 is the protocol's own minimum, before tuning (AMQP 0-9-1, frame-min-size).
		return err == nil && (n == 0 || n >= 4096)
	}},
	// Differs: RabbitMQ insists on 8192 since 4.1 (contract P-09, P-10). The protocol's own least frame is 4096 (AMQP 0-9-1, frame-min-size),
	// and older amqplib and others ask for it: they are taken, with a line in the log (W-12), unless this says otherwise.
	"frame_max_minimum": integer("bytes from 4096 to 8192", 4096, 8192, func(b *builder, n int64) {
		b.FrameMaxMinimum = uint32(n)
	}),
	"initial_frame_max": integer("bytes from 4096 to 2147483647", 4096, math.MaxInt32, func(b *builder, n int64) {
		b.InitialFrameMax = uint32(n)
	}),
	"max_channels_per_connection": integer("a number of channels from 1 to 65535", 1, math.MaxUint16, func(b *builder, n int64) {
		b.MaxChannelsPerConnection = uint16(n)
	}),
	"consumer_max_per_channel": integer("a number of consumers, at least 1", 1, math.MaxInt32, func(b *builder, n int64) {
		b.ConsumerMaxPerChannel = int(n)
	}),
	"deprecated_features.permit.global_qos": boolean(func(b *builder) *bool { return &b.PermitGlobalQos }),
	"channel_max": integer("a number of channels from 0 to 65535; 0 sets no limit", 0, math.MaxUint16, func(b *builder, n int64) {
		b.ChannelMax = uint16(n)
	}),
	// RabbitMQ has the first name in its schema and the second in its guide on limits.
	"connection_max":       unlimited(func(b *builder, n int64) { b.ConnectionMax = n }),
	"max_connections":      unlimited(func(b *builder, n int64) { b.ConnectionMax = n }),
	"channel_max_per_node": unlimited(func(b *builder, n int64) { b.ChannelMaxPerNode = n }),
	"handshake_timeout": integer("milliseconds, at least 1", 1, math.MaxInt32, func(b *builder, n int64) {
		b.HandshakeTimeout = time.Duration(n) * time.Millisecond
	}),
	// The upper limit is RabbitMQ's.
	"max_message_size": integer("bytes from 1 to 536870912 (512 MiB)", 1, 512<<20, func(b *builder, n int64) {
		b.MaxMessageSize = n
	}),

	// Differs: of relative and absolute the later one wins, not always the absolute, so that --set can override a file.
	"vm_memory_high_watermark.relative": share(func(b *builder, share float64) { b.MemoryHigh = Watermark{Relative: share} }),
	"vm_memory_high_watermark.absolute": size(func(b *builder, bytes int64) { b.MemoryHigh = Watermark{Absolute: bytes} }),
	"vm_memory_low_watermark":           share(setLowShare),
	"vm_memory_low_watermark.relative":  share(setLowShare),
	"vm_memory_low_watermark.absolute": size(func(b *builder, bytes int64) {
		b.lowSet, b.MemoryLow = true, Watermark{Absolute: bytes}
	}),
	"total_memory_available_override_value": size(func(b *builder, bytes int64) { b.TotalMemory = bytes }),
	"paging.queue_resident_limit":           size(func(b *builder, bytes int64) { b.QueueResident = bytes }),
	"paging.after": integer("seconds, 0 for never", 0, math.MaxInt32, func(b *builder, n int64) {
		b.PagingAfter = time.Duration(n) * time.Second
	}),
	"alarm.refuse_new_connections": boolean(func(b *builder) *bool { return &b.RefuseConnections }),
	"alarm.refuse_new_entities":    boolean(func(b *builder) *bool { return &b.RefuseDeclarations }),
	// Differs: as with the watermarks the later of the two wins.
	"disk_free_limit.absolute": size(func(b *builder, bytes int64) { b.DiskFreeLimit, b.DiskFreeRelative = bytes, 0 }),
	"disk_free_limit.relative": {"a number of times the memory, above 0 and up to 1000, such as 1.5", func(b *builder, _, value string) bool {
		times, err := strconv.ParseFloat(value, 64)
		b.DiskFreeRelative = times
		return err == nil && times > 0 && times <= 1000
	}},

	"log.level": {levelNames, func(b *builder, _, value string) bool {
		level, ok := levels[value]
		if !b.consoleLevelSet {
			b.LogLevel = level
		}
		return ok
	}},
	"log.console.level": {levelNames, func(b *builder, _, value string) bool {
		level, ok := levels[value]
		b.LogLevel, b.consoleLevelSet = level, true
		return ok
	}},

	"cluster_name":    text("a name", func(b *builder) *string { return &b.ClusterName }),
	"product.name":    text("a name", func(b *builder) *string { return &b.ProductName }),
	"product.version": text("a version, such as 4.3.0", func(b *builder) *string { return &b.ProductVersion }),
	"server_properties.<name>": {"a text", func(b *builder, name, value string) bool {
		b.ServerProperties[name] = value
		return true
	}},

	"journal.sync": {"always, interval or os", func(b *builder, _, value string) bool {
		b.JournalSync = value
		return value == "always" || value == "interval" || value == "os"
	}},
	"journal.accept_loss": {"true or false", func(b *builder, _, value string) (ok bool) {
		b.JournalAcceptLoss, ok = parseBool(value)
		return ok
	}},

	"actors.stuck_after":   duration(func(b *builder) *time.Duration { return &b.StuckAfter }),
	"actors.replace_after": duration(func(b *builder) *time.Duration { b.replaceSet = true; return &b.ReplaceAfter }),

	"pprof.listen": {"host:port, [ipv6]:port or none", func(b *builder, _, value string) (ok bool) {
		if value == "none" {
			b.PprofListen = ""
			return true
		}
		b.PprofListen, ok = parseAddress(value)
		// Profiles are for nobody else: every interface has to be asked for in so many words.
		return ok && !strings.HasPrefix(b.PprofListen, ":")
	}},

	"chaos.enabled": {"true or false", func(b *builder, _, value string) (ok bool) {
		b.ChaosEnabled, ok = parseBool(value)
		return ok
	}},
	"chaos.append_panics": {"a share such as 1/300, or 0 for none", func(b *builder, _, value string) bool {
		n, one := strings.CutPrefix(value, "1/")
		share, err := strconv.ParseInt(n, 10, 31)
		b.ChaosAppendPanics = int(share)
		return err == nil && (one && share > 1 || value == "0")
	}},
	"chaos.poison": {"a word of letters and digits, or none", func(b *builder, _, value string) bool {
		if b.ChaosPoison = value; value == "none" {
			b.ChaosPoison = ""
		}
		return value != "" && strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ""
	}},
}

// findKey returns the key that a setting names, and what its last part stands for.
func findKey(name string) (k key, chosen string, found bool) {
	if k, found = keys[name]; found {
		return k, "", true
	}
	for pattern, k := range keys {
		prefix, placeholder, _ := strings.Cut(pattern, "<")
		if chosen, matches := strings.CutPrefix(name, prefix); placeholder != "" && matches && chosen != "" {
			return k, chosen, true
		}
	}
	return key{}, "", false
}

// levels are RabbitMQ's (https://www.rabbitmq.com/docs/logging#log-levels), mapped to the nearest of ours.
var levels = map[string]zerolog.Level{
	"debug": zerolog.DebugLevel, "info": zerolog.InfoLevel, "notice": zerolog.InfoLevel, "warning": zerolog.WarnLevel,
	"error": zerolog.ErrorLevel, "critical": zerolog.FatalLevel, "none": zerolog.Disabled,
}

const levelNames = "debug, info, notice, warning, error, critical or none"

// hashing are RabbitMQ's modules that still hash new passwords, and ours for bcrypt.
var hashing = []string{"rabbit_password_hashing_sha256", "rabbit_password_hashing_sha512", "rabbit_password_hashing_bcrypt"}

const hashingNames = "rabbit_password_hashing_sha256, rabbit_password_hashing_sha512 or rabbit_password_hashing_bcrypt"

func pattern(field func(*builder) *string) key {
	return key{"a regular expression (RE2's syntax); an empty one, '', matches nothing", func(b *builder, _, value string) bool {
		*field(b) = value
		_, err := regexp.Compile(value)
		return err == nil
	}}
}

func unlimited(set func(*builder, int64)) key {
	return key{"a number, 0 for none at all, or infinity", func(b *builder, _, value string) bool {
		if value == "infinity" {
			set(b, -1)
			return true
		}
		n, err := strconv.ParseInt(value, 10, 64)
		set(b, n)
		return err == nil && n >= 0
	}}
}

func text(want string, field func(*builder) *string) key {
	return key{want, func(b *builder, _, value string) bool {
		*field(b) = value
		return value != ""
	}}
}

func integer(want string, lowest, highest int64, set func(*builder, int64)) key {
	return key{want, func(b *builder, _, value string) bool {
		n, err := strconv.ParseInt(value, 10, 64)
		set(b, n)
		return err == nil && n >= lowest && n <= highest
	}}
}

func boolean(field func(*builder) *bool) key {
	return key{"true or false", func(b *builder, _, value string) (ok bool) {
		*field(b), ok = parseBool(value)
		return ok
	}}
}

// mechanisms are the SASL mechanisms there are.
var mechanisms = []string{"PLAIN", "AMQPLAIN", "ANONYMOUS", "EXTERNAL", "RABBIT-CR-DEMO"}

func duration(field func(*builder) *time.Duration) key {
	return key{"a time with its unit, such as 30s, 500ms or 2m; 0 turns it off", func(b *builder, _, value string) bool {
		d, err := time.ParseDuration(value)
		*field(b) = d
		return err == nil && d >= 0
	}}
}

func size(set func(*builder, int64)) key {
	return key{"bytes, also with a unit: 2000000000, 2GB, 2G (powers of 1000), 2GiB, 2Gi (of 1024)", func(b *builder, _, value string) bool {
		bytes, ok := ParseSize(value)
		set(b, bytes)
		return ok
	}}
}

func share(set func(*builder, float64)) key {
	return key{"a share of the memory from 0 to 1, such as 0.4", func(b *builder, _, value string) bool {
		share, err := strconv.ParseFloat(value, 64)
		set(b, share)
		return err == nil && share >= 0 && share <= 1
	}}
}

func setLowShare(b *builder, share float64) {
	b.lowSet, b.MemoryLow = true, Watermark{Relative: share}
}

func parseBool(value string) (on, ok bool) {
	return value == "true", value == "true" || value == "false"
}
