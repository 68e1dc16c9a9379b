package config

import (
	"os"
	"testing"
)

// STYLE "Tests": what parses bytes from outside is fuzzed. Whatever the file holds, loading it ends in a Config within its limits
// or in an error that names the place.
func FuzzParse(f *testing.F) {
	every, err := os.ReadFile("testdata/every.conf")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(every))
	f.Add("default_pass = 'a' # b\r\nlisteners.tcp.x = [::]:1\nlisteners.tcp = none")
	f.Add("vm_memory_low_watermark.absolute = 9223372P\nserver_properties.a.b = $(HOME)$(")
	f.Fuzz(func(t *testing.T, text string) {
		settings, err := parse("f", text)
		if err == nil {
			var c Config
			if c, err = build(settings); err == nil {
				if high, low := c.MemoryMarks(1 << 34); low > high || low < 0 {
					t.Errorf("marks %d and %d from %q", high, low, text)
				}
				if c.HandshakeTimeout <= 0 || c.MaxMessageSize <= 0 || c.Heartbeat < 0 {
					t.Errorf("out of its limits: %+v from %q", c, text)
				}
				return
			}
		}
		if len(err.Error()) < 4 || err.Error()[:2] != "f:" {
			t.Errorf("an error without a place: %v", err)
		}
	})
}
