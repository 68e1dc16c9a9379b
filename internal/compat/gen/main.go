// Command gen writes docs/compatibility.md: gen PAGE TOP, run by go generate in internal/compat.
package main

import (
	"fmt"
	"os"

	"warren/internal/compat"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: gen PAGE TOP")
		os.Exit(2)
	}
	if err := write(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "compat:", err)
		os.Exit(1)
	}
}

func write(page, top string) error {
	tests, err := compat.Scan(top)
	if err != nil {
		return err
	}
	rows, err := compat.Rows(tests)
	if err != nil {
		return err
	}
	return os.WriteFile(page, []byte(compat.Page(rows)), 0o644)
}
