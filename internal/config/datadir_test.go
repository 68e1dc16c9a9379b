package config

import (
	"os"
	"testing"
)

// docs/configuration.md: where the data is without --data-dir, the same for warren and warrenctl.
func TestDefaultDataDir(t *testing.T) {
	t.Setenv("WARREN_DATA_DIR", "/somewhere/else/")
	if dir, err := DefaultDataDir(); dir != "/somewhere/else" || err != nil {
		t.Errorf("the environment says /somewhere/else, but got %s %v", dir, err)
	}

	t.Setenv("WARREN_DATA_DIR", "")
	t.Setenv("XDG_DATA_HOME", "")
	t.Setenv("HOME", "/home/bunny")
	want := "/home/bunny/.local/share/warren"
	if os.Geteuid() == 0 {
		want = "/var/lib/warren"
	}
	if dir, err := DefaultDataDir(); dir != want || err != nil {
		t.Errorf("got %s %v, want %s", dir, err, want)
	}
}
