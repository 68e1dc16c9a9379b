package config

import (
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// docs/configuration.md: a broker without a file has the documented defaults.
func TestNoFileIsTheDefaults(t *testing.T) {
	c, err := Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := Default(); !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v\nwant %+v", c, want)
	}
}

// docs/configuration.md: every key, with a value that is not its default, reaches its field.
func TestEveryKeyReachesItsField(t *testing.T) {
	t.Setenv("WARREN_TEST_PASS", "from the environment")
	c, err := Load("testdata/every.conf", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Listeners: []Listener{
			{"default", ":5673", false}, {"local", "127.0.0.1:0", false}, {"six", "[::1]:5674", false}, {"secure", ":5671", true},
		},
		Socket: Socket{Backlog: 512, Linger: new(bool), LingerSeconds: 3, SendBuffer: 2048, ReceiveBuffer: 4096},
		TLS: TLS{
			CAFile: "/etc/ca.pem", CertFile: "/etc/cert.pem", KeyFile: "/etc/key.pem", Password: "p", VerifyPeer: true, RequirePeer: true,
			Depth: 2, MinVersion: tls.VersionTLS11, MaxVersion: tls.VersionTLS12, Ciphers: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384},
		},
		CertLogin:                Login{From: "subject_alternative_name", SANType: "email", SANIndex: 1},
		ProxyProtocol:            true,
		AuthMechanisms:           []string{"EXTERNAL", "PLAIN"},
		AnonymousPass:            "nobody's",
		FrameMaxMinimum:          8192,
		InitialFrameMax:          16384,
		MaxChannelsPerConnection: 64,
		ConsumerMaxPerChannel:    9,
		PermitGlobalQos:          true,

		DefaultUser:        "admin",
		DefaultPass:        "from the environment",
		DefaultVHost:       "# orders ",
		DefaultUserTags:    []string{"monitoring", "impersonator"},
		DefaultPermissions: Permissions{"^a", "", "b$"},
		PasswordHashing:    "rabbit_password_hashing_sha512",
		ConnectionMax:      1000,
		ChannelMaxPerNode:  0,
		LoopbackUsers:      []string{"admin"},
		Heartbeat:          30 * time.Second,
		FrameMax:           4096,
		ChannelMax:         128,
		HandshakeTimeout:   2500 * time.Millisecond,
		MaxMessageSize:     1000,
		MemoryHigh:         Watermark{Absolute: 2 << 30},
		MemoryLow:          Watermark{Absolute: 1_000_000_000},
		TotalMemory:        8 << 30,
		DiskFreeLimit:      2_000_000_000,
		DiskFreeRelative:   0.5,
		QueueResident:      4 << 20,
		PagingAfter:        5 * time.Second,
		LogLevel:           zerolog.DebugLevel,
		ClusterName:        "warren@test",
		ProductName:        "Warren",
		ProductVersion:     "1.0.0",
		ServerProperties:   map[string]string{"information": "a # in quotes"},
		JournalSync:        "interval",
		ChaosEnabled:       true,
		StuckAfter:         10 * time.Second,
		ReplaceAfter:       1500 * time.Second,
		ChaosAppendPanics:  300,
		PprofListen:        "127.0.0.1:6060",
	}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("got %+v\nwant %+v", c, want)
	}
}

