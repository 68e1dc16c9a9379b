package broker

import (
	"strings"
	"testing"
)

// The address is read from whatever zerolog writes: JSON, console, colours.
func TestLogPipeFindsTheAddress(t *testing.T) {
	for text, want := range map[string]string{
		`{"level":"info","address":"127.0.0.1:4321","message":"listening"}`:                   "127.0.0.1:4321",
		"12:00 INF listening address=127.0.0.1:99 protocol=amqp":                              "127.0.0.1:99",
		"\x1b[90m12:00\x1b[0m \x1b[32mINF\x1b[0m listening \x1b[36maddress=\x1b[0m[::1]:5672": "[::1]:5672",
		"INF address=127.0.0.1:1 refused\nINF listening address=127.0.0.1:2":                  "127.0.0.1:2",
	} {
		p := newLogPipe(strings.NewReader(text))
		<-p.ended
		select {
		case got := <-p.address:
			if got != want {
				t.Errorf("%q: %s", text, got)
			}
		default:
			t.Errorf("%q: nothing found", text)
		}
	}
}
