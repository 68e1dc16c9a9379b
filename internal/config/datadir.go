package config

import (
	"errors"
	"os"
	"path/filepath"
)

// DefaultDataDir returns where the broker keeps its data, and where warrenctl looks for it, when no --data-dir says otherwise:
// $WARREN_DATA_DIR; for root /var/lib/warren; for everybody else $XDG_DATA_HOME/warren, which is ~/.local/share/warren unless
// set (XDG base directory specification). It creates nothing.
func DefaultDataDir() (string, error) {
	if dir := os.Getenv("WARREN_DATA_DIR"); dir != "" {
		return filepath.Abs(dir)
	}
	if os.Geteuid() == 0 {
		return "/var/lib/warren", nil
	}
	// The specification has relative paths ignored.
	if base := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(base) {
		return filepath.Join(base, "warren"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("no home directory to keep data in: give --data-dir or set WARREN_DATA_DIR")
	}
	return filepath.Join(home, ".local", "share", "warren"), nil
}