// docs/configuration.md: what --set says stands above the file, and of two settings the later wins.
func TestSetOverridesTheFile(t *testing.T) {
	t.Setenv("WARREN_TEST_PASS", "x")
	c, err := Load("testdata/every.conf", []string{
		"heartbeat=0", "heartbeat = 5", "listeners.tcp.default=none", "log.level=error",
		"vm_memory_high_watermark.relative=0.8", "default_pass=a=b",
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.Heartbeat != 5*time.Second || len(c.Listeners) != 3 || c.LogLevel != zerolog.ErrorLevel ||
		c.MemoryHigh != (Watermark{Relative: 0.8}) || c.DefaultPass != "a=b" {
		t.Errorf("got %+v", c)
	}
}

// Contract O-07: what cannot be right keeps the broker from starting, and says where, what and what instead.
func TestErrorsNamePlaceKeyValueAndRemedy(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"# fine\n\nheartbeet = 5", "test.conf:3: heartbeet: there is no such key; did you mean heartbeat?"},
		{"vm_memory_high_watermark = 0.5", "test.conf:1: vm_memory_high_watermark: there is no such key; did you mean vm_memory_high_watermark.absolute?"},
		{"management.tcp.port = 15672", "test.conf:1: management.tcp.port: there is no such key; docs/configuration.md lists those there are"},
		{"listener.tcp.default = 5672", "test.conf:1: listener.tcp.default: there is no such key; did you mean listeners.tcp.<name>?"},
		{"default_passs = secret", "test.conf:1: default_passs: there is no such key; did you mean default_pass?"},
		{"heartbeat = soon", "test.conf:1: heartbeat = soon: must be seconds from 0 to 65535; 0 turns heartbeats off"},
		{"heartbeat = 65536", "test.conf:1: heartbeat = 65536: must be seconds from 0 to 65535; 0 turns heartbeats off"},
		{"frame_max = 100", "test.conf:1: frame_max = 100: must be 0 for no limit, or bytes from 4096 to 2147483647"},
		{"handshake_timeout = 0", "test.conf:1: handshake_timeout = 0: must be milliseconds, at least 1"},
		{"listeners.tcp.default = 70000", "test.conf:1: listeners.tcp.default = 70000: must be a port, host:port, [ipv6]:port or none; port 0 takes a free one"},
		{"listeners.ssl.default = 5671", "listeners.ssl.default = :5671: needs ssl_options.certfile and ssl_options.keyfile"},
		{"ssl_options.fail_if_no_peer_cert = true", "ssl_options.fail_if_no_peer_cert = true: needs ssl_options.verify = verify_peer"},
		{"ssl_options.verify = verify_peer", "ssl_options.verify = verify_peer: needs ssl_options.cacertfile"},
		{"ssl_options.versions.1 = tlsv1.3\nssl_options.versions.2 = tlsv1.1", "ssl_options.versions: tlsv1.3, tlsv1.1 leaves a version out between two others"},
		{"ssl_options.versions.1 = tlsv1.2\nssl_options.ciphers.1 = TLS_AES_256_GCM_SHA384", "ssl_options.ciphers: none of TLS_AES_256_GCM_SHA384 belongs to a version of ssl_options.versions"},
		{"ssl_options.honor_cipher_order = false", "test.conf:1: ssl_options.honor_cipher_order = false: must be true: the server's order counts"},
		{"auth_mechanisms.1 = KERBEROS", "test.conf:1: auth_mechanisms.1 = KERBEROS: must be PLAIN, AMQPLAIN, ANONYMOUS, EXTERNAL or RABBIT-CR-DEMO, under a number"},
		{"auth_mechanisms.first = PLAIN", "test.conf:1: auth_mechanisms.first = PLAIN: must be PLAIN, AMQPLAIN, ANONYMOUS, EXTERNAL or RABBIT-CR-DEMO, under a number"},
		{"listeners.tcp = 5672", "test.conf:1: listeners.tcp = 5672: must be none"},
		{"pprof.listen = 6060", "test.conf:1: pprof.listen = 6060: must be host:port, [ipv6]:port or none"},
		{"loopback_users.guest = no", "test.conf:1: loopback_users.guest = no: must be true or false"},
		{"vm_memory_high_watermark.relative = 40", "test.conf:1: vm_memory_high_watermark.relative = 40: must be a share of the memory from 0 to 1, such as 0.4"},
		{"vm_memory_high_watermark.relative = NaN", "test.conf:1: vm_memory_high_watermark.relative = NaN: must be a share of the memory from 0 to 1, such as 0.4"},
		{"disk_free_limit.relative = 0", "test.conf:1: disk_free_limit.relative = 0: must be a number of times the memory, above 0 and up to 1000, such as 1.5"},
		{"disk_free_limit.absolute = 2 GB", "test.conf:1: disk_free_limit.absolute = 2 GB: must be bytes, also with a unit: 2000000000, 2GB, 2G (powers of 1000), 2GiB, 2Gi (of 1024)"},
		{"log.level = loud", "test.conf:1: log.level = loud: must be debug, info, notice, warning, error, critical or none"},
		{"vm_memory_high_watermark.relative = 0.2\nvm_memory_low_watermark = 0.3", "test.conf:2: vm_memory_low_watermark = 0.3: the low watermark must not stand above the high one"},
		{"actors.stuck_after = 30", "test.conf:1: actors.stuck_after = 30: must be a time with its unit, such as 30s, 500ms or 2m; 0 turns it off"},
		{"actors.replace_after = 1s", "test.conf:1: actors.replace_after = 1s: an actor cannot be replaced (after 1s) that is not stuck yet (after 30s)"},
		{"chaos.append_panics = 300", "test.conf:1: chaos.append_panics = 300: must be a share such as 1/300, or 0 for none"},
		{"chaos.append_panics = 1/1", "test.conf:1: chaos.append_panics = 1/1: must be a share such as 1/300, or 0 for none"},
		{"chaos.poison = toxic waste", "test.conf:1: chaos.poison = toxic waste: must be a word of letters and digits, or none"},
		{"chaos.poison = toxic", "chaos.poison = toxic: it needs chaos.enabled = true"},
		{"chaos.append_panics = 1/300", "chaos.append_panics = 1/300: it needs chaos.enabled = true"},
		{"[section]", `test.conf:1: "[section]" is not a setting: write key = value`},
		{"= 5", `test.conf:1: "= 5" is not a setting: write key = value`},
		{"heartbeat =", "test.conf:1: heartbeat: no value: write one behind the =, and put it in single quotes if it begins with #"},
		{"heartbeat = # none", "test.conf:1: heartbeat: no value: write one behind the =, and put it in single quotes if it begins with #"},
		{"default_pass = 'open", "test.conf:1: default_pass: the quote before open is never closed: end the value with '"},
		{"default_pass = 'a'b", `test.conf:1: default_pass: "b" stands behind the closing quote: only a # comment may`},
		{"default_pass = $(WARREN_TEST_UNSET)", "test.conf:1: default_pass: environment variable WARREN_TEST_UNSET is not set"},
		{"default_user = ''", "test.conf:1: default_user = : must be a user name"},
	} {
		settings, err := parse("test.conf", c.text)
		if err == nil {
			_, err = build(settings)
		}
		if err == nil || err.Error() != c.want {
			t.Errorf("%s\n got %v\nwant %s", c.text, err, c.want)
		}
	}
	_, err := Load("", []string{"channel_max=-1"})
	if want := "--set: channel_max = -1: must be a number of channels from 0 to 65535; 0 sets no limit"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err = Load(filepath.Join(t.TempDir(), "none.conf"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// DESIGN "Bounded": the marks never cross, whichever of them was moved and in whichever unit.
func TestMemoryMarks(t *testing.T) {
	const total = 1000
	for _, c := range []struct {
		sets      string
		high, low int64
	}{
		{"", 400, 300},
		{"vm_memory_high_watermark.relative=0.2", 200, 150},
		{"vm_memory_high_watermark.absolute=800", 800, 600},
		{"vm_memory_high_watermark.absolute=200 vm_memory_low_watermark.relative=0.9", 200, 200},
		{"vm_memory_high_watermark.relative=0", 0, 0},
		{"vm_memory_high_watermark.absolute=0", 0, 0},
		{"total_memory_available_override_value=10k", 4000, 3000},
	} {
		cfg, err := Load("", strings.Fields(c.sets))
		if err != nil {
			t.Fatal(err)
		}
		if high, low := cfg.MemoryMarks(total); high != c.high || low != c.low {
			t.Errorf("%s: got %d and %d, want %d and %d", c.sets, high, low, c.high, c.low)
		}
	}
}

// The page says what there is: every key is on it.
func TestEveryKeyIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for name := range keys {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/configuration.md does not mention `%s`", name)
		}
	}
}
