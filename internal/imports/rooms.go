// Package imports holds which room may know which other: the import graph is the way of a message, and a test beside this file
// keeps it so. docs/ARCHITECTURE.md names the rooms in the same order.
package imports

import "strings"

// room is a folder with all below it, and the rooms whose packages it may import beside its own.
type room struct {
	folder string
	// Folders; a final /... takes in what is below, though never supervision/tree, which is named by its own name only.
	may []string
}

// Groups of rooms that go together in the table.
var (
	// What everybody may know: the vocabulary, the wire types, the supervision adapters, the streams, how records are found by name.
	ground = []string{"protocol/...", "proto/...", "supervision", "persistence/...", "internal/index"}
	// Who stands beside the way of a message.
	aside = []string{"actors/auth", "actors/alarm", "actors/rate", "actors/policy"}

	belowExchange = with(ground, "actors/queue/...")
	belowVHost    = with(belowExchange, "actors/exchange/...")
	belowSession  = with(with(belowVHost, aside...), "actors/vhost/...")
	belowChannel  = with(belowSession, "actors/session/...")
)

// rooms is the one table of allowed edges, in the order that a message comes by, connection first. A longer folder beats a shorter.
//
//	connection -> channel -> session -> exchange -> queue -> journal
var rooms = []room{
	{"actors/connection", with(belowChannel, "actors/channel/...")},
	{"actors/channel", belowChannel},
	{"actors/session", belowSession},
	// A session of its own, which a queue reaches by a PID: what dies in one queue comes back to an exchange.
	{"actors/deadletter", belowChannel},
	// A vhost starts exchanges and queues and holds their slots; sessions resolve names through it.
	{"actors/vhost", with(belowVHost, aside...)},
	{"actors/exchange", belowExchange},
	{"actors/queue", with(ground, "actors/queue/ready", "actors/queue/record", "actors/queue/settings", "actors/rate")},
	// Pure: what a queue decides has never heard of actors or of the disk.
	{"actors/queue/ready", []string{"protocol/...", "proto/...", "internal/columns"}},
	{"actors/queue/settings", []string{"protocol/..."}},
	{"actors/queue/record", []string{"actors/queue/ready", "protocol/...", "proto/..."}},
	{"actors/auth", with(ground, "actors/rate", "actors/policy")},
	// Pure: which policy applies to whom. A definition is JSON as in RabbitMQ's files.
	{"actors/policy", []string{"internal/definitions", "protocol/..."}},
	// Pure but for a timer: it calls whoever waits.
	{"actors/rate", nil},
	// The node's definitions, and which vhosts there are.
	{"actors/node", with(belowVHost, "actors/auth", "actors/policy", "actors/vhost/...")},
	{"actors/alarm", ground},

	// Where streams are and what they stand on.
	{"persistence", []string{"protocol/...", "proto/...", "supervision", "internal/columns", "internal/index"}},
	// OTP on Proto.Actor knows nothing of brokers.
	{"supervision", []string{"internal/index"}},
	// The vocabulary has no actors in it.
	{"protocol", nil},
	{"proto", nil},

	// A plugin is a protocol's adapter or a publisher of its own: it comes in where the AMQP channel does.
	{"plugins", with(belowChannel, "plugins/...")},

	// The composition root puts all of it together.
	{"supervision/tree", []string{"actors/...", "persistence/...", "protocol/...", "proto/...", "supervision", "plugins/...", "internal/..."}},

	{"internal/config", nil},
	// It reads the tests of all rooms as text.
	{"internal/compat", nil},
	// TLS files on disk, as the configuration names them.
	{"internal/certificates", []string{"internal/config"}},
	// Pure: RabbitMQ's JSON form of users, vhosts and topology.
	{"internal/definitions", []string{"protocol/..."}},
	{"internal/admin", []string{"proto/...", "protocol/..."}},
	// Pure: numbers that resemble each other take little memory.
	{"internal/columns", nil},
	// Pure: records by the names that they have.
	{"internal/index", nil},
	{"internal/host", nil},
	{"internal/collector", nil},
	{"internal/profile", nil},
	{"internal/imports", nil},

	{"cmd/warren", []string{"supervision/tree", "supervision", "internal/...", "protocol/...", "plugins/..."}},
	// It reads the files of a broker that is stopped.
	{"cmd/warrenctl", []string{"internal/...", "persistence/...", "proto/...", "protocol/..."}},
	{"cmd/warren-perf", []string{"protocol/..."}},

	{"benchmarks", everything},
	{"test", everything},
}

var everything = []string{
	"actors/...", "persistence/...", "protocol/...", "proto/...", "supervision", "supervision/tree", "plugins/...", "internal/...", "test/...",
}

// folders are the agreed ones at the top of the repository.
var folders = []string{
	"actors", "benchmarks", "cmd", "docs", "internal", "persistence", "plugins", "proto", "protocol", "supervision", "test",
}

func with(rooms []string, more ...string) []string {
	return append(rooms[:len(rooms):len(rooms)], more...)
}

// allowed says whether a package of the folder from may import one of the folder to. The folders are paths inside of the module.
func allowed(from, to string) bool {
	own, found := roomOf(from)
	if !found {
		return false
	}
	if there, found := roomOf(to); found && there.folder == own.folder {
		return true
	}
	for _, pattern := range own.may {
		folder, below := strings.CutSuffix(pattern, "/...")
		if to == folder || below && inside(to, folder) {
			return true
		}
	}
	return false
}

// roomOf finds the room of a folder: the longest that contains it.
func roomOf(folder string) (found room, ok bool) {
	for _, r := range rooms {
		if (r.folder == folder || inside(folder, r.folder)) && len(r.folder) > len(found.folder) {
			found, ok = r, true
		}
	}
	return found, ok
}

func inside(folder, parent string) bool {
	return strings.HasPrefix(folder, parent+"/")
}
