// Command gen writes the methods of protocol/amqp091 from the specification's XML, which it takes from the module
// github.com/rabbitmq/amqp091-go, and from supplement.xml beside it. It is run by go generate in protocol/amqp091.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const specModule = "github.com/rabbitmq/amqp091-go"

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// run writes all files into dir, the directory of package amqp091.
func run(dir string) error {
	files, err := generate(dir)
	if err != nil {
		return err
	}
	for name, code := range files {
		if err := os.WriteFile(filepath.Join(dir, name), code, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns file names and contents.
func generate(dir string) (map[string][]byte, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", specModule).Output()
	if err != nil {
		return nil, fmt.Errorf("find module %s: %w", specModule, err)
	}
	s, err := readSpec(
		filepath.Join(strings.TrimSpace(string(out)), "spec", "amqp0-9-1.stripped.extended.xml"),
		filepath.Join(dir, "internal", "gen", "supplement.xml"),
	)
	if err != nil {
		return nil, err
	}
	return write(s)
}
